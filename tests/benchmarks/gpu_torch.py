"""The same nets in PyTorch: a module made from a net's own layers, for measuring beside it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn


class FromLayers(nn.Module):
    """Runs the layers of a NetParameter that the measured nets are made of; forward returns the weighted loss.

    Without a loss it returns the last blob. A Scale behind a BatchNorm is part of it, as PyTorch has them.
    """

    def __init__(self, message: Any, params: dict[str, list[Any]]):
        super().__init__()
        self.layers = [one for one in message.layer if one.type != "Input"]
        self.kinds = {one.name: one.type for one in self.layers}
        self.scale_of = {one.bottom[0]: one for one in self.layers if one.type == "Scale"}
        self.weights = nn.ParameterDict(
            {f"{name}_{k}": nn.Parameter(torch.from_numpy(blob.data.copy())) for name, blobs in params.items()
             for k, blob in enumerate(blobs) if self.kinds[name] != "BatchNorm"}
        )  # fmt: skip
        for name, blobs in params.items():
            if self.kinds[name] == "BatchNorm":
                self.register_buffer(f"{name}_mean", torch.zeros(blobs[0].count))
                self.register_buffer(f"{name}_variance", torch.ones(blobs[0].count))

    def forward(self, data: torch.Tensor, label: torch.Tensor | None) -> torch.Tensor:
        blobs, total = {"data": data, "label": label}, None
        for one in self.layers:
            value = self.run(one, [blobs[name] for name in one.bottom])
            if one.type == "SoftmaxWithLoss":
                value = one.loss_weight[0] * value
                total = value if total is None else total + value
            blobs[one.top[0]] = value
        return value if total is None else total

    def weight(self, one: Any, index: int) -> torch.Tensor | None:
        key = f"{one.name}_{index}"
        return self.weights[key] if key in self.weights else None

    def run(self, one: Any, bottoms: list[Any]) -> torch.Tensor:
        x = bottoms[0]
        if one.type == "Convolution":
            p = one.convolution_param
            stride, pad = (p.stride[0] if p.stride else 1), (p.pad[0] if p.pad else 0)
            return F.conv2d(x, self.weight(one, 0), self.weight(one, 1), stride, pad, 1, p.group)
        if one.type == "InnerProduct":
            return F.linear(x.flatten(1), self.weight(one, 0), self.weight(one, 1))
        if one.type == "BatchNorm":
            scale, known = self.scale_of[one.top[0]], dict(self.named_buffers())
            mean, variance = known[f"{one.name}_mean"], known[f"{one.name}_variance"]
            affine = self.weight(scale, 0), self.weight(scale, 1)
            return F.batch_norm(x, mean, variance, *affine, self.training, 1e-3, one.batch_norm_param.eps)
        if one.type == "Scale":
            return x
        if one.type == "Eltwise":
            return bottoms[0] + bottoms[1]
        if one.type == "Pooling":
            p = one.pooling_param
            if p.global_pooling:
                return F.adaptive_avg_pool2d(x, 1)
            function = F.max_pool2d if p.pool == p.MAX else F.avg_pool2d
            return function(x, p.kernel_size, p.stride, p.pad, ceil_mode=True)
        if one.type == "LRN":
            p = one.lrn_param
            return F.local_response_norm(x, p.local_size, p.alpha, p.beta, p.k)
        if one.type == "ReLU":
            return F.relu(x, inplace=True)
        if one.type == "Dropout":
            return F.dropout(x, one.dropout_param.dropout_ratio, self.training)
        if one.type == "Concat":
            return torch.cat(bottoms, 1)
        if one.type == "Softmax":
            return F.softmax(x, 1)
        if one.type == "SoftmaxWithLoss":
            return F.cross_entropy(x, bottoms[1])
        raise NotImplementedError(one.type)


class Training:
    """SGD with momentum and decay on one fixed batch, eager or as one CUDA graph; without labels forward only."""

    def __init__(self, message: Any, params: Any, data: Any, label: Any | None, *, device: str, nhwc: bool, tf32: bool):
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True
        form = torch.channels_last if nhwc else torch.contiguous_format
        self.model = FromLayers(message, params).to(device=device, memory_format=form)
        self.data = torch.from_numpy(data).to(device=device, memory_format=form)
        self.label = None
        if label is None:
            self.model.eval()
            return
        self.label = torch.from_numpy(label).to(device=device, dtype=torch.int64)
        groups = [[w for name, w in self.model.weights.items() if name.endswith(end)] for end in ("_0", "_1")]
        settings = [dict(params=groups[0], lr=1e-3, weight_decay=5e-4), dict(params=groups[1], lr=2e-3, weight_decay=0)]
        self.optimizer = torch.optim.SGD(settings, lr=1e-3, momentum=0.9, fused=device == "cuda")
        self.optimizer.zero_grad(set_to_none=True)

    def step(self) -> torch.Tensor:
        if self.label is None:
            with torch.inference_mode():
                return self.model(self.data, None)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.model(self.data, self.label)
        loss.backward()
        self.optimizer.step()
        return loss

    def graphed(self) -> Any:
        """A function that does one step by launching a graph."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(5):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        if self.label is not None:
            self.optimizer.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay
