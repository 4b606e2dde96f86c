"""`brewbench test` and `brewbench time`."""

import re

import pytest


@pytest.fixture
def weights(bench, call):
    call("train", "-solver", "solver.prototxt")
    return "tiny_iter_20.caffemodel"


def messages(err):
    return [line.partition("] ")[2] for line in err.splitlines()]


def test_test_gives_every_batch_and_the_mean(weights, call):
    status, out, err = call("test", "-model", "net.prototxt", "-weights", weights, "-iterations", "3")
    assert (status, out) == (0, "")
    said = messages(err)
    assert "Running for 3 iterations." in said
    losses = [float(line.rpartition(" ")[2]) for line in said if re.match(r"Batch \d, loss = ", line)]
    assert len(losses) == 3
    mean, weighted = re.fullmatch(r"loss = (\S+) \(\* 1 = (\S+) loss\)", said[-1]).groups()
    assert mean == weighted
    assert float(mean) == pytest.approx(sum(losses) / 3, rel=1e-5)
    assert float(re.fullmatch(r"Loss: (\S+)", said[-3])[1]) == pytest.approx(float(mean), rel=1e-5)
    assert re.fullmatch(r"accuracy = \S+", said[-2])


def test_test_gives_every_element_of_an_output(weights, call):
    with open("net.prototxt", "a") as file:
        file.write("layer { name: 'one' type: 'DummyData' top: 'one' dummy_data_param { shape { dim: 2 } } }\n")
    said = messages(call("test", "-model=net.prototxt", "--weights=" + weights, "-iterations=1")[2])
    assert said.count("Batch 0, one = 0") == 2
    assert said[-2:] == ["one = 0", "one = 0"]


def test_test_names_what_it_does_not_use(weights, call, bench):
    text = (bench / "net.prototxt").read_text()
    (bench / "net.prototxt").write_text(text.replace('name: "ip"', 'name: "other"'))
    said = messages(call("test", "-model", "net.prototxt", "-weights", weights, "-iterations", "1")[2])
    assert "Ignoring source layer ip" in said


@pytest.mark.parametrize(
    ("phase", "layers"),
    [
        ([], ["rows", "ip", "loss"]),
        (["-phase", "TEST"], ["rows", "label_rows_1_split", "ip", "ip_ip_0_split", "accuracy", "loss"]),
    ],
)
def test_time_lists_every_layer(bench, call, phase, layers):
    status, out, err = call("time", "-model", "net.prototxt", "-iterations", "2", *phase)
    assert (status, out) == (0, "")
    said = messages(err)
    assert {"Performing Forward", "Performing Backward", "Testing for 2 iterations."} <= set(said)
    assert len([line for line in said if re.match(r"Iteration: [12] forward-backward time: \S+ ms\.", line)]) == 2
    rates = said[said.index("Engine and rate per layer: ") + 1 :]
    assert [line.partition("\t")[0].strip() for line in rates] == layers
    assert all(re.fullmatch(r".*\tengine: .*", line) for line in rates)
    assert re.fullmatch(r" *ip\tengine: \w+, \S+ GFLOP, forward: \S+ GFLOP/s(, .*)?", rates[layers.index("ip")])
    said = said[: said.index("Engine and rate per layer: ")]
    table = said[said.index("Average time per layer: ") + 1 : -5]
    expected = [f"{name:>10}\t{way}" for name in layers for way in ("forward", "backward")]
    assert [line.partition(": ")[0] for line in table] == expected
    assert all(re.fullmatch(r".*: [\d.e-]+ ms\.", line) for line in table)
    ends = ["Average Forward pass", "Average Backward pass", "Average Forward-Backward", "Total Time"]
    assert [line.partition(": ")[0] for line in said[-5:-1]] == ends
    assert said[-1] == "*** Benchmark ends ***"


def test_time_takes_weights(weights, call):
    assert call("time", "-model", "net.prototxt", "-weights", weights, "-iterations", "1")[0] == 0
    status, _, err = call("time", "-model", "net.prototxt", "-weights", "net.prototxt", "-iterations", "1")
    assert status == 1 and "net.prototxt: is not a .caffemodel" in err
