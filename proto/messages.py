"""The message classes and enums of caffe.proto, built from caffe.desc in a descriptor pool of their own."""

from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

_PATH = Path(__file__).with_name("caffe.desc")

# Not the default pool: there, a second caffe_pb2 in the process would be a duplicate.
pool = descriptor_pool.DescriptorPool()


def _load() -> dict[str, object]:
    """Add the files of caffe.desc to the pool; return every top-level message class, enum and enum value."""
    for file in descriptor_pb2.FileDescriptorSet.FromString(_PATH.read_bytes()).file:
        pool.Add(file)
    schema = pool.FindFileByName("caffe.proto")
    names: dict[str, object] = {}
    for name, descriptor in schema.message_types_by_name.items():
        names[name] = message_factory.GetMessageClass(descriptor)
    for name, descriptor in schema.enum_types_by_name.items():
        names[name] = EnumTypeWrapper(descriptor)
        names.update((value.name, value.number) for value in descriptor.values)
    return names


globals().update(_load())
