"""What the user asks for in the drawing, as edits of the text."""

from .carry import carry_out
from .copying import copied
from .names import indices_of, written
from .palette import palette
from .presets import wanted_field
from .rules import rules_of
from .sharing import shares_of

__all__ = ["carry_out", "copied", "indices_of", "palette", "rules_of", "shares_of", "wanted_field", "written"]
