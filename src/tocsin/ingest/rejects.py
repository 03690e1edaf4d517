"""Lines that could not be read are set aside with their reason, never dropped."""

import codecs
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import msgspec

from tocsin.errors import SetupError

_ENCODER = msgspec.json.Encoder()


class RejectFile:
    """One JSON object for each line: file, line, reason, text. The file is made when the first one comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, source: str, number: int, reason: str, parts: Iterable[bytes]) -> None:
        """Keep a line, in parts so that one of any length fits in memory. Bytes that are no UTF-8 become escapes.

        Raises SetupError when the file cannot be written.
        """
        try:
            self._write(source, number, reason, parts)
        except OSError as error:
            raise SetupError(f"the reject file {self.path} cannot be written: {error.strerror}") from error

    def _write(self, source: str, number: int, reason: str, parts: Iterable[bytes]) -> None:
        if self._file is None:
            self._file = self.path.open("a", encoding="utf-8")
        head = _ENCODER.encode({"file": source, "line": number, "reason": reason}).decode()
        self._file.write(f'{head[:-1]},"text":"')
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        for part in parts:
            self._file.write(_escaped(decoder.decode(part)))
        self._file.write(_escaped(decoder.decode(b"", final=True)) + '"}\n')
        self._file.flush()


def _escaped(text: str) -> str:
    return _ENCODER.encode(text).decode()[1:-1]
