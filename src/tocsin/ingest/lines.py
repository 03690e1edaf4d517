"""A file or pipe as lines, in bounded memory, without waiting longer than a moment for the next one."""

import os
import queue
import threading
from collections.abc import Iterator

import msgspec

from tocsin.ingest.records import MAX_LINE_BYTES

_BLOCK_BYTES = 1 << 16
_BLOCKS_AHEAD = 8


class Line(msgspec.Struct, frozen=True):
    """A line without its line feed. One over MAX_LINE_BYTES has `parts` instead, to be read before the next line."""

    number: int
    text: bytes
    parts: Iterator[bytes] | None = None


def read_lines(descriptor: int, *, patience_s: float) -> Iterator[Line | None]:
    """Every line of an open file; None whenever nothing came for `patience_s`. Raises OSError for a file that fails."""
    blocks = _Blocks(descriptor)
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
            yield Line(number, b"", _parts(blocks, pending))
            pending = b""
    if pending:
        yield Line(number + 1, pending)


def _parts(blocks: "_Blocks", start: bytes) -> Iterator[bytes]:
    """The parts of a line that is longer than what is kept in memory."""
    yield start
    while block := blocks.next(None):
        part, line_feed, following = block.partition(b"\n")
        yield part
        if line_feed:
            blocks.put_back(following)
            return


class _Blocks:
    """Blocks of a file, read by a thread of its own, so that the reader of a quiet pipe can do other things."""

    def __init__(self, descriptor: int) -> None:
        self._blocks: queue.Queue[bytes | OSError] = queue.Queue(_BLOCKS_AHEAD)
        self._returned = b""
        self._ended = False
        # The descriptor itself is read: a buffered file's lock, held by a thread that waits for a pipe, would keep the
        # process from ending.
        threading.Thread(target=self._read, args=(descriptor,), name="feed-reader", daemon=True).start()

    def next(self, patience_s: float | None) -> bytes | None:
        """A block, b"" at the end (again and again), or None when none came in time. Raises OSError."""
        if self._returned:
            block, self._returned = self._returned, b""
            return block
        if self._ended:
            return b""
        try:
            received = self._blocks.get(timeout=patience_s)
        except queue.Empty:
            return None
        if isinstance(received, OSError):
            raise received
        self._ended = not received
        return received

    def put_back(self, block: bytes) -> None:
        """Give back what belongs to the following lines."""
        self._returned = block

    def _read(self, descriptor: int) -> None:
        try:
            while block := os.read(descriptor, _BLOCK_BYTES):
                self._blocks.put(block)
        except OSError as error:
            self._blocks.put(error)
        self._blocks.put(b"")
