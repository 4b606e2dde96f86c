"""PyTorch, eager, on the nets that the CPU is measured with, in either layout."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from cpu_nets import DECAY, MOMENTUM, RATE, window
from torch import nn


class Torch:
    """A net from its layers and its weights, and SGD on it."""

    def __init__(self, work: Any, weights: dict[str, list[Any]], inputs: dict[str, Any], threads: int, nhwc: bool):
        torch.set_num_threads(threads)
        self.version = torch.__version__
        self.form = torch.channels_last if nhwc else torch.contiguous_format
        self.layers = [one for one in work.message().layer if one.type != "Input"]
        self.output, self.training = work.output, work.training
        self.params = {
            name: [nn.Parameter(self.laid_out(torch.from_numpy(array.copy())), work.training) for array in arrays]
            for name, arrays in weights.items()
        }
        self.lstm: nn.LSTM | None = None
        if "lstm" in self.params:
            self.lstm = lstm_of(self.params)
        self.arrays = inputs
        self.inputs = {name: self.tensor(name) for name in inputs}
        if not work.training:
            return
        rates = ([], [])
        for one in self.layers:
            for index, param in enumerate(self.params.get(one.name, [])):
                rates[index < len(one.param) and one.param[index].lr_mult == 2].append(param)
        groups = [dict(params=rates[0], lr=RATE, weight_decay=DECAY), dict(params=rates[1], lr=2 * RATE)]
        self.optimizer = torch.optim.SGD([group for group in groups if group["params"]], momentum=MOMENTUM, fused=True)

    def laid_out(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.contiguous(memory_format=self.form) if tensor.dim() == 4 else tensor

    def tensor(self, name: str) -> torch.Tensor:
        array = torch.from_numpy(self.arrays[name])
        return array.long() if name == "label" and array.dim() == 1 else self.laid_out(array)

    def weights(self) -> dict[str, list[Any]]:
        return {name: [param.detach().numpy() for param in params] for name, params in self.params.items()}

    def step(self) -> Any:
        if not self.training:
            with torch.inference_mode():
                return self.forward({name: self.tensor(name) for name in self.inputs})[0].numpy()
        self.optimizer.zero_grad(set_to_none=True)
        _, loss = self.forward(self.inputs)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def forward(self, inputs: dict[str, torch.Tensor]) -> tuple[Any, Any]:
        """The output blob, and the weighted loss."""
        blobs, loss = dict(inputs), 0.0
        for one in self.layers:
            value = self.run(one, [blobs[name] for name in one.bottom])
            blobs[one.top[0]] = value
            if "Loss" in one.type:
                loss = loss + (one.loss_weight[0] if one.loss_weight else 1) * value
        return blobs[self.output], loss

    def run(self, one: Any, bottoms: list[torch.Tensor], in_place: bool = True) -> torch.Tensor:
        """One layer; Caffe's way of pooling is PyTorch's with `ceil_mode`."""
        x, params = bottoms[0], self.params.get(one.name, [])
        match one.type:
            case "Convolution":
                _, stride, pad = window(one, tuple(x.shape))
                bias = params[1] if len(params) > 1 else None
                return F.conv2d(x, params[0], bias, stride, pad, 1, one.convolution_param.group)
            case "InnerProduct":
                return F.linear(x.flatten(1), params[0], params[1])
            case "Pooling":
                function = F.max_pool2d if one.pooling_param.pool == one.pooling_param.MAX else F.avg_pool2d
                return function(x, *window(one, tuple(x.shape)), ceil_mode=True)
            case "LRN":
                p = one.lrn_param
                if p.norm_region == p.ACROSS_CHANNELS:
                    return F.local_response_norm(x, p.local_size, p.alpha, p.beta, p.k)
                energy = F.avg_pool2d(x * x, p.local_size, 1, p.local_size // 2)
                return x * (1 + p.alpha * energy) ** -p.beta
            case "ReLU":
                return F.relu(x, inplace=in_place)
            case "Sigmoid":
                return torch.sigmoid(x)
            case "Concat":
                return torch.cat(bottoms, 1)
            case "Eltwise":
                return bottoms[0] + bottoms[1]
            case "BatchNorm":  # in evaluation; the Scale that follows is its affine part
                mean, variance, _ = params
                scale, shift = self.params[one.name.replace("bn_", "scale_")]
                return F.batch_norm(x, mean, variance, scale, shift, eps=one.batch_norm_param.eps)
            case "Scale":
                return x
            case "LSTM":
                assert self.lstm is not None
                return self.lstm(x)[0]
            case "SoftmaxWithLoss":
                return F.cross_entropy(x.flatten(1), bottoms[1])
            case "SigmoidCrossEntropyLoss":
                return F.binary_cross_entropy_with_logits(x, bottoms[1], reduction="sum") / len(x)
            case "EuclideanLoss":
                return ((x - bottoms[1]) ** 2).sum() / (2 * len(x))
        raise NotImplementedError(one.type)


def lstm_of(params: dict[str, list[nn.Parameter]]) -> nn.LSTM:
    """PyTorch's own LSTM; puts its parameters in the place of ours. Its gates are i f g o, Caffe's i f o g."""
    weight, bias, recurrent = params["lstm"]
    size = recurrent.shape[1]
    module = nn.LSTM(weight.shape[1], size)
    with torch.no_grad():
        for target, source in (
            (module.weight_ih_l0, weight),
            (module.weight_hh_l0, recurrent),
            (module.bias_ih_l0, bias),
        ):
            i, f, o, g = source.split(size)
            target.copy_(torch.cat([i, f, g, o]))
        module.bias_hh_l0.zero_()
    module.requires_grad_(weight.requires_grad)
    module.bias_hh_l0.requires_grad_(False)  # Caffe has one bias
    params["lstm"] = [module.weight_ih_l0, module.bias_ih_l0, module.weight_hh_l0]
    return module
