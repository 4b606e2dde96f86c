"""The messages, enums and enum values of caffe.proto, under the names that protoc gives them in a module.

So are the descriptors: `_LAYERPARAMETER`, of what is nested `_V1LAYERPARAMETER_LAYERTYPE`.
"""

from collections.abc import Mapping
from typing import Any

from ....proto.messages import *  # noqa: F403
from ....proto.messages import pool

DESCRIPTOR = pool.FindFileByName("caffe.proto")


def _descriptors(prefix: str, messages: Mapping[str, Any], enums: Mapping[str, Any]) -> dict[str, Any]:
    found = {f"{prefix}_{name.upper()}": one for name, one in (*messages.items(), *enums.items())}
    for name, one in messages.items():
        found |= _descriptors(f"{prefix}_{name.upper()}", one.nested_types_by_name, one.enum_types_by_name)
    return found


globals().update(_descriptors("", DESCRIPTOR.message_types_by_name, DESCRIPTOR.enum_types_by_name))
