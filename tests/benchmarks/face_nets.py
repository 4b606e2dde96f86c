"""Nets of known size for the measurements of the face, as prototxt: ResNet-152 and a long chain."""

from collections.abc import Sequence

INPUT = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 224 dim: 224 } } }\n'


def resnet152() -> str:
    """The deploy net of He et al., CVPR 2016, with the layers and the names of their release."""
    return resnet((3, 8, 36, 3), "ResNet-152")


def resnet(blocks: Sequence[int], name: str) -> str:
    """A residual net of bottlenecks: so many in each of four stages."""
    out = [f'name: "{name}"\n', INPUT]

    def convolution(name: str, bottom: str, outputs: int, kernel: int, stride: int, pad: int, relu: bool = True) -> str:
        suffix = name.removeprefix("res") if name != "conv1" else "_conv1"
        out.append(
            f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" convolution_param {{ '
            f"num_output: {outputs} kernel_size: {kernel} stride: {stride} pad: {pad} bias_term: false }} }}\n"
            f'layer {{ name: "bn{suffix}" type: "BatchNorm" bottom: "{name}" top: "{name}" '
            "batch_norm_param { use_global_stats: true } }\n"
            f'layer {{ name: "scale{suffix}" type: "Scale" bottom: "{name}" top: "{name}" '
            "scale_param { bias_term: true } }\n"
        )
        if relu:
            out.append(f'layer {{ name: "{name}_relu" type: "ReLU" bottom: "{name}" top: "{name}" }}\n')
        return name

    convolution("conv1", "data", 64, 7, 2, 3)
    out.append(
        'layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1" '
        "pooling_param { kernel_size: 3 stride: 2 pool: MAX } }\n"
    )
    top = "pool1"
    for stage, (count, width) in enumerate(zip(blocks, (64, 128, 256, 512), strict=True), start=2):
        for number in range(count):
            letter = "abcdef"[number] if count <= 6 else f"b{number}" if number else "a"
            block, stride = f"res{stage}{letter}", 2 if number == 0 and stage > 2 else 1
            short = top if number else convolution(f"{block}_branch1", top, 4 * width, 1, stride, 0, relu=False)
            inside = convolution(f"{block}_branch2a", top, width, 1, stride, 0)
            inside = convolution(f"{block}_branch2b", inside, width, 3, 1, 1)
            inside = convolution(f"{block}_branch2c", inside, 4 * width, 1, 1, 0, relu=False)
            out.append(
                f'layer {{ name: "{block}" type: "Eltwise" bottom: "{short}" bottom: "{inside}" top: "{block}" }}\n'
                f'layer {{ name: "{block}_relu" type: "ReLU" bottom: "{block}" top: "{block}" }}\n'
            )
            top = block
    out.append(
        f'layer {{ name: "pool5" type: "Pooling" bottom: "{top}" top: "pool5" '
        "pooling_param { kernel_size: 7 pool: AVE } }\n"
        'layer { name: "fc1000" type: "InnerProduct" bottom: "pool5" top: "fc1000" '
        "inner_product_param { num_output: 1000 } }\n"
        'layer { name: "prob" type: "Softmax" bottom: "fc1000" top: "prob" }\n'
    )
    return "".join(out)


def chain(count: int) -> str:
    """So many inner products, one behind the other."""
    first = 'layer { name: "data" type: "Input" top: "ip0" input_param { shape { dim: 1 dim: 8 } } }\n'
    return first + "".join(
        f'layer {{ name: "ip{k}" type: "InnerProduct" bottom: "ip{k - 1}" top: "ip{k}" '
        "inner_product_param { num_output: 8 } }\n"
        for k in range(1, count + 1)
    )
