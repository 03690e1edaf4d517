"""The ways an instant is spelled on the wire, and the instant itself.

Two spellings are written: the Z-form `2023-02-25T12:00:29.623Z+0800`, whose `Z` does not mean UTC (the offset counts),
and the ISO-form `2022-11-12T14:14:09.098+08:00`. More are read; `parse_time` lists them.

An instant is UTC milliseconds since 1970 together with the offset its sender wrote, in minutes east of Greenwich. Both
the instant and its local spelling lie within the years 0001-9999; whatever leaves them is a ValueError.
"""

import re
from datetime import date
from functools import lru_cache
from typing import NamedTuple

MAX_TIME_CHARS = 64  # the widest range that the API reference publishes for a time
MAX_OFFSET_MIN = 18 * 60  # wider than any zone in use (-12:00 to +14:00), as in ISO 8601 libraries

_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_MIN_MS = (date.min.toordinal() - _EPOCH_ORDINAL) * _DAY_MS
_MAX_MS = (date.max.toordinal() - _EPOCH_ORDINAL + 1) * _DAY_MS - 1

_MINUTE_TEXTS = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))

_EXAMPLES = "2023-02-25T12:00:29.623Z+0800 or 2023-02-25T12:00:29.623+08:00"

_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z)?(?: ?([+-][0-9]{2}:?[0-9]{2}))?)?"
)


class Instant(NamedTuple):
    """A moment, and how far from UTC its sender's clock was."""

    ms: int  # UTC milliseconds since 1970, negative before
    offset_min: int  # minutes east of UTC


def parse_time(text: str, default_offset_min: int) -> Instant:
    """Read a time as clients and feeds write it.

    Accepted: Z-form and ISO-form, a plain `Z` for UTC, offsets with and without colon, a space instead of `T` and
    before the offset, up to nine digits of fraction (cut to milliseconds). A time without zone, and a date alone
    (its midnight), are taken at `default_offset_min`. Raises ValueError, saying what would be right.
    Source: API reference notes, "Time formats".
    """
    if len(text) > MAX_TIME_CHARS:
        raise ValueError(f"a time has at most {MAX_TIME_CHARS} characters, this one has {len(text)}")
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time; write it like {_EXAMPLES}")
    year, month, day, hour, minute, second, fraction, zulu, offset = match.groups()
    offset_min = 0 if zulu else default_offset_min
    if offset is not None:  # it counts even after a Z
        offset_min = parse_offset(offset)
    local_ms = _days(text, int(year), int(month), int(day)) * _DAY_MS
    if hour is not None:
        local_ms += _clock_ms(text, int(hour), int(minute), int(second)) + int((fraction or "")[:3].ljust(3, "0"))
    ms = local_ms - offset_min * _MINUTE_MS
    if not _MIN_MS <= ms <= _MAX_MS:
        raise ValueError(f"{text!r} is outside the years 0001-9999 in UTC")
    return Instant(ms, offset_min)


def parse_offset(text: str) -> int:
    """Minutes east of UTC from `+0800`, `+08:00` or `-0530`; ValueError for anything else or beyond 18 hours."""
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:MAX_TIME_CHARS]!r} is not an offset from UTC; write it like +0800 or +08:00")
    sign, hours, minutes = match.groups()
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > MAX_OFFSET_MIN:
        raise ValueError(f"offset {text!r} is out of range; offsets run from -18:00 to +18:00, minutes from 00 to 59")
    return -total if sign == "-" else total


def z_form(ms: int, offset_min: int) -> str:
    """`2023-02-25T12:00:29.623Z+0800`; ValueError outside the years 0001-9999."""
    days, rest = _local(ms, offset_min)
    minutes, rest = divmod(rest, _MINUTE_MS)
    second, milli = divmod(rest, 1000)
    return f"{_day_text(days)}{_MINUTE_TEXTS[minutes]}{second:02d}.{milli:03d}Z{_offset_text(offset_min, '')}"


def z_form_seconds(ms: int, offset_min: int) -> str:
    """`2024-07-02T09:25:17Z+0800`, the milliseconds cut off; ValueError outside the years 0001-9999."""
    days, rest = _local(ms, offset_min)
    minutes, rest = divmod(rest, _MINUTE_MS)
    return f"{_day_text(days)}{_MINUTE_TEXTS[minutes]}{rest // 1000:02d}Z{_offset_text(offset_min, '')}"


def iso_form(ms: int, offset_min: int) -> str:
    """`2022-11-12T14:14:09.098+08:00`; ValueError outside the years 0001-9999."""
    days, rest = _local(ms, offset_min)
    minutes, rest = divmod(rest, _MINUTE_MS)
    second, milli = divmod(rest, 1000)
    return f"{_day_text(days)}{_MINUTE_TEXTS[minutes]}{second:02d}.{milli:03d}{_offset_text(offset_min, ':')}"


def _local(ms: int, offset_min: int) -> tuple[int, int]:
    local_ms = ms + offset_min * _MINUTE_MS
    if not (_MIN_MS <= ms <= _MAX_MS and _MIN_MS <= local_ms <= _MAX_MS):
        raise ValueError(f"{ms} ms at offset {offset_min} min is outside the years 0001-9999")
    return divmod(local_ms, _DAY_MS)


# A page of answers holds up to 1000 rows with several times each, most of them from few days and one or two zones:
# without these two caches a spelling costs about twice as much. Their values never change.
@lru_cache(maxsize=1024)
def _day_text(days: int) -> str:
    return date.fromordinal(days + _EPOCH_ORDINAL).isoformat()


@lru_cache(maxsize=256)
def _offset_text(offset_min: int, colon: str) -> str:
    if abs(offset_min) > MAX_OFFSET_MIN:
        raise ValueError(f"offset of {offset_min} min is out of range; offsets run from -18:00 to +18:00")
    hours, minutes = divmod(abs(offset_min), 60)
    return f"{'-' if offset_min < 0 else '+'}{hours:02d}{colon}{minutes:02d}"


def _days(text: str, year: int, month: int, day: int) -> int:
    try:
        return date(year, month, day).toordinal() - _EPOCH_ORDINAL
    except ValueError as error:
        raise ValueError(f"{text!r} names no day of the calendar: {error}") from None


def _clock_ms(text: str, hour: int, minute: int, second: int) -> int:
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{text!r} names no time of day; it runs from 00:00:00 to 23:59:59")
    return ((hour * 60 + minute) * 60 + second) * 1000
