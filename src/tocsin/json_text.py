"""What JSON allows and nobody survives, refused before it is decoded; and decoder errors in words of ours."""

import math
import re

from tocsin.errors import InvalidRequest

MAX_DEPTH = 64
MAX_NUMBER_LENGTH = 400  # longer than any number that a double can hold


def invalid(error: Exception, field: str | None = None) -> InvalidRequest:
    """Decoder errors in our words: the member first, then what was expected there."""
    if isinstance(error, RecursionError):
        return InvalidRequest(f"is nested deeper than {MAX_DEPTH} levels", field=field)
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("is not UTF-8 text", field=field or "the body")
    text, _, place = str(error).partition(" - at `")
    path = place.rstrip("`").removeprefix("$").replace("[...]", "").lstrip(".")
    name = ".".join(part for part in (field, path) if part) or None
    text = text.replace("`", "")
    if not text[:2].isupper():
        text = text[:1].lower() + text[1:]
    return InvalidRequest(text, field=name or "the body")


_SUSPECT_TEXT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# A number stands after one of three characters; ids full of digits stand in quotes.
_SUSPECT_NUMBER = re.compile(rb"[:,\[][ \t\r\n]*+-?(?:[0-9.]{300}|[0-9][0-9.]*+[eE][+\-]?[0-9]{3,})")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]|-?[0-9][0-9.eE+\-]*', re.DOTALL)
_COLON = re.compile(rb"[ \t\r\n]*+:")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def refuse_hostile(raw: bytes, field: str | None) -> None:
    """Refuse what JSON allows and no database or client survives: deep nesting, absurd numbers, NUL, half characters.

    The checks that cost something run only when a quick look finds a reason. Raises InvalidRequest.
    """
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise invalid(error, field) from error
    deep = raw.count(b"[") + raw.count(b"{") > MAX_DEPTH
    if not (deep or _SUSPECT_TEXT.search(raw) or _SUSPECT_NUMBER.search(raw)):
        return
    depth = 0
    key = field
    for match in _TOKEN.finditer(raw):
        token = match.group()
        first = token[:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidRequest(f"is nested deeper than {MAX_DEPTH} levels", field=field)
        elif first in b"]}":
            depth -= 1
        elif first == b'"':
            if _COLON.match(raw, match.end()):
                key = ".".join(part for part in (field, token[1:-1].decode("utf-8", "replace")[:64]) if part)
            _refuse_text(token, key)
        else:
            _refuse_number(token, key)


def _refuse_text(token: bytes, field: str | None) -> None:
    if not _SUSPECT_TEXT.search(token):
        return
    text = _unescaped(token)
    if "\0" in text:
        raise InvalidRequest("must not contain NUL (\\u0000)", field=field)
    if _SURROGATE.search(text):
        raise InvalidRequest("contains half of a surrogate pair, which is no character", field=field)


def _unescaped(token: bytes) -> str:
    r"""The text of a JSON string, lone surrogates included, which msgspec would refuse without naming the reason."""
    pairs = re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|.)",
        lambda match: chr(int(match[1], 16)) if match[1] else " ",
        token[1:-1].decode("utf-8", "replace"),
        flags=re.DOTALL,
    )
    return pairs.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _refuse_number(token: bytes, field: str | None) -> None:
    if len(token) > MAX_NUMBER_LENGTH or (len(token) > 3 and _overflows(token)):
        raise InvalidRequest("is a number that no client can read", field=field)


def _overflows(token: bytes) -> bool:
    try:
        return math.isinf(float(token))
    except ValueError:
        return False  # no number at all: the decoder says so
