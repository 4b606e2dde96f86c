"""What is changed while a run goes on: it lands, is marked, and goes with a rewind."""

import numpy as np
import pytest

from brewbench.proto import Document
from brewbench.workbench.session.changes import spell_changes

from .test_session import LONG, assert_same, finish, live, session, texts  # noqa: F401
from .test_still import go_on


def marks(session):  # noqa: F811
    finish(session)
    return [(mark.iteration, mark.text) for mark in session.history.marks]


def test_a_change_of_the_solver_is_marked_where_it_lands(session):  # noqa: F811
    told = []
    session.on_mark.subscribe(told.append)
    session.set("momentum", 0.5)  # before the run: no mark
    session.step(3)
    finish(session)
    session.set("base_lr", 0.05)
    session.set("weight_decay", 0)
    session.step(2)
    assert marks(session) == [(3, "base_lr 0.1 → 0.05; weight_decay 0.01 → 0")]
    assert told[-1].text == session.history.marks[0].text
    np.testing.assert_allclose(session.history.rate[2:4], [0.1, 0.025])


def test_edits_of_the_net_are_marked_while_it_plays(session):  # noqa: F811
    session.set("max_iter", LONG)
    session.play()
    go_on(session)
    session.live.document.set(("layer", 0, "hdf5_data_param", "batch_size"), 6)
    go_on(session)
    session.live.document.set(("layer", 0, "hdf5_data_param", "shuffle"), False)
    go_on(session)
    session.pause()
    found = [text for _, text in marks(session)]
    assert "; ".join(found) == "rows: batch_size 4 → 6; rows: shuffle true → false"
    assert session.live.net.blobs["data"].shape == (6, 5) and session.error is None
    np.testing.assert_array_equal(session.history.iterations, np.arange(session.iteration))


def test_a_frozen_layer_stands_still_and_learns_again(session):  # noqa: F811
    session.step(3)
    finish(session)
    text = session.live.document.text
    session.freeze("ip1")
    assert session.live.status.state == "alive"
    before = [blob.data.copy() for blob in session.live.net.params["ip1"]]
    other = session.live.net.params["ip2"][0].data.copy()
    session.step(3)
    finish(session)
    for kept, blob in zip(before, session.live.net.params["ip1"], strict=True):
        np.testing.assert_array_equal(kept, blob.data)
    assert (session.live.net.params["ip2"][0].data != other).any()
    assert marks(session) == [(3, "ip1: lr_mult 1 → 0; ip1: lr_mult 1 → 0")]
    session.freeze("ip1", False)
    session.step(1)
    finish(session)
    assert (session.live.net.params["ip1"][0].data != before[0]).any()
    session.live.document.undo()
    session.live.document.undo()
    assert session.live.document.text == text
    with pytest.raises(KeyError, match="relu"):
        session.freeze("relu")


def test_unfreezing_writes_the_multipliers_of_before(session):  # noqa: F811
    session.live.build()
    session.live.document.set(("layer", 1, "param", 0, "lr_mult"), 2.5)
    session.freeze("ip1")
    session.freeze("ip1")
    assert [one.lr_mult for one in session.solver.net.learnable][:2] == [0, 0]
    session.freeze("ip1", False)
    assert [one.lr_mult for one in session.solver.net.learnable][:2] == [2.5, 1]


def test_a_rewind_takes_back_what_was_set_in_the_run_and_says_so(session, texts):  # noqa: F811
    notices = []
    session.on_notice.subscribe(notices.append)
    session.step(2)
    finish(session)
    session.set("base_lr", 0.5)
    session.set("base_lr", 0.7)
    session.set("display", 3)
    session.step(1)
    session.rewind()
    assert finish(session) == "idle" and marks(session) == []
    assert notices == ["base_lr is 0.1 again (it was 0.7); display is 0 again (it was 3)."]
    assert session.live.solver_document.text == texts[1]
    session.step(5)
    finish(session)
    assert_same(session, texts, 5)


def test_what_was_set_before_the_run_stays(session):  # noqa: F811
    session.set("base_lr", 0.3)
    session.step(2)
    session.rewind()
    finish(session)
    assert session.solver.param.base_lr == pytest.approx(0.3)


def test_a_change_stays_marked_on_another_way(session):  # noqa: F811
    session.timeline.share = float("inf")
    session.step(5)
    finish(session)
    session.set("base_lr", 0.5)
    session.step(2)
    session.go_back(2)
    assert marks(session) == [(5, "base_lr 0.1 → 0.5")]
    session.step(1)
    assert marks(session) == [(2, "base_lr 0.1 → 0.5")]


def test_changes_are_spelled_by_layer_and_field():
    def built(net, solver="base_lr: 1"):
        return Document.parse(net, "net"), Document.parse(solver, "solver")

    old = built('layer { name: "a" type: "ReLU" bottom: "x" top: "a" } layer { name: "b" type: "Power" }')
    new = built(
        'layer { name: "a" type: "TanH" bottom: "x" top: "y" } layer { name: "c" type: "Power" '
        'power_param { power: 2 } }',
        "base_lr: 0.25 lr_policy: 'fixed'",
    )
    first = "base_lr 1 → 0.25; lr_policy  → fixed; a: type ReLU → TanH; a: top [a] → [y]"
    assert spell_changes(old, new) == f"{first}; 2 more"
    assert spell_changes(old, old) == spell_changes(None, new) == ""
    layer = 'layer {{ name: "c" type: "Convolution" convolution_param {{ {} }} }}'
    old = built(layer.format("kernel_size: 3"))
    new = built(layer.format('kernel_size: 3 kernel_size: 5 weight_filler { type: "msra" }'))
    assert spell_changes(old, new) == "c: kernel_size [3] → [3, 5]; c: type constant → msra"
