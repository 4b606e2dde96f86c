"""The overlays of a bench, without a browser: what is chosen is computed, kept in step, and stops when it is not."""

import pytest

import brewbench

NET = """
layer { name: "data" type: "DummyData" top: "data" top: "label"
  dummy_data_param { shape { dim: 4 dim: 6 } shape { dim: 4 }
    data_filler { type: "gaussian" } data_filler { type: "constant" value: 1 } } }
layer { name: "ip1" type: "InnerProduct" bottom: "data" top: "ip1"
  inner_product_param { num_output: 8 weight_filler { type: "xavier" } } }
layer { name: "ip2" type: "InnerProduct" bottom: "ip1" top: "ip2"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip2" bottom: "label" top: "loss" }
"""
SOLVER = 'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" max_iter: 5000 random_seed: 3'


@pytest.fixture(params=["solver", "net"])
def bench(request, tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "solver.prototxt").write_text(SOLVER)
    made = brewbench.open(tmp_path / f"{request.param}.prototxt")
    yield made
    made.close()


def ask(bench, what, name=""):
    bench.editor._receive(bench.editor, {"type": "overlay", "ask": what, "name": name}, [])


def settled(bench):
    """What the editor shows once the thread of the overlays is done."""
    bench.overlays._courier.drain(10)
    return bench.editor._overlay


def test_costs_follow_the_text(bench):
    ask(bench, "choose", "parameters")
    assert settled(bench)["values"] == {"1": 56, "2": 27}
    bench.document.set(("layer", 1, "inner_product_param", "num_output"), 10)
    assert settled(bench)["values"] == {"1": 70, "2": 33}
    assert bench.figures.table._overlay is None, "the table has these columns already"
    ask(bench, "choose", "")
    assert settled(bench) is None


def test_times_are_measured_and_are_of_one_net(bench):
    ask(bench, "choose", "forward")
    found = settled(bench)
    assert set(found["values"]) == {"0", "1", "2", "3"} and found["unit"] == "ms" and found["measured"]
    assert bench.figures.table._overlay == found
    ask(bench, "choose", "backward")
    assert set(settled(bench)["values"]) == {"0", "1", "2", "3"}
    assert bench.session.iteration == 0 and bench.session.cursor is None
    bench.document.set(("layer", 1, "inner_product_param", "num_output"), 10)
    if bench.live.solver is not None:
        bench.session.wait()
    assert settled(bench)["values"] == {} and "Measure" in settled(bench)["note"]
    ask(bench, "measure")
    assert len(settled(bench)["values"]) == 4


@pytest.mark.parametrize("bench", ["solver"], indirect=True)
@pytest.mark.parametrize("name", ["gradient", "weights", "update", "change", "dead"])
def test_a_run_is_followed_as_long_as_a_page_draws(bench, name):
    ask(bench, "choose", name)
    first = settled(bench)
    assert bool(first["values"]) == (name in ("weights", "change"))
    bench.session.step(1)
    bench.session.wait()
    shown = settled(bench)
    assert set(shown["values"]) == {"1", "2"}
    assert shown["live"]
    listeners = len(bench.live.listeners)
    ask(bench, "choose", "")
    assert settled(bench) is None and len(bench.live.listeners) == listeners - 1, "off, nothing is measured"


@pytest.mark.parametrize("bench", ["solver"], indirect=True)
def test_what_nobody_draws_is_not_measured_again(bench):
    ask(bench, "choose", "gradient")
    settled(bench)
    probe = bench.overlays._probe
    assert probe.asked
    bench.session.step(1)
    bench.session.wait()
    assert not probe.asked, "it told once, and waits until that is drawn"
    due = probe._due
    probe._due = 0
    bench.session.step(1)
    bench.session.wait()
    assert probe._due == 0 and due > 0
    ask(bench, "drawn")
    assert probe.asked


@pytest.mark.parametrize("bench", ["solver"], indirect=True)
def test_another_net_is_followed_too(bench):
    ask(bench, "choose", "change")
    settled(bench)
    bench.session.step(2)
    bench.session.wait()
    bench.document.set(("layer", 1, "inner_product_param", "num_output"), 10)
    bench.session.step(1)
    bench.session.wait()
    shown = settled(bench)
    assert set(shown["values"]) == {"1", "2"} and all(value > 0 for value in shown["values"].values())
    assert bench.session.error is None


def test_a_new_view_shows_it(bench):
    ask(bench, "choose", "weights")
    settled(bench)
    greeting = {message["type"]: message for message in bench.editor._greeting()}
    assert greeting["overlay"]["overlay"]["name"] == "weights"
    assert any(one["name"] == "dead" for one in greeting["overlays"]["overlays"])
