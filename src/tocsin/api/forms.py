"""multipart/form-data, taken in while it arrives: the one file of a form goes to a temporary file, not into memory.

Source: RFC 7578; the parts that the vendor's clients send are `uploadFile` and, with attachments, `fileType`.
"""

import hashlib
import tempfile
from pathlib import PurePosixPath, PureWindowsPath
from typing import BinaryIO, cast

import msgspec
import structlog
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from tocsin.errors import InvalidRequest, ServiceError, Unavailable

LOG = structlog.get_logger()
FILE_PART = "uploadFile"
MAX_PARTS = 16
MAX_FIELD_BYTES = 1024
MAX_FILE_NAME = 255
_IN_MEMORY_BYTES = 1024 * 1024


class FormFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it was sent; `name` is what the client called it, without folders, and is only ever shown."""

    name: str
    content: BinaryIO
    size: int
    sha256: str


class Form(msgspec.Struct, frozen=True, kw_only=True):
    fields: dict[str, str]
    file: FormFile

    def digest(self) -> bytes:
        """The same for the same content, whatever boundary the client put between the parts."""
        named = sorted({**self.fields, "": self.file.name, FILE_PART: self.file.sha256}.items())
        return msgspec.json.encode(named)


class FormReader:
    """Takes a body in pieces. What is wrong with the form is said by `form`, once the caller is known."""

    def __init__(self, content_type: str | None) -> None:
        # Closed by `close`: it lives as long as the request.
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES)  # noqa: SIM115
        self._file_hash = hashlib.sha256()
        self._body_hash = hashlib.sha256()
        self._fields: dict[str, bytearray] = {}
        self._file_name: str | None = None
        self._header = (bytearray(), bytearray())
        self._part: str | None = None
        self._parts = 0
        self._wrong: ServiceError | None = None
        self._complete = False
        self._parser = self._started(content_type)

    @property
    def body_sha256(self) -> str:
        """Of the whole body, for a client that signs it."""
        return self._body_hash.hexdigest()

    def feed(self, chunk: bytes) -> None:
        self._body_hash.update(chunk)
        if self._parser is None or self._wrong is not None:
            return
        try:
            self._parser.write(chunk)
        except ServiceError as error:
            self._wrong = error
        except FormParserError as error:
            self._wrong = _damaged(error)
        except OSError as error:
            self._wrong = _no_room(error)

    def form(self) -> Form:
        """Raises InvalidRequest for a body that is no form, or a form without a file; Unavailable for a full disk."""
        if self._wrong is not None:
            raise self._wrong
        if not self._complete:
            raise _damaged(None)
        if self._file_name is None:
            raise InvalidRequest("a file is needed in this part of the form", field=FILE_PART)
        size = self._file.tell()
        try:
            self._file.seek(0)
        except OSError as error:  # what was still to be written had no room
            raise _no_room(error) from error
        fields = {name: _text(bytes(value), name) for name, value in self._fields.items()}
        file = FormFile(
            name=self._file_name, content=cast("BinaryIO", self._file), size=size, sha256=self._file_hash.hexdigest()
        )
        return Form(fields=fields, file=file)

    def close(self) -> None:
        self._file.close()

    def _started(self, content_type: str | None) -> MultipartParser | None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            self._wrong = InvalidRequest(f"must be multipart/form-data with a part {FILE_PART}", field="the body")
            return None
        try:
            return MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._begin_part,
                    "on_header_begin": self._begin_header,
                    "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                    "on_header_end": self._end_header,
                    "on_part_data": self._take,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            self._wrong = _damaged(error)
            return None

    def _begin_part(self) -> None:
        self._part = None
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidRequest(f"may have at most {MAX_PARTS} parts", field="the form")

    def _begin_header(self) -> None:
        self._header = (bytearray(), bytearray())

    def _end_header(self) -> None:
        name, value = (bytes(part) for part in self._header)
        if name.lower() != b"content-disposition":
            return
        options = parse_options_header(value.decode("latin-1"))[1]
        self._part = options.get(b"name", b"").decode("utf-8", "replace")
        if self._part == FILE_PART:
            if self._file_name is not None:
                raise InvalidRequest("is there twice; one file at a time", field=FILE_PART)
            self._file_name = _base_name(_text(options.get(b"filename", b"file"), "filename"))
        elif b"filename" in options:
            raise InvalidRequest(f"is a file; the file belongs in a part called {FILE_PART}", field=self._part)
        elif self._part in self._fields:
            raise InvalidRequest("is there twice", field=self._part)
        else:
            self._fields[self._part] = bytearray()

    def _take(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._part is None:
            raise InvalidRequest("has a part without a name", field="the form")
        if self._part == FILE_PART:
            self._file_hash.update(piece)
            self._file.write(piece)
        elif len(self._fields[self._part]) + len(piece) > MAX_FIELD_BYTES:
            raise InvalidRequest(f"may have at most {MAX_FIELD_BYTES} bytes", field=self._part)
        else:
            self._fields[self._part].extend(piece)

    def _end(self) -> None:
        self._complete = True


def _no_room(error: OSError) -> Unavailable:
    return Unavailable(f"the file cannot be taken in: {error.strerror}")


def _damaged(error: Exception | None) -> InvalidRequest:
    LOG.debug("form_refused", reason=str(error or "the closing boundary is missing"))
    return InvalidRequest("is not a complete multipart/form-data form", field="the body")


def _text(raw: bytes, name: str) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest("is not UTF-8 text", field=name) from error
    if "\0" in text:
        raise InvalidRequest("must not contain NUL", field=name)
    return text


def _base_name(name: str) -> str:
    """Without folders of either kind: a path from a client means nothing here. Raises InvalidRequest."""
    base = PurePosixPath(PureWindowsPath(name).name).name
    if len(base) > MAX_FILE_NAME:
        raise InvalidRequest(f"may have at most {MAX_FILE_NAME} characters", field="filename")
    return base if base.strip(".") else "file"
