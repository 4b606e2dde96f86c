"""The parameter form: inputs for the fields of a message, generated from the schema's field records alone."""

from .arranging import arrange, hint, summary
from .form import ParameterForm
from .several import OWN, shared
from .values import SEVERAL, parse, same, spell, written_values

__all__ = [
    "OWN",
    "SEVERAL",
    "ParameterForm",
    "arrange",
    "hint",
    "parse",
    "same",
    "shared",
    "spell",
    "summary",
    "written_values",
]
