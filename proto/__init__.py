"""The language: Caffe's schema, lossless text documents, legacy upgrade, field help."""

from .document import Document
from .errors import OneLine, ParseError
from .fields import Field, fields, help_of

__all__ = ["Document", "Field", "OneLine", "ParseError", "fields", "help_of"]
