"""The parameter form: inputs for the fields of a message, generated from the schema's field records alone."""

from .arranging import arrange, hint, summary
from .form import ParameterForm
from .values import parse, same, spell, written_values

__all__ = ["ParameterForm", "arrange", "hint", "parse", "same", "spell", "summary", "written_values"]
