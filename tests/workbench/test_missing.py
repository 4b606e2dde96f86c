"""A living net whose database is not there: it shows shapes, waits, and runs on stand-in data when it is told to."""

import numpy as np
import pytest

from brewbench.engine import TRAIN
from brewbench.engine.data.database import write_database
from brewbench.engine.data.datum import to_datum
from brewbench.engine.errors import DefinitionError
from brewbench.proto import Document
from brewbench.workbench import LiveNet, Session

NET = """
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN }
  transform_param { crop_size: 6 force_gray: true } data_param { source: "train_db" batch_size: 4 backend: LMDB } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST }
  transform_param { crop_size: 6 force_gray: true } data_param { source: "test_db" batch_size: 5 backend: LMDB } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = '''net: "n" base_lr: 0.1 lr_policy: "fixed" max_iter: 50
    test_iter: 1 test_interval: 10 test_initialization: false'''


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def opened(text=NET, solver=None, **given):
    document = Document.parse(text, "net")
    return LiveNet(document, TRAIN, Document.parse(solver, "solver") if solver else None, seed=1, **given)


def write_rows(name):
    rows = [(b"%d" % k, to_datum(np.full((1, 8, 8), k, np.uint8), k % 3).SerializeToString()) for k in range(6)]
    write_database(name, rows)


def test_it_waits_with_its_shapes_until_stand_in_data_is_allowed():
    live = opened()
    assert live.sound and not live.ready and live.report().blobs["ip"] == (4, 3)
    assert [layer.top_shapes for layer in live.missing] == [((4, 1, 6, 6), (4,))]
    assert live.status.state == "unbuilt" and live.lack == "there is no database 'train_db'"
    assert live.status.message.startswith("there is no database 'train_db'; ") and "use_stand_in" in live.status.message
    with pytest.raises(DefinitionError, match="there is no database 'train_db'"):
        live.build()
    told = []
    live.changed.subscribe(told.append)
    live.use_stand_in()
    assert len(told) == 1 and live.ready and not live.missing
    net = live.build()
    assert np.isfinite(net.forward()) and live.status.state == "alive"
    assert live.report().layers[0].stand_in == "stand-in data, 4x1x6x6, random"
    assert live.document.text == NET
    live.close()


def test_it_stays_alive_while_an_edit_names_data_that_is_not_there():
    write_rows("train_db")
    live = opened()
    net = live.build()
    weights = net.params["ip"][0].data.copy()
    live.document.set(("layer", 0, "data_param", "source"), "elsewhere")
    assert live.net is net and live.pending is None and live.status.state == "waiting"
    assert "there is no database 'elsewhere'" in live.status.message
    live.use_stand_in("constant")
    assert live.net is not net and live.status.state == "alive" and live.net is not None
    np.testing.assert_array_equal(live.net.params["ip"][0].data, weights)
    assert live.net.layers[0].stand_in == "stand-in data, 4x1x6x6, constant"
    live.document.set(("layer", 0, "data_param", "source"), "train_db")  # what is there is read
    assert live.net.layers[0].stand_in == "" and live.net.layers[0].rows == 6
    live.close()


def test_a_shape_is_asked_for_where_nothing_tells_it():
    live = opened(NET.replace("crop_size: 6", ""))
    assert live.status.state == "broken" and [layer.name for layer in live.missing] == ["data"]
    assert "give it stand-in data" in live.status.message
    live.use_stand_in(True)
    assert live.missing and not live.ready
    with pytest.raises(ValueError, match="stand-in data "):
        live.use_stand_in("many")
    live.use_stand_in({"data": "7x1x9x9"})
    assert live.ready and live.build().blobs["data"].shape == (7, 1, 9, 9)
    live.close()


def test_training_needs_the_data_of_both_phases():
    write_rows("train_db")
    live = opened(solver=SOLVER)
    assert [layer.top_shapes[0] for layer in live.missing] == [(5, 1, 6, 6)] and "test_db" in live.lack
    live.use_stand_in()
    live.build()
    session = Session(live)
    session.step(12)
    session.wait()
    assert session.error is None and session.iteration == 12
    assert [net.layers[0].stand_in != "" for net in (live.solver.net, *live.solver.test_nets)] == [False, True]
    session.close()
    live.close()
