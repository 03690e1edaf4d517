"""What every source format makes of a line."""

from typing import Any, Protocol

import msgspec

MAX_LINE_BYTES = 1 << 20


class UnreadableLine(Exception):
    """A line that cannot be made an alert; the message says why, and what would be right."""


class MappedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An event as an alert."""

    # 36 characters, the same whenever the same event is read.
    event_id: str
    # The Alert object as a client would send it.
    data_object: dict[str, Any]


class Mapper(Protocol):
    """A pure function from a line to an alert; None for a record that is no alert. Raises UnreadableLine."""

    def __call__(self, line: bytes, /) -> MappedAlert | None: ...


class Summary(msgspec.Struct, kw_only=True):
    """What became of the lines read so far. `known` were there before."""

    lines: int = 0
    new: int = 0
    known: int = 0
    skipped: int = 0
    rejected: int = 0
