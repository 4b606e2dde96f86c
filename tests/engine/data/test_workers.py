"""Threads that map in order, tell the first failure, and end when they are forgotten."""

import gc
import threading
import time

import pytest

from brewbench.engine.data.workers import Workers


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("squaring")]


def test_results_come_in_order():
    def square(value: int) -> int:
        time.sleep(0.002 * (value % 3))
        return value * value

    workers = Workers("squaring")
    assert not names()
    assert workers.map(square, range(20)) == [value * value for value in range(20)]
    assert list(workers.stream(square, iter(range(150)))) == [value * value for value in range(150)]
    assert names()


def test_a_stream_takes_no_more_than_it_must():
    taken = []

    def items():
        for value in range(1000):
            taken.append(value)
            yield value

    stream = Workers("squaring").stream(str, items())
    assert next(stream) == "0"
    assert len(taken) < 100


def test_the_first_failure_is_told():
    with pytest.raises(ZeroDivisionError):
        Workers("squaring").map(lambda value: 1 // value, [1, 0, 2])


def test_the_threads_end_when_forgotten():
    workers = Workers("squaring")
    workers.map(str, range(8))
    del workers
    gc.collect()
    for _ in range(100):
        if not names():
            return
        time.sleep(0.02)
    raise AssertionError(names())
