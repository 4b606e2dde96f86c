"""ONNX Runtime and OpenCV's dnn module, forward, on the nets that the CPU is measured with."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from cpu_nets import pooled, window

from brewbench.engine import check


def to_onnx(work: Any, weights: dict[str, list[Any]]) -> bytes:
    """The net as an ONNX model."""
    from onnx import TensorProto, helper, numpy_helper

    report = check(work.message(), 1)
    shapes = {name: shape for name, shape in report.blobs.items() if shape is not None}
    nodes: list[Any] = []
    initial = {
        f"{name}.{k}": array for name, arrays in weights.items() for k, array in enumerate(arrays) if name != "lstm"
    }
    now: dict[str, str] = {}  # the value that stands for a blob, in-place layers giving it a new one

    def emit(kind: str, inputs: list[str], output: str, **settings: Any) -> None:
        nodes.append(helper.make_node(kind, inputs, [output], **settings))

    for one in work.message().layer:
        top, shape = one.top[0], shapes[one.bottom[0]] if one.bottom else ()
        x = [now[name] for name in one.bottom]
        made = f"{one.name}:{top}"
        own = [f"{one.name}.{k}" for k in range(len(weights.get(one.name, [])))]
        match one.type:
            case "Input":
                made = top
            case "Convolution":
                kernel, stride, pad = window(one, shape)
                emit("Conv", [x[0], *own], made, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4,
                     group=one.convolution_param.group)  # fmt: skip
            case "InnerProduct":
                if len(shape) != 2:
                    emit("Flatten", x, f"{made}:flat")
                    x = [f"{made}:flat"]
                emit("Gemm", [x[0], *own], made, transB=1)
            case "Pooling":
                kernel, stride, pad = window(one, shape)
                ends = [pooled(size, kernel, stride, pad)[1] for size in shape[2:]]
                largest = one.pooling_param.pool == one.pooling_param.MAX
                emit("MaxPool" if largest else "AveragePool", x, made, kernel_shape=[kernel] * 2,
                     strides=[stride] * 2, pads=[pad, pad, *ends])  # fmt: skip
            case "LRN":
                p = one.lrn_param
                if p.norm_region == p.ACROSS_CHANNELS:
                    emit("LRN", x, made, size=p.local_size, alpha=p.alpha, beta=p.beta, bias=p.k)
                else:
                    half = p.local_size // 2
                    initial |= {f"{made}:{k}": np.float32(v) for k, v in enumerate((p.alpha, 1.0, -p.beta))}
                    emit("Mul", [x[0], x[0]], f"{made}:square")
                    emit("AveragePool", [f"{made}:square"], f"{made}:mean", kernel_shape=[p.local_size] * 2,
                         strides=[1, 1], pads=[half] * 4, count_include_pad=1)  # fmt: skip
                    emit("Mul", [f"{made}:mean", f"{made}:0"], f"{made}:scaled")
                    emit("Add", [f"{made}:scaled", f"{made}:1"], f"{made}:base")
                    emit("Pow", [f"{made}:base", f"{made}:2"], f"{made}:factor")
                    emit("Mul", [x[0], f"{made}:factor"], made)
            case "ReLU":
                emit("Relu", x, made)
            case "Sigmoid" | "Concat":
                emit(one.type, x, made, **({"axis": 1} if one.type == "Concat" else {}))
            case "Eltwise":
                emit("Add", x, made)
            case "BatchNorm":
                scale = one.name.replace("bn_", "scale_")
                emit("BatchNormalization", [x[0], f"{scale}.0", f"{scale}.1", *own[:2]], made,
                     epsilon=one.batch_norm_param.eps)  # fmt: skip
            case "Scale":  # done by the BatchNorm before it
                made = x[0]
            case "LSTM":
                weight, bias, recurrent = weights[one.name]
                size = recurrent.shape[1]
                order = np.concatenate([np.arange(size) + size * part for part in (0, 2, 1, 3)])  # i o f c
                both = np.concatenate([bias[order], np.zeros_like(bias)])
                initial |= {"W": weight[order][None], "R": recurrent[order][None], "B": both[None]}
                emit("LSTM", [x[0], "W", "R", "B"], "states", hidden_size=size)  # (T, 1, N, H)
                initial["axis"] = np.array([1])
                emit("Squeeze", ["states", "axis"], made)
            case kind:
                raise NotImplementedError(kind)
        now[top] = made
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        work.net,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in inputs_of(work) & used],
        [helper.make_tensor_value_info(now[work.output], TensorProto.FLOAT, shapes[work.output])],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in initial.items() if name in used],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def inputs_of(work: Any) -> set[str]:
    return {top for one in work.message().layer if one.type == "Input" for top in one.top}


class OnnxRuntime:
    """A session of its own threads, which do not spin while others are measured."""

    def __init__(self, work: Any, weights: dict[str, list[Any]], inputs: dict[str, Any], threads: int):
        import onnxruntime

        self.version = onnxruntime.__version__
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.force_spinning_stop", "1")  # when a run ends; not during it
        self.session = onnxruntime.InferenceSession(to_onnx(work, weights), options, ["CPUExecutionProvider"])
        self.inputs = {one.name: inputs[one.name] for one in self.session.get_inputs()}

    def step(self) -> Any:
        return self.session.run(None, self.inputs)[0]


class OpenCV:
    """Reads Caffe's own files where OpenCV still does (before 5.0), ONNX otherwise."""

    def __init__(self, folder: Path, work: Any, weights: dict[str, list[Any]], inputs: dict[str, Any], threads: int):
        import cv2

        cv2.setNumThreads(threads)
        if hasattr(cv2.dnn, "readNetFromCaffe"):
            self.version = f"{cv2.__version__} reading Caffe's files"
            self.net = cv2.dnn.readNetFromCaffe(str(folder / "net.prototxt"), str(folder / "weights.caffemodel"))
            self.inputs = inputs
        else:
            self.version = f"{cv2.__version__} reading ONNX"
            self.net = cv2.dnn.readNetFromONNX(np.frombuffer(to_onnx(work, weights), np.uint8))
            self.inputs = {name: values for name, values in inputs.items() if name != "marks"}
        self.shape = check(work.message(), 1).blobs[work.output]
        assert self.shape is not None

    def step(self) -> Any:
        for name, values in self.inputs.items():
            self.net.setInput(values, name)
        found = self.net.forward()
        return found.reshape(self.shape) if found.size == prod(self.shape or ()) else found
