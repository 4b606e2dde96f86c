"""Events: subscribers come and go and may fail; calls are coalesced by the clock, and never overtake."""

import logging
import threading

import pytest

from brewbench.workbench.events import Channel, Courier, Outbox, errors


def test_subscribers_are_told_until_they_leave():
    channel, heard = Channel("test"), []
    leave = channel.subscribe(lambda *what: heard.append(what))
    channel.publish(1, "a")
    leave()
    leave()
    channel.publish(2)
    assert heard == [(1, "a")]


def test_a_subscriber_may_leave_while_it_is_told():
    channel, heard = Channel("test"), []
    leave = channel.subscribe(lambda: (heard.append("first"), leave()))
    channel.subscribe(lambda: heard.append("second"))
    channel.publish()
    channel.publish()
    assert heard == ["first", "second", "second"]


def test_what_a_subscriber_raises_goes_to_errors_and_the_others_are_told():
    channel, heard, found = Channel("test"), [], []
    channel.subscribe(lambda: 1 / 0)
    channel.subscribe(lambda: heard.append("told"))
    leave = errors.subscribe(lambda where, error: found.append((where, type(error))))
    try:
        channel.publish()
    finally:
        leave()
    assert heard == ["told"]
    assert found == [(channel, ZeroDivisionError)]


@pytest.mark.parametrize("listener_fails", [False, True])
def test_an_error_that_nobody_can_hear_of_is_logged(caplog, listener_fails):
    channel = Channel("curves")
    channel.subscribe(lambda: 1 / 0)
    leave = errors.subscribe(lambda where, error: [].pop()) if listener_fails else lambda: None
    with caplog.at_level(logging.ERROR):
        channel.publish()
    leave()
    (record,) = caplog.records
    assert ("errors" if listener_fails else "curves") in record.getMessage()


class Calls:
    """Calls that note their names."""

    def __init__(self):
        self.made = []

    def __getitem__(self, name):
        return lambda: self.made.append(name)

    def make(self, outbox, now):
        for call in outbox.take(now):
            call()
        made, self.made = self.made, []
        return made


def test_of_one_kind_only_the_latest_is_called_once_an_interval():
    outbox, calls = Outbox(0.1), Calls()
    assert outbox.put_latest("curve", calls["1"])
    assert calls.make(outbox, 10.0) == ["1"]
    assert outbox.put_latest("curve", calls["2"])
    assert not outbox.put_latest("curve", calls["3"])
    assert calls.make(outbox, 10.05) == []
    assert outbox.delay(10.05) == pytest.approx(0.05)
    assert calls.make(outbox, 10.1) == ["3"]
    assert outbox.delay(10.1) is None


def test_kinds_have_intervals_of_their_own():
    outbox, calls = Outbox(1.0), Calls()
    outbox.put_latest("a", calls["a1"])
    assert calls.make(outbox, 0.0) == ["a1"]
    outbox.put_latest("a", calls["a2"])
    outbox.put_latest("b", calls["b1"])
    assert calls.make(outbox, 0.5) == ["b1"]
    assert calls.make(outbox, 1.0) == ["a2"]


def test_a_call_in_its_turn_takes_along_what_waits():
    """So that the last points of a curve are told before the end of the run is."""
    outbox, calls = Outbox(1.0), Calls()
    outbox.put_latest("curve", calls["1"])
    calls.make(outbox, 0.0)
    outbox.put_latest("curve", calls["2"])
    outbox.put(calls["paused"])
    outbox.put_latest("curve", calls["3"])
    assert outbox.delay(0.1) == 0
    assert calls.make(outbox, 0.1) == ["2", "paused"]
    assert calls.make(outbox, 1.0) == []
    assert calls.make(outbox, 1.1) == ["3"]


def test_the_courier_calls_in_order_on_its_own_thread():
    courier, made = Courier(interval=60), []
    for number in range(100):
        courier.post_latest("latest", lambda number=number: made.append(("latest", number)))
        courier.post(lambda number=number: made.append((threading.current_thread().name, number)))
    assert courier.drain(10)
    courier.close()
    assert [number for name, number in made if name != "latest"] == list(range(100))
    assert {name for name, _ in made} == {"courier", "latest"}
    assert made[0] == ("latest", 0)


def test_the_courier_survives_a_call_that_fails(caplog):
    courier, made = Courier(), []
    courier.post(lambda: 1 / 0)
    courier.post(lambda: made.append("after"))
    assert courier.drain(10)
    assert made == ["after"]
    assert "ZeroDivisionError" in caplog.text
    courier.close()
    assert not courier.drain(10)


def test_whoever_is_being_told_cannot_wait_for_the_courier():
    courier, answers = Courier(), []
    courier.post(lambda: answers.append(courier.drain(10)))
    assert courier.drain(10)
    courier.close()
    assert answers == [False]
