"""A good part of the golden cases under glibc's checking allocator; `python tests/memory.py` runs all of them."""

import runpy
from pathlib import Path

import pytest

MEMORY = runpy.run_path(str(Path(__file__).with_name("memory.py")))
WORDS = (
    "layer Concat", "layer Convolution-", "layer Deconvolution", "layer Dropout", "layer Eltwise", "layer InnerProduct",
    "layer LRN", "layer LSTM-", "layer Pooling", "layer RNN", "layer SPP", "layer Sigmoid", "layer Softmax",
    "net lenet_train", "net lstm_net", "net mix_small", "run lenet_Adam", MEMORY["READERS"],
)  # fmt: skip


@pytest.mark.parametrize("threads", MEMORY["THREADS"])
def test_results_do_not_depend_on_what_memory_held_before(threads):
    if not MEMORY["allocator_is_here"]():
        pytest.skip(f"glibc's checking allocator, {MEMORY['LIBRARY']}, is not here")
    assert MEMORY["differences"](WORDS, [threads]) == []


def test_each_word_stands_for_some_cases():
    names = MEMORY["chosen"](())
    assert [word for word in WORDS if not any(word in name for name in names)] == []
