"""The package that ``from caffe.proto import caffe_pb2`` names."""

from . import caffe_pb2

__all__ = ["caffe_pb2"]
