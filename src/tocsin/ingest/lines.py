"""A file or pipe as lines, in bounded memory, without waiting longer than a moment for the next one."""

import queue
import threading
from collections.abc import Iterator
from typing import BinaryIO, Protocol

import msgspec

from tocsin.ingest.records import MAX_LINE_BYTES

_BLOCK_BYTES = 1 << 16
_BLOCKS_AHEAD = 8


class _Raw(Protocol):
    def read1(self, size: int, /) -> bytes: ...


class Line(msgspec.Struct, frozen=True):
    """A line without its line feed. One over MAX_LINE_BYTES has `parts` instead, to be read before the next line."""

    number: int
    text: bytes
    parts: Iterator[bytes] | None = None


def read_lines(file: BinaryIO, *, patience_s: float) -> Iterator[Line | None]:
    """Every line; None whenever nothing came for `patience_s`. An error of the file is raised here."""
    blocks = _Blocks(file)
    pending = b""
    number = 0
    while (block := blocks.next(patience_s)) != b"":
        if block is None:
            yield None
            continue
        *lines, pending = (pending + block).split(b"\n")
        for text in lines:
            number += 1
            yield Line(number, text) if len(text) <= MAX_LINE_BYTES else Line(number, b"", iter([text]))
        if len(pending) > MAX_LINE_BYTES:
            number += 1
            rest = _Rest(blocks, pending)
            yield Line(number, b"", iter(rest))
            pending = rest.following
    if pending:
        yield Line(number + 1, pending)


class _Rest:
    """The parts of a line that is longer than what is kept in memory; `following` is what was read after its end."""

    def __init__(self, blocks: "_Blocks", start: bytes) -> None:
        self._blocks = blocks
        self._start = start
        self.following = b""

    def __iter__(self) -> Iterator[bytes]:
        yield self._start
        while (block := self._blocks.next(None)) != b"":
            part, line_feed, self.following = (block or b"").partition(b"\n")
            yield part
            if line_feed:
                return


class _Blocks:
    """Blocks of a file, read by a thread of its own, so that the reader of a quiet pipe can do other things."""

    def __init__(self, file: BinaryIO) -> None:
        self._blocks: queue.Queue[bytes | OSError] = queue.Queue(_BLOCKS_AHEAD)
        threading.Thread(target=self._read, args=(file,), name="feed-reader", daemon=True).start()

    def next(self, patience_s: float | None) -> bytes | None:
        """A block, b"" at the end, or None when none came in time. Raises OSError for a file that fails."""
        try:
            block = self._blocks.get(timeout=patience_s)
        except queue.Empty:
            return None
        if isinstance(block, OSError):
            raise block
        return block

    def _read(self, file: "_Raw") -> None:
        try:
            while block := file.read1(_BLOCK_BYTES):
                self._blocks.put(block)
        except OSError as error:
            self._blocks.put(error)
        self._blocks.put(b"")
