"""Text from alerts on a terminal: hostile until proven otherwise."""

import unicodedata

# Bidirectional controls can make a line read as something else.
_REORDERING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str) -> str:
    """The text with control characters as escapes, so that it can neither steer a terminal nor forge a line."""
    return "".join(
        letter.encode("unicode_escape").decode()
        if unicodedata.category(letter) in ("Cc", "Cs") or letter in _REORDERING or letter in "\u2028\u2029"
        else letter
        for letter in text
    )
