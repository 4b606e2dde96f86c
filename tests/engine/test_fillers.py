"""Random numbers by counter, and the moments of every filler against Caffe's."""

import json
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import DefinitionError, rng
from brewbench.engine.fillers import FILLERS, make_fill
from brewbench.proto.messages import FillerParameter

STATISTICS = json.loads((Path(__file__).parents[1] / "golden" / "pycaffe" / "filler_statistics.json").read_text())
SHAPES = {"ip_300x200": (300, 200), "conv_64x16x5x5": (64, 16, 5, 5)}
KEY = rng.key(3, "layer", 0)


def fill(text, shape, key=KEY):
    out = np.zeros(int(np.prod(shape)), np.float32)
    make_fill(text_format.Parse(text, FillerParameter()), shape, key)(out)
    return out.reshape(shape)


def test_philox_gives_the_published_numbers():
    """The known answers of Random123 for Philox4x32-10."""
    assert [hex(word) for word in rng.bits(4, (0, 0))] == ["0x6627e8d5", "0xe169c58d", "0xbc57ac4c", "0x9b00dbd8"]


def test_a_number_depends_on_its_place_alone():
    whole = rng.bits(300_000, KEY, stream=5)
    np.testing.assert_array_equal(rng.bits(17, KEY, stream=5), whole[:17])
    assert (rng.bits(17, KEY, stream=6) != whole[:17]).any()
    assert rng.key(3, "a", 1) != rng.key(3, "a", 2) != rng.key(4, "a", 2)
    assert sorted(rng.permutation(50, KEY)) == list(range(50))


@pytest.mark.parametrize("case", [case for case in STATISTICS if case.split(" | ")[0] in SHAPES])
def test_a_filler_has_caffes_moments(case):
    where, text = case.split(" | ")
    wanted, shape = STATISTICS[case], SHAPES[where]
    values = fill(text, shape).astype(np.float64)
    spread = wanted["std"]
    assert values.mean() == pytest.approx(wanted["mean"], abs=0.03 * spread + 1e-6)
    assert values.std() == pytest.approx(spread, rel=0.03, abs=1e-6)
    assert (values == 0).mean() == pytest.approx(wanted["zero_fraction"], abs=0.01)
    rows = values.reshape(shape[0], -1).sum(axis=1)
    assert rows.mean() == pytest.approx(wanted["row_sums"][0], rel=0.05, abs=0.3 * wanted["row_sums"][1] + 1e-4)


def test_every_filler_has_a_case():
    seen = {text_format.Parse(case.split(" | ")[1], FillerParameter()).type for case in STATISTICS}
    assert seen | {"bilinear"} == set(FILLERS)


def test_bilinear_is_a_tent():
    kernel = fill('type: "bilinear"', (2, 1, 4, 4))
    np.testing.assert_allclose(kernel[1, 0], np.outer([0.25, 0.75, 0.75, 0.25], [0.25, 0.75, 0.75, 0.25]))


@pytest.mark.parametrize(
    ("text", "shape", "field"),
    [
        ('type: "xavierr"', (2, 2), "type"),
        ('type: "xavier" sparse: 3', (2, 2), "sparse"),
        ('type: "gaussian" sparse: -2', (2, 2), "sparse"),
        ('type: "gaussian" std: 0', (2, 2), "std"),
        ('type: "uniform" min: 2', (2, 2), "min"),
        ('type: "bilinear"', (2, 2), "type"),
    ],
)
def test_an_impossible_filler_names_its_field(text, shape, field):
    with pytest.raises(DefinitionError) as caught:
        fill(text, shape)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "shape", "field"),
    [
        ('type: "constant"', (2, 0), "type"),
        ('type: "xavier"', (), "type"),
        ('type: "msra"', (), "type"),
        ('type: "positive_unitball"', (), "type"),
        ('type: "gaussian" sparse: 0', (), "sparse"),
        ('type: "gaussian" sparse: 4', (3, 5), "sparse"),
        ('type: "gaussian" sparse: -2', (3, 5), "sparse"),
        ('type: "uniform" sparse: 1', (3, 5), "sparse"),
        ('type: "gaussian" std: 0', (3, 5), "std"),
        ('type: "uniform" min: 2 max: 1', (3, 5), "min"),
        ('type: "bilinear"', (3, 1, 4, 5), "type"),
    ],
)
def test_what_cannot_be_filled_is_refused_before_anybody_looks(text, shape, field):
    with pytest.raises(DefinitionError) as caught:
        make_fill(text_format.Parse(text, FillerParameter()), shape, KEY)
    assert caught.value.field == field


def test_a_single_number_can_be_filled():
    for text in 'type: "constant" value: 2', 'type: "uniform"', 'type: "gaussian" std: 2':
        assert fill(text, ()).shape == ()


@pytest.mark.parametrize(
    ("norm", "shape", "n"),
    [("FAN_IN", (4, 6, 5), 30), ("FAN_OUT", (4, 6, 5), 20), ("AVERAGE", (4, 6, 5), 25), ("FAN_OUT", (7,), 7)],
)
def test_variance_norm_names_the_fan(norm, shape, n):
    values = fill(f'type: "xavier" variance_norm: {norm}', (40 * shape[0], *shape[1:]))
    fan_out = {"FAN_IN": n, "FAN_OUT": 40 * n, "AVERAGE": (30 + 40 * 20) / 2}[norm]
    assert 0.9 * (3 / fan_out) ** 0.5 < np.abs(values).max() <= (3 / fan_out) ** 0.5
