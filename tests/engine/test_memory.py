"""Memory that appears on first touch, moves when asked for elsewhere, and lies side by side in arenas."""

import numpy as np
import pytest

from brewbench.engine import Blob
from brewbench.engine.memory import HOST, MODIFY, READ, WRITE, Arena, Memory, Place


class Reversed(Place):
    """A place with a layout of its own: the elements backwards."""

    name, xp = "reversed", np

    def __init__(self):
        self.copies = []

    def allocate(self, count, dtype):
        return np.zeros(count, dtype)

    def to_host(self, array, host):
        self.copies.append("to host")
        host[:] = array[::-1]

    def from_host(self, host, array):
        self.copies.append("from host")
        array[:] = host[::-1]


def test_the_four_states_follow_reads_and_writes():
    there, memory = Reversed(), Memory(3)
    assert memory.state == "uninitialised" and memory.allocated == 0
    memory.on(HOST, WRITE)[:] = [1, 2, 3]
    assert memory.state == "at host"
    np.testing.assert_array_equal(memory.on(there), [3, 2, 1])
    assert memory.state == "synced"
    memory.on(there, MODIFY)[0] = 9
    assert memory.state == "at device"
    np.testing.assert_array_equal(memory.on(HOST), [1, 2, 9])
    assert memory.state == "synced"
    assert there.copies == ["from host", "to host"]


def test_a_write_copies_nothing():
    there, memory = Reversed(), Memory(3)
    memory.on(HOST, WRITE)[:] = 1
    memory.on(there, WRITE)[:] = 2
    assert there.copies == []
    np.testing.assert_array_equal(memory.on(HOST), [2, 2, 2])


def test_a_fill_waits_for_the_first_look_and_a_write_cancels_it():
    filled = []

    def fill(out):
        filled.append(1)
        out[:] = 7

    memory = Memory(4)
    memory.fill_with(fill)
    assert memory.pending and not filled
    np.testing.assert_array_equal(memory.on(HOST), [7] * 4)
    memory.on(HOST)
    assert filled == [1]
    memory.fill_with(fill)
    memory.on(HOST, WRITE)[:] = 0
    assert not memory.pending and memory.on(HOST).sum() == 0 and filled == [1]


def test_an_arena_holds_its_members_in_one_piece_with_gaps_of_zero():
    parts = [Memory(3), Memory(20), Memory(1)]
    parts[1].on(HOST, WRITE)[:] = np.arange(20)
    arena = Arena(parts)
    np.testing.assert_array_equal(parts[1].on(HOST), np.arange(20))
    whole = arena.on(HOST, MODIFY)
    whole += 1
    assert parts[0].on(HOST).tolist() == [1, 1, 1]
    for memory in parts:
        start, stop = arena.span_of(memory)
        assert (start * 4) % 64 == 0
        assert np.shares_memory(memory.on(HOST), whole[start:stop])
    with pytest.raises(ValueError, match="cannot grow"):
        parts[0].resize(4)


def test_nothing_is_allocated_before_it_is_touched():
    blob = Blob((1000, 1000))
    assert blob.data_memory.allocated == blob.diff_memory.allocated == 0
    blob.diff[0, 0] = 1
    assert blob.data_memory.allocated == 0 and blob.diff_memory.allocated == 4_000_000


def test_a_blob_keeps_its_values_while_it_shrinks_and_grows_back():
    blob = Blob((2, 3))
    blob.data = np.arange(6).reshape(2, 3)
    blob.reshape(3)
    assert blob.data.tolist() == [0, 1, 2]
    blob.reshape(3, 2)
    assert blob.data.tolist() == [[0, 1], [2, 3], [4, 5]]
    blob.reshape(4, 2)
    assert blob.data.sum() == 0


def test_shapes_as_caffe_says_them():
    blob = Blob((64, 20, 24))
    assert blob.shape_string == "64 20 24 (30720)"
    assert (blob.num, blob.channels, blob.height, blob.width) == (64, 20, 24, 1)
    with pytest.raises(ValueError, match="at most 4 axes"):
        _ = Blob((1, 1, 1, 1, 1)).num
    with pytest.raises(ValueError, match="at most 32 axes"):
        blob.reshape(*[1] * 33)
    with pytest.raises(ValueError, match="negative"):
        blob.reshape(-1)


def test_sharing_needs_equal_counts():
    one, other = Blob((2, 3)), Blob((6,))
    one.share_data(other)
    other.data[4] = 5
    assert one.data[1, 1] == 5
    with pytest.raises(ValueError, match="counts differ"):
        one.share_diff(Blob((5,)))


def test_reading_leaves_the_other_place_valid():
    there, memory = Reversed(), Memory(2)
    memory.on(there, WRITE)[:] = 1
    memory.on(HOST, READ)
    assert memory.valid == {HOST, there}


@pytest.mark.parametrize("count", [1, 1000, 3_000_000])
def test_host_memory_begins_at_a_whole_cache_line(count):
    arena = Arena([Memory(count), Memory(5)])
    for memory in (*arena.memories, Memory(count)):
        assert memory.on(HOST).ctypes.data % 64 == 0
