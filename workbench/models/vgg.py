"""The six nets of Simonyan and Zisserman, ICLR 2015."""

from __future__ import annotations

from ._spec import Spec

# Convolutions of each of the five stages, as (outputs, kernel); the columns of the paper's table 1.
_A = ((64, 3),), ((128, 3),), ((256, 3),) * 2, ((512, 3),) * 2, ((512, 3),) * 2
_B = ((64, 3),) * 2, ((128, 3),) * 2, *_A[2:]
_C = *_B[:2], (*_A[2], (256, 1)), (*_A[3], (512, 1)), (*_A[4], (512, 1))
_D = *_B[:2], ((256, 3),) * 3, ((512, 3),) * 3, ((512, 3),) * 3
_E = *_B[:2], ((256, 3),) * 4, ((512, 3),) * 4, ((512, 3),) * 4
COLUMNS = {"a": _A, "a_lrn": _A, "b": _B, "c": _C, "d": _D, "e": _E}


def vgg(column: str, classes: int = 1000, batch: int = 10) -> Spec:
    """A column of the paper: a, a_lrn, b, c, d and e, of 133, 133, 133, 134, 138 and 144 million parameters."""
    stages = COLUMNS[column]
    layers = sum(map(len, stages)) + 3
    spec = Spec(f"VGG_ILSVRC_{layers}_layers" if column in "de" else f"VGG_{column.upper().replace('_', '-')}",
                (batch, 3, 224, 224))  # fmt: skip
    x = spec.data
    for stage, convolutions in enumerate(stages, start=1):
        for number, (outputs, kernel) in enumerate(convolutions, start=1):
            place = f"{stage}_{number}"
            x = spec.convolution(f"conv{place}", x, outputs, kernel, pad=kernel // 2, relu=f"relu{place}")
            if column == "a_lrn" and stage == 1:
                x = spec.lrn("norm1", x)
        x = spec.pool(f"pool{stage}", x, 2, 2)
    for number in (6, 7):
        x = spec.dense(f"fc{number}", x, 4096, relu=f"relu{number}", dropout=f"drop{number}")
    spec.softmax(spec.dense("fc8", x, classes))
    return spec
