"""Workbooks (.xlsx) out and in, a row at a time.

openpyxl makes the frame of a workbook: styles, widths, the frozen header. It cannot give away a sheet before the last
row is known, so the rows are written here, into a zip that leaves while it grows. Reading takes from openpyxl what
numbers mean (date formats, day counts) and the XML from expat directly: openpyxl's own reader keeps every element of
the sheet, fills gaps with rows up to any number the file names, and loses `_xHHHH_` escapes of shared strings.

Source: ECMA-376 part 1 (SpreadsheetML; ST_Xstring is 22.9.2.19) and part 2 (packages), and Excel's published limits.
"""

import io
import math
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, time
from itertools import islice
from typing import BinaryIO, Protocol, TypeAlias
from xml.parsers import expat

from openpyxl import Workbook
from openpyxl.cell import Cell as FrameCell
from openpyxl.styles import Font
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from tocsin.errors import InvalidRequest

SHEET_ROWS = 1_048_576  # Excel's limit, the header included
SHEET_COLUMNS = 16_384
CELL_CHARS = 32_767  # Excel's limit of one cell, in UTF-16 code units

Cell: TypeAlias = str | int | float | bool | None

EXACT_INT = 2**53  # a numeric cell is a double: whole numbers beyond this come back changed
ROWS_AT_ONCE = 32  # bounds the XML held in memory, whatever the caller hands over
COMPRESS_LEVEL = 1  # level 6 takes half as long again and saves a tenth
NARROWEST, WIDEST = 12, 40  # column widths, in characters of the default font

_SHEET_PART = "xl/worksheets/sheet1.xml"
_ZIP64_VERSION = 45

_UNHOLDABLE = r"\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff"  # not in XML 1.0, and CR, which XML turns into LF
_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")
# Text that goes into a cell as it is; everything else, and some that could, takes the careful way.
_PLAIN_RUN = f"[^&<>_{_UNHOLDABLE}]*"
_PLAIN = re.compile(rf"(?![\s=+\-@＝＋－＠]){_PLAIN_RUN}(?:_(?!x){_PLAIN_RUN})*(?<!\s)")
# An underscore is escaped too when only the escape of the next character would make it look like an escape.
_TO_ESCAPE = re.compile(rf"[{_UNHOLDABLE}]|_(?=x[0-9A-Fa-f]{{4}}[_{_UNHOLDABLE}])")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_CUT_MARK = re.compile(r" … \[cut: ([0-9]{1,18}) characters\]\Z")


def fits(text: str) -> bool:
    """A cell can hold this text whole."""
    return len(text) <= CELL_CHARS // 2 or (len(text) <= CELL_CHARS and _units(text) <= CELL_CHARS)


def cut(text: str) -> str:
    """The text as a cell can hold it: whole, or its beginning and a mark that tells how many characters it had."""
    if fits(text):
        return text
    mark = f" … [cut: {len(text)} characters]"
    room = 2 * (CELL_CHARS - len(mark))
    kept = text[:CELL_CHARS].encode("utf-16-le", "surrogatepass")[:room].decode("utf-16-le", "surrogatepass")
    # Half of a pair at the end is not a character.
    return (kept[:-1] if "\ud800" <= kept[-1] <= "\udbff" else kept) + mark


def is_cut(text: str) -> bool:
    """This text is what `cut` made of a longer one: it ends with the mark and is as long as a cell can be."""
    mark = _CUT_MARK.search(text)
    # One unit less where the last pair did not fit.
    return mark is not None and int(mark[1]) > mark.start() and CELL_CHARS - 1 <= _units(text) <= CELL_CHARS


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# Writing


class WorkbookWriter:
    """A workbook of one sheet, given away while it is written; memory does not grow with the rows.

    `title` names the sheet: at most 31 characters, none of `[]:*?/\\`. Calls must not overlap, but may come from
    different threads. Each returns the bytes that are ready, which may be none; the first returns the head of the
    file at once, so `rows([])` starts an answer before the first row is read.
    """

    cells_cut: int  # texts too long for a cell so far; see `cut`

    def __init__(self, title: str, columns: Sequence[str]) -> None:
        self.cells_cut = 0
        self._cells = [f'<c r="{get_column_letter(index)}' for index in range(1, len(columns) + 1)]
        self._next_row = 1
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        frame = _Frame(title, columns)
        for name, content in frame.parts:
            self._zip.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        # Last, because everything after it would have to wait for the last row.
        self._sheet = self._zip.open(_SheetInfo(_SHEET_PART), "w", force_zip64=True)
        self._sheet.write(frame.before_rows)
        self._after_rows = frame.after_rows
        self._quoted = frame.quoted
        self._sheet.write(self._row(columns, plain=frame.bold, quoted=frame.bold_quoted).encode())

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        """Append rows of one value for each column; None leaves the cell out, and so does an empty text.

        Text is always a text cell, and keeps being one when it is edited. A number that a cell would change (beyond
        2^53, not finite) becomes text. ValueError beyond SHEET_ROWS or when a row is not as long as the columns.
        """
        rest = iter(rows)
        while some := list(islice(rest, ROWS_AT_ONCE)):
            if self._next_row + len(some) > SHEET_ROWS + 1:
                raise ValueError(f"a sheet holds {SHEET_ROWS} rows, the header included")
            self._sheet.write("".join([self._row(row, quoted=self._quoted) for row in some]).encode())
        return self._sink.take()

    def finish(self) -> bytes:
        """The end of the file; nothing can be written after it."""
        self._sheet.write(self._after_rows)
        self._sheet.close()
        self._zip.close()
        return self._sink.take()

    def _row(self, values: Sequence[Cell], *, plain: str = "", quoted: str) -> str:
        number = str(self._next_row)
        self._next_row += 1
        parts = [f'<row r="{number}">']
        for cell, value in zip(self._cells, values, strict=True):
            if value is None or value == "":
                continue
            text = value if type(value) is str else _number_as_text(value)
            if text is None:
                parts.append(f'{cell}{number}"{_number(value)}')
            elif len(text) <= CELL_CHARS // 2 and _PLAIN.fullmatch(text):
                parts.append(f'{cell}{number}"{plain} t="inlineStr"><is><t>{text}</t></is></c>')
            else:
                style = quoted if text[0] in _FORMULA_STARTS else plain
                parts.append(f'{cell}{number}"{style} t="inlineStr"><is>{self._careful(text)}</is></c>')
        parts.append("</row>")
        return "".join(parts)

    def _careful(self, text: str) -> str:
        if not fits(text):
            text = cut(text)
            self.cells_cut += 1
        text = _TO_ESCAPE.sub(_escape, text)
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return f'<t xml:space="preserve">{text}</t>'


def template(title: str, columns: Sequence[str]) -> bytes:
    """A whole workbook with the header and no rows, to be filled in by hand."""
    writer = WorkbookWriter(title, columns)
    return writer.rows([]) + writer.finish()


def _escape(match: re.Match[str]) -> str:
    return f"_x{ord(match[0]):04X}_"


def _number_as_text(value: Cell) -> str | None:
    """The text of a value that a numeric cell cannot hold exactly, None for one that it can."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return None if -EXACT_INT <= value <= EXACT_INT else str(value)
    return None if value is None or math.isfinite(value) else str(value)


def _number(value: Cell) -> str:
    return f' t="b"><v>{value:d}</v></c>' if isinstance(value, bool) else f"><v>{value!r}</v></c>"


class _Sink:
    """Where the zip is written to: cannot seek, so zipfile puts sizes behind the data; emptied by `take`."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """There is nothing to close."""

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


class _SheetInfo(zipfile.ZipInfo):
    """A part that may outgrow 4 GiB, in the one spelling of ZIP64 that Excel reads from a stream.

    Excel wants version 4.5 and no ZIP64 field in the local header, and sizes of eight bytes behind the data; zipfile
    would write the field, and Excel calls that file damaged. Found by rzymek/opczip, which Apache POI writes with.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.compress_type = zipfile.ZIP_DEFLATED
        self._compresslevel = COMPRESS_LEVEL  # zipfile takes the level from here; public from Python 3.13 on only

    def FileHeader(self, zip64: bool | None = None) -> bytes:  # noqa: ARG002, N802 - zipfile's name for it
        self.extract_version = self.create_version = _ZIP64_VERSION
        return super().FileHeader(zip64=False)


class _Frame:
    """All of a workbook but its rows, by openpyxl: the other parts, and the sheet's XML before and after the rows."""

    def __init__(self, title: str, columns: Sequence[str]) -> None:
        book = Workbook()
        book.properties.creator = "Tocsin"
        sheet = book.worksheets[0]
        sheet.title = title
        sheet.freeze_panes = "A2"
        for index, name in enumerate(columns, start=1):
            sheet.column_dimensions[get_column_letter(index)].width = min(max(NARROWEST, len(name) + 3), WIDEST)
        # Cells that are never put into the sheet: styling them enters the style into the workbook.
        self.quoted, self.bold, self.bold_quoted = (_style(FrameCell(sheet, row=1, column=1), *of) for of in _STYLES)
        saved = io.BytesIO()
        book.save(saved)
        with zipfile.ZipFile(saved) as package:
            content = {name: package.read(name) for name in package.namelist()}
        self.before_rows, self.after_rows = _around_rows(content.pop(_SHEET_PART))
        # The content types come first, as Excel has them, so that a reader knows early what this is.
        self.parts = sorted(content.items(), key=lambda part: part[0] != "[Content_Types].xml")


_STYLES = ((False, True), (True, False), (True, True))  # bold, quoted


def _style(cell: FrameCell, bold: bool, quoted: bool) -> str:
    if bold:
        cell.font = Font(bold=True)
    # Excel's own mark, typed as a leading apostrophe: this is text, whatever it looks like.
    cell.quotePrefix = quoted
    return f' s="{cell.style_id}"'


def _around_rows(sheet: bytes) -> tuple[bytes, bytes]:
    """Also takes out the dimension: how far the sheet reaches is not known yet, and readers believe it."""
    sheet = re.sub(rb"<dimension [^>]*/>", b"", sheet)
    before, after = re.split(rb"<sheetData\s*/>|<sheetData>\s*</sheetData>", sheet)
    return before + b"<sheetData>", b"</sheetData>" + after


# Reading

FIELD = "uploadFile"
PIECE_BYTES = 256 * 1024  # unpacked bytes parsed at a time
MAX_TOKEN_BYTES = 4 * 1024 * 1024  # expat reads an unfinished tag anew with each piece; no honest one is this long
MAX_DIRECTORY_BYTES = 4 * 1024 * 1024  # the zip's list of parts, some 40,000 of them; it is read at once
MAX_DEPTH = 64  # elements within elements; a sheet has about six
MAX_NAMES = 2_000  # different names of elements and attributes; expat keeps each
MAX_FORMAT_CHARS = 255  # Excel's limit of a number format

_OLE_MAGIC = bytes.fromhex("D0CF11E0A1B11AE1")
_ENCRYPTED_FLAG = 0x1
_NOT_WRITTEN = "the file is not a workbook that a spreadsheet has written"
# Dates by number, without a format in the file: 18.8.30, with those that Chinese, Japanese and Korean Excel uses.
_DATE_FORMAT_IDS = frozenset([*range(27, 37), *range(50, 59)])
# What zipfile, zlib and expat raise about bytes that they cannot read. Broad, because zipfile checks little itself.
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, struct.error, expat.ExpatError,
    EOFError, OSError, LookupError, RuntimeError, ValueError,
)  # fmt: skip


def read_rows(file: BinaryIO, *, max_rows: int, max_unpacked_bytes: int) -> Iterator[tuple[int, dict[str, Cell]]]:
    """The rows of the first sheet as (number that the spreadsheet shows, {column name: value}), as they are read.

    The first row with text is the header; columns without a name, empty cells and empty rows are left out. Whole
    numbers are int; dates are text, `YYYY-MM-DDTHH:MM:SS.mmm`, times of day `HH:MM:SS.mmm`; a formula is its text,
    `=` first, and not computed. Half a surrogate pair is read as U+FFFD, so that all text can be stored.

    `max_rows` counts rows without the header. `max_unpacked_bytes` bounds the declared size of all parts, and also the
    characters given out, so that a shared text cannot be multiplied beyond it. Memory: the shared texts and one piece.

    Raises InvalidRequest for everything wrong with the file, in its middle too: rows before that were already given.
    """
    with _damage_reported():
        package = _Package(file, max_unpacked_bytes)
        book = _Book(package)
        names: dict[int, str] = {}
        count = 0
        for number, cells in book.rows(max_unpacked_bytes):
            if not names:
                names = _header(cells)
                continue
            row = {names[column]: value for column, value in cells if column in names}
            if not row:
                continue
            count += 1
            if count > max_rows:
                raise _wrong(f"more than {max_rows} rows; split the file")
            yield number, row
        if not names:
            raise _wrong("the first sheet is empty; its first row must hold the column names")


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, field=FIELD)


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise _wrong("the file is damaged and cannot be read as an .xlsx workbook") from error


def _header(cells: Iterable[tuple[int, Cell]]) -> dict[int, str]:
    names = {column: name for column, value in cells if (name := str(value).strip())}
    first: dict[str, int] = {}
    for column, name in names.items():
        if first.setdefault(name, column) != column:
            here = f"{get_column_letter(first[name])} and {get_column_letter(column)}"
            raise _wrong(f"two columns have the name {name[:100]!r}: {here}")
    return names


class _Bounded:
    """zipfile reads a zip's whole list of parts at once, as long as the file says it is; this sets a limit."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek = file.seek
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, size: int = -1, /) -> bytes:
        if size > MAX_DIRECTORY_BYTES:
            raise _wrong("the file has too many parts for a workbook")
        return self._file.read(size if size >= 0 else MAX_DIRECTORY_BYTES)  # "all" is the end of the file, 64 KiB


class _Package:
    """The parts of the file, by name, in which case does not count (ECMA-376 part 2)."""

    def __init__(self, file: BinaryIO, max_unpacked_bytes: int) -> None:
        _check_magic(file)
        self._zip = zipfile.ZipFile(_Bounded(file))
        infos = self._zip.infolist()
        if sum(info.file_size for info in infos) > max_unpacked_bytes:
            raise _wrong(f"the file unpacks to more than {max_unpacked_bytes} bytes; split it")
        if any(info.flag_bits & _ENCRYPTED_FLAG for info in infos):
            raise _wrong("the file is encrypted; save it without a password")
        if any(info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for info in infos):
            # The only two that a package may use; zipfile unpacks the others without a bound.
            raise _wrong("the file is compressed in a way that workbooks do not use; save it as .xlsx")
        self._infos = {_part_name(info.filename): info for info in infos}

    def __contains__(self, name: str) -> bool:
        return _part_name(name) in self._infos

    def parse(self, name: str, target: "_Target") -> Iterator[None]:
        """Parse a part into its target, pausing after each piece so that what it holds can be taken."""
        parser = _parser(target)
        with self._zip.open(self._infos[_part_name(name)]) as part:
            fed = 0
            while piece := part.read(PIECE_BYTES):
                parser.Parse(piece, False)
                fed += len(piece)
                if fed - parser.CurrentByteIndex > MAX_TOKEN_BYTES or len(parser.intern) > MAX_NAMES:
                    raise _wrong(_NOT_WRITTEN)
                yield
            parser.Parse(b"", True)
        yield

    def elements(self, name: str) -> list["_Element"]:
        """All elements of a small part, in the order of their start."""
        target = _Elements()
        for _ in self.parse(name, target):
            pass
        return target.elements

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """What a part points to, by id: (last word of the type, part). Of the package itself with an empty name."""
        folder, part = posixpath.split(name)
        rels = posixpath.join(folder, "_rels", f"{part}.rels")
        if rels not in self:
            return {}
        return {
            element.get("Id"): (element.get("Type").rpartition("/")[2], posixpath.join(folder, element.get("Target")))
            for element in self.elements(rels)
            if element.tag == "Relationship"
        }


def _check_magic(file: BinaryIO) -> None:
    file.seek(0)
    magic = file.read(len(_OLE_MAGIC))
    if magic == _OLE_MAGIC:
        # One container for both, and telling them apart would take a reader of it.
        raise _wrong("this is an old .xls workbook, or one with a password; save it as .xlsx, without a password")
    if not magic.startswith(b"PK"):
        raise _wrong("this is not an .xlsx workbook; save it as .xlsx")


def _part_name(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/")).lstrip("/").lower()


class _Target(Protocol):
    def start(self, name: str, attributes: dict[str, str], /) -> None: ...
    def end(self, name: str, /) -> None: ...
    def text(self, data: str, /) -> None: ...


def _parser(target: _Target) -> expat.XMLParserType:
    """Without namespaces: workbooks use two for the same elements, and a prefix for all of them is allowed."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.buffer_size = 64 * 1024
    parser.StartElementHandler = target.start
    parser.EndElementHandler = target.end
    parser.CharacterDataHandler = target.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    # Packages must not have one (ECMA-376 part 2), and entities that multiply are declared there.
    raise _wrong("the file has a document type declaration, which workbooks must not have")


class _Element:
    """Tag without its prefix, tag of the parent, attributes."""

    __slots__ = ("attributes", "parent", "tag")

    def __init__(self, tag: str, parent: str, attributes: Mapping[str, str]) -> None:
        self.tag = tag
        self.parent = parent
        self.attributes = attributes

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")


class _Elements:
    """What the small parts say: relationships, sheets, styles."""

    TAGS = frozenset(["Relationship", "sheet", "workbookPr", "numFmt", "xf"])
    MAX = 200_000  # Excel allows 65,490 styles and 200 to 250 formats

    def __init__(self) -> None:
        self.elements: list[_Element] = []
        self._open = [""]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag in self.TAGS:
            self.elements.append(_Element(tag, self._open[-1], attributes))
        self._open.append(tag)
        if len(self._open) > MAX_DEPTH or len(self.elements) > self.MAX:
            raise _wrong(_NOT_WRITTEN)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        """These parts say everything in attributes."""


class _Book:
    """Where things are in the package: the first sheet, the shared texts, the styles that mean dates."""

    def __init__(self, package: _Package) -> None:
        self._package = package
        book = next((part for kind, part in package.relations("").values() if kind == "officeDocument"), "")
        if book not in package or book.endswith(".bin"):
            raise _wrong("there is no workbook inside; save it as .xlsx")
        relations = package.relations(book)
        elements = package.elements(book)
        self._sheet = self._first_sheet(elements, relations)
        self._parts = dict(relations.values())
        self._epoch = MAC_EPOCH if any(_is_1904(element) for element in elements) else WINDOWS_EPOCH

    def _first_sheet(self, elements: list[_Element], relations: dict[str, tuple[str, str]]) -> str:
        for element in elements:
            if element.tag == "sheet":
                # The id has a prefix, which is the file's to choose; sheetId has none.
                ids = [value for name, value in element.attributes.items() if name.endswith(":id")]
                kind, part = relations.get(ids[0] if ids else "", ("", ""))
                if kind == "worksheet" and part in self._package:
                    return part
        raise _wrong("there is no sheet in the workbook")

    def rows(self, max_chars: int) -> Iterator[tuple[int, list[tuple[int, Cell]]]]:
        """Rows as (number, [(column number, value)]), empty ones left out."""
        sheet = _Sheet(self._shared_texts(), self._date_styles(), self._epoch, max_chars)
        for _ in self._package.parse(self._sheet, sheet):
            yield from sheet.take()

    def _shared_texts(self) -> list[str]:
        part = self._parts.get("sharedStrings", "")
        target = _SharedTexts()
        if part in self._package:
            for _ in self._package.parse(part, target):
                pass
        return target.texts

    def _date_styles(self) -> frozenset[str]:
        """The style numbers, as cells spell them, under which a number is a point in time."""
        part = self._parts.get("styles", "")
        elements = self._package.elements(part) if part in self._package else []
        formats = {e.get("numFmtId"): e.get("formatCode") for e in elements if e.parent == "numFmts"}
        styles = [e.get("numFmtId") for e in elements if e.parent == "cellXfs"]
        dates = {style for style in set(styles) if _is_date(style, formats)}
        return frozenset(str(index) for index, style in enumerate(styles) if style in dates)


def _is_1904(element: _Element) -> bool:
    return element.tag == "workbookPr" and element.get("date1904") in {"1", "true"}


def _is_date(style: str, formats: Mapping[str, str]) -> bool:
    number = int(style or 0)
    code = formats.get(style) or BUILTIN_FORMATS.get(number, "")
    # A duration such as [h]:mm is no point in time and stays the number that it is.
    by_code = len(code) <= MAX_FORMAT_CHARS and is_date_format(code) and not is_timedelta_format(code)
    return number in _DATE_FORMAT_IDS or by_code


class _TextTarget:
    """Collects the text of `t`, and of whatever else a subclass opens; phonetic readings are not part of a text."""

    def __init__(self) -> None:
        self._depth = 0
        self._phonetic = False
        self._open: list[str] | None = None

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _wrong(_NOT_WRITTEN)

    def text(self, data: str) -> None:
        if self._open is not None:
            self._open.append(data)


class _SharedTexts(_TextTarget):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._runs: list[str] = []

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._enter()
        tag = name.rpartition(":")[2]
        if tag == "si":
            self._runs = []
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "t" and not self._phonetic:
            self._open = self._runs

    def end(self, name: str) -> None:
        self._depth -= 1
        tag = name.rpartition(":")[2]
        if tag == "si":
            self.texts.append(_unescaped("".join(self._runs)))
        elif tag == "rPh":
            self._phonetic = False
        elif tag == "t":
            self._open = None


class _Sheet(_TextTarget):
    """Turns a sheet's XML into rows. Only what was not yet taken is held."""

    def __init__(self, shared: Sequence[str], date_styles: frozenset[str], epoch: datetime, max_chars: int) -> None:
        super().__init__()
        self._shared = shared
        self._date_styles = date_styles
        self._epoch = epoch
        self._chars_left = max_chars
        self._columns: dict[str, int] = {}
        self._shared_formulas: dict[str, str] = {}
        self._rows: list[tuple[int, list[tuple[int, Cell]]]] = []
        self._row = 0
        self._cells: list[tuple[int, Cell]] = []
        self._column = 0
        self._cell: dict[str, str] | None = None
        self._value: list[str] = []
        self._formula: list[str] | None = None
        self._formula_id = ""

    def take(self) -> list[tuple[int, list[tuple[int, Cell]]]]:
        rows, self._rows = self._rows, []
        return rows

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _wrong(_NOT_WRITTEN)
        tag = name if name in _CELL_TAGS else name.rpartition(":")[2]
        if tag == "c":
            self._start_cell(attributes)
        elif tag == "row":
            self._start_row(attributes)
        elif self._cell is None:
            return
        elif tag == "f":
            self._open = self._formula = []
            self._formula_id = attributes.get("si", "")
        elif tag == "rPh":
            self._phonetic = True
        elif tag == "v" or (tag == "t" and not self._phonetic):
            self._open = self._value

    def end(self, name: str) -> None:
        self._depth -= 1
        tag = name if name in _CELL_TAGS else name.rpartition(":")[2]
        if tag == "c":
            self._end_cell()
        elif tag == "row":
            if self._cells:
                self._rows.append((self._row, self._cells))
            self._cells = []
        elif tag == "rPh":
            self._phonetic = False
        elif tag in _CELL_TAGS:
            self._open = None

    def _start_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r")
        self._row = int(number) if number else self._row + 1
        if not 1 <= self._row <= SHEET_ROWS:
            raise _wrong(f"the file names row {self._row}; a sheet has {SHEET_ROWS}")
        self._cells = []
        self._column = 0

    def _start_cell(self, attributes: dict[str, str]) -> None:
        letters = attributes.get("r", "").rstrip("0123456789")
        self._column = (self._columns.get(letters) or self._column_of(letters)) if letters else self._column + 1
        if self._column > SHEET_COLUMNS or len(self._cells) > SHEET_COLUMNS:
            raise _wrong(f"row {self._row} has more than {SHEET_COLUMNS} cells")
        self._cell = attributes
        self._value = []
        self._formula = None

    def _column_of(self, letters: str) -> int:
        if not re.fullmatch("[A-Z]{1,3}", letters):
            raise _wrong(f"row {self._row} has a cell without a place")
        column = column_index_from_string(letters)
        self._columns[letters] = column
        return column

    def _end_cell(self) -> None:
        attributes, self._cell = self._cell, None
        if attributes is None:
            return
        value = self._formula_text() if self._formula is not None else self._content(attributes)
        if value is None or value == "":
            return
        if isinstance(value, str):
            self._chars_left -= len(value)
            if self._chars_left < 0:
                raise _wrong("the texts of the file are too long in all; split it")
        self._cells.append((self._column, value))

    def _formula_text(self) -> str:
        """Cells that share a formula get the text of the first: it would have to be moved along otherwise."""
        text = "".join(self._formula or ())
        if self._formula_id:
            text = text or self._shared_formulas.get(self._formula_id, "")
            self._shared_formulas[self._formula_id] = text
        return f"={_unescaped(text)}"

    def _content(self, attributes: dict[str, str]) -> Cell:
        raw = "".join(self._value)
        kind = attributes.get("t", "n")
        if kind in {"inlineStr", "str"}:
            return _unescaped(raw)
        if not raw:
            return None
        if kind == "s":
            return self._shared[_index(raw)]
        if kind == "n":
            number = _as_number(raw)
            return self._as_date(number) if attributes.get("s") in self._date_styles else number
        if kind == "b":
            return raw.strip() in {"1", "true"}
        return _as_moment(raw) if kind == "d" else raw

    def _as_date(self, number: float) -> Cell:
        try:
            moment = from_excel(number, self._epoch)
        except (OverflowError, ValueError):
            return number  # Excel shows such a day as ####
        return moment.isoformat(timespec="milliseconds") if isinstance(moment, datetime | time) else number


_CELL_TAGS = frozenset(["row", "c", "v", "f", "is", "t", "rPh"])


def _unescaped(text: str) -> str:
    """ST_Xstring: `_xHHHH_` is a UTF-16 code unit."""
    if "_x" not in text:
        return text
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    if _LONE_SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _index(raw: str) -> int:
    index = int(raw)
    if index < 0:
        raise ValueError(raw)
    return index


def _as_number(raw: str) -> float:
    digits = raw.strip()
    if len(digits) <= 17 and digits.removeprefix("-").isdecimal():
        return int(digits)
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(raw)
    return int(number) if number.is_integer() and abs(number) <= EXACT_INT else number


def _as_moment(raw: str) -> str:
    """A date in ISO 8601, as strict workbooks have them (18.18.11), in the same spelling as the others."""
    try:
        return datetime.fromisoformat(raw.strip()).isoformat(timespec="milliseconds")
    except ValueError:
        return raw
