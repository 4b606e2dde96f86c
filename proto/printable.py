"""Text that somebody else wrote, made safe to show: control characters in it are spelled out."""

import re

# C0, DEL, C1; what turns the direction of text; separators of lines; lone surrogates; what is no character at all.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def printable(text: str, keep: str = "") -> str:
    r"""The text with every control character but those to `keep` as Python spells it: ``\x1b``, ``\n``, ``\u202e``.

    A terminal, an SVG or a page then shows names as they are, and nothing else happens. Also lone surrogates, as
    the names of files may have, and characters that XML cannot hold.
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE.sub(lambda found: found[0] if found[0] in keep else _spelled(found[0]), text)


def _spelled(character: str) -> str:
    return character.encode("unicode_escape").decode()
