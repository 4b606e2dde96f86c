"""The messages, enums and enum values of caffe.proto, under the name of the module that protoc makes."""

from ....proto.messages import *  # noqa: F403
from ....proto.messages import pool

DESCRIPTOR = pool.FindFileByName("caffe.proto")
