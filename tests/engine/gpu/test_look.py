"""What pages show of a blob, reduced on the device, against the same done on the host."""

import numpy as np
import pytest

from brewbench.engine.blob import Blob
from brewbench.engine.gpu.look import Look
from brewbench.widgets import arrays

DRAW = np.random.RandomState(2)
EXAMPLES = {
    "normal": DRAW.randn(4, 3, 9, 9),
    "integers": DRAW.randint(-5, 6, (2, 3000)),
    "mostly zero": np.maximum(DRAW.randn(3, 700), 0),
    "with infinities": np.where(DRAW.rand(40, 50) < 0.1, np.inf, DRAW.randn(40, 50)),
    "one number": np.full((1, 1), 7.0),
    "all the same": np.full((30, 30), -2.5),
    "nothing finite": np.full((5, 5), np.nan),
}


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_look_at_the_device_shows_what_one_at_the_host_shows(name, dtype, gpu):
    values = EXAMPLES[name].astype(dtype)
    blob = Blob(values.shape, dtype, gpu)
    blob.data, blob.diff = values, values[::-1]
    for part, expected in (("data", values), ("diff", values[::-1])):
        look = Look(blob, part)
        statistics, wanted = look.statistics(), arrays.statistics(expected)
        assert statistics.keys() == wanted.keys()
        for key, value in wanted.items():
            assert statistics[key] == pytest.approx(value, rel=1e-5, abs=1e-6), key
        counts, low, high = look.histogram(32)
        wanted_counts, wanted_low, wanted_high = arrays.histogram(expected, 32)
        assert (low, high) == (wanted_low, wanted_high) and counts.sum() == wanted_counts.sum()
        if dtype == np.float64:  # NumPy finds the bins of float32 values in float32
            np.testing.assert_array_equal(counts, wanted_counts)
        else:
            assert np.abs(counts.astype(int) - wanted_counts).sum() <= 4
        np.testing.assert_array_equal(look.item(0), expected[0])
