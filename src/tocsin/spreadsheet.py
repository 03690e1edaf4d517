"""Workbooks (.xlsx) out and in, a row at a time.

openpyxl makes the frame of a workbook: styles, widths, the frozen header. It cannot give away a sheet before the last
row is known, so the rows are written here, into a zip that leaves while it grows. Reading is openpyxl's, out of an
archive that bounds what a file can make it keep.

Source: ECMA-376 part 1 (SpreadsheetML; ST_Xstring is 22.9.2.19) and part 2 (packages), and Excel's published limits.
"""

import io
import math
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, time
from itertools import islice
from typing import IO, Any, BinaryIO, Literal, TypeAlias, cast
from xml.etree.ElementTree import Element, XMLPullParser

from openpyxl import Workbook
from openpyxl.cell import Cell as FrameCell
from openpyxl.reader.excel import ExcelReader
from openpyxl.styles import Font
from openpyxl.styles.stylesheet import Stylesheet
from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import from_excel
from openpyxl.worksheet._reader import DATA_TAG, FORMULA_TAG, ROW_TAG, WorkSheetParser
from openpyxl.xml.constants import ARC_STYLE, SHARED_STRINGS
from openpyxl.xml.functions import fromstring

from tocsin.errors import InvalidRequest

SHEET_ROWS = 1_048_576  # Excel's limit, the header included
CELL_CHARS = 32_767  # Excel's limit of one cell, in UTF-16 code units

Cell: TypeAlias = str | int | float | bool | None

EXACT_INT = 2**53  # a numeric cell is a double: whole numbers beyond this come back changed
ROWS_AT_ONCE = 32  # bounds the XML held in memory, whatever the caller hands over
COMPRESS_LEVEL = 1  # level 6 takes half as long again and saves a tenth
NARROWEST, WIDEST = 12, 40  # column widths, in characters of the default font

REPORT_TITLE = "Export report"
_SHEET_PART, _REPORT_PART = "xl/worksheets/sheet1.xml", "xl/worksheets/sheet2.xml"
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

    `title` names the sheet: at most 31 characters, none of `[]:*?/\\`. With `report` there is a second sheet, whose
    rows `finish` takes. Calls must not overlap, but may come from different threads. Each returns the bytes that are
    ready, which may be none; the first returns the head of the file at once, so `rows([])` starts an answer before the
    first row is read.
    """

    cells_cut: int  # texts too long for a cell so far; see `cut`

    def __init__(self, title: str, columns: Sequence[str], *, report: bool = False) -> None:
        self.cells_cut = 0
        self._cells = _cells(len(columns))
        self._next_row = 1
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)
        self._frame = _Frame(title, columns, report=report)
        for name, content in self._frame.parts:
            self._zip.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
        # Behind the other parts, because everything after it has to wait for the last row.
        self._sheet = self._zip.open(_SheetInfo(_SHEET_PART), "w", force_zip64=True)
        self._sheet.write(self._frame.sheet[0])
        self._sheet.write(self._row(1, self._cells, columns, plain=self._frame.bold, quoted=self._frame.bold_quoted))
        self._next_row = 2

    def rows(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        """Append rows of one value for each column; None leaves the cell out, and so does an empty text.

        Text is always a text cell, and keeps being one when it is edited. A number that a cell would change (beyond
        2^53, not finite) becomes text. ValueError beyond SHEET_ROWS or when a row is not as long as the columns.
        """
        rest = iter(rows)
        while some := list(islice(rest, ROWS_AT_ONCE)):
            if self._next_row + len(some) > SHEET_ROWS + 1:
                raise ValueError(f"a sheet holds {SHEET_ROWS} rows, the header included")
            self._sheet.write(b"".join([self._row(n, self._cells, row) for n, row in enumerate(some, self._next_row)]))
            self._next_row += len(some)
        return self._sink.take()

    def finish(self, report: Sequence[Sequence[Cell]] = ()) -> bytes:
        """The end of the file, with the rows of the report, of any length; nothing can be written after it."""
        self._sheet.write(self._frame.sheet[1])
        self._sheet.close()
        if self._frame.report:
            cells = _cells(max(map(len, report), default=0))
            rows = [self._row(number, cells[: len(row)], row) for number, row in enumerate(report, 1)]
            content = b"".join(rows).join(self._frame.report)
            self._zip.writestr(zipfile.ZipInfo(_REPORT_PART), content, zipfile.ZIP_DEFLATED)
        elif report:
            raise ValueError("this workbook was begun without a report")
        self._zip.close()
        return self._sink.take()

    def _row(
        self, row: int, cells: Sequence[str], values: Sequence[Cell], *, plain: str = "", quoted: str = ""
    ) -> bytes:
        number = str(row)
        parts = [f'<row r="{number}">']
        for cell, value in zip(cells, values, strict=True):
            if value is None or value == "":
                continue
            text = value if type(value) is str else _number_as_text(value)
            if text is None:
                parts.append(f'{cell}{number}"{_number(value)}')
            elif len(text) <= CELL_CHARS // 2 and _PLAIN.fullmatch(text):
                parts.append(f'{cell}{number}"{plain} t="inlineStr"><is><t>{text}</t></is></c>')
            else:
                style = (quoted or self._frame.quoted) if text[0] in _FORMULA_STARTS else plain
                parts.append(f'{cell}{number}"{style} t="inlineStr"><is>{self._careful(text)}</is></c>')
        parts.append("</row>")
        return "".join(parts).encode()

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


def _cells(count: int) -> list[str]:
    return [f'<c r="{get_column_letter(index)}' for index in range(1, count + 1)]


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
    """All of a workbook but its rows, by openpyxl: the other parts, and the sheets' XML before and after the rows."""

    def __init__(self, title: str, columns: Sequence[str], *, report: bool) -> None:
        book = Workbook()
        book.properties.creator = "Tocsin"
        sheet = book.worksheets[0]
        sheet.title = title
        sheet.freeze_panes = "A2"
        for index, name in enumerate(columns, start=1):
            sheet.column_dimensions[get_column_letter(index)].width = min(max(NARROWEST, len(name) + 3), WIDEST)
        # Cells that are never put into the sheet: styling them enters the style into the workbook.
        self.quoted, self.bold, self.bold_quoted = (_style(FrameCell(sheet, row=1, column=1), *of) for of in _STYLES)
        if report:
            book.create_sheet(REPORT_TITLE).column_dimensions["A"].width = WIDEST
        saved = io.BytesIO()
        book.save(saved)
        with zipfile.ZipFile(saved) as package:
            content = {name: package.read(name) for name in package.namelist()}
        self.sheet = _around_rows(content.pop(_SHEET_PART))
        self.report = _around_rows(content.pop(_REPORT_PART)) if report else ()
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
PIECE_BYTES = 64 * 1024
MAX_PARTS = 10_000
MAX_SHARED_BYTES = 64 * 1024 * 1024  # openpyxl keeps the shared texts, and at worst 20 bytes for each of these
MAX_WHOLE_BYTES = 4 * 1024 * 1024  # of the parts taken in whole (styles, list of sheets): a kilobyte for 5 at worst
MAX_ROW_BYTES = 16 * 1024 * 1024  # of the sheet without the end of a row; all of it is held
MAX_ROW_ELEMENTS = 8 * 16_384
MAX_NAMES = 2_000  # different names of elements and attributes; the parser keeps each
MAX_FORMAT_CHARS = 255  # Excel's limit of a number format; openpyxl's search in one takes quadratic time

_OLE_MAGIC = bytes.fromhex("D0CF11E0A1B11AE1")
_METHODS = frozenset([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
# The root comes at once. Not a document type, which parts must not have (ECMA-376 part 2) and which declares entities
# that multiply; not UTF-16, where one could hide.
_PROLOG = re.compile(rb"(?:\xEF\xBB\xBF)?\s*(?:<\?[^<>]*\?>\s*)*<[A-Za-z]")
# Dates by number, without a format in the file: 18.8.30, with those that Chinese, Japanese and Korean Excel uses.
_DATE_FORMAT_IDS = frozenset([*range(27, 37), *range(50, 59)])
_NOT_WRITTEN = "the file is not a workbook that a spreadsheet has written"


def read_rows(
    file: BinaryIO, *, max_rows: int, max_unpacked_bytes: int, between: Callable[[], None] = lambda: None
) -> Iterator[tuple[int, dict[str, Cell]]]:
    """The rows of the first sheet as (number that the spreadsheet shows, {column name: value}), as they are read.

    The first row with text is the header; columns without a name, empty cells and empty rows are left out. Whole
    numbers are int; dates are text, `YYYY-MM-DDTHH:MM:SS.mmm`, times of day `HH:MM:SS.mmm`; a formula is its text,
    `=` first, and not computed. Half a surrogate pair is read as U+FFFD, so that all text can be stored.

    `max_rows` counts rows without the header. `max_unpacked_bytes` bounds the declared size of all parts, and also the
    characters given out, so that a shared text cannot be multiplied beyond it. Memory: the shared texts and one row.

    `between` is called for every piece that is read of the file, and may raise InvalidRequest to end the reading.

    Raises InvalidRequest for everything wrong with the file, in its middle too: rows before that were already given.
    """
    with _damage_reported():
        names: dict[int, str] = {}
        count = chars = 0
        for number, cells in _sheet_rows(file, _opened(file, max_unpacked_bytes, between)):
            if not names:
                names = _header(cells)
                continue
            row: dict[str, Cell] = {names[column]: value for column, value in cells.items() if column in names}
            if not row:
                continue
            count += 1
            if count > max_rows:
                raise _wrong(f"more than {max_rows} rows; split the file")
            chars += sum(len(value) for value in row.values() if isinstance(value, str))
            if chars > max_unpacked_bytes:
                raise _wrong("the texts of the file are too long in all; split it")
            yield number, row
        if not names:
            raise _wrong("the first sheet is empty; its first row must hold the column names")


def _wrong(message: str) -> InvalidRequest:
    return InvalidRequest(message, field=FIELD)


@contextmanager
def _damage_reported() -> Iterator[None]:
    try:
        yield
    except (InvalidRequest, MemoryError):
        raise
    except Exception as error:  # zipfile and openpyxl check little, and stumble over the rest in every way
        raise _wrong("the file is damaged and cannot be read as an .xlsx workbook") from error


def _header(cells: Mapping[int, Cell]) -> dict[int, str]:
    names = {column: name for column, value in cells.items() if (name := str(value).strip())}
    first: dict[str, int] = {}
    for column, name in names.items():
        if first.setdefault(name, column) != column:
            here = f"{get_column_letter(first[name])} and {get_column_letter(column)}"
            raise _wrong(f"two columns have the name {name[:100]!r}: {here}")
    return names


class _Watched:
    """A file of which every reading is noticed."""

    def __init__(self, file: BinaryIO, between: Callable[[], None]) -> None:
        self._file, self._between = file, between

    def read(self, size: int = -1, /) -> bytes:
        self._between()
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Archive(zipfile.ZipFile):
    """What openpyxl reads from: by `read` the parts that it takes in whole, by `open` the others."""

    whole = 0

    def read(self, name: str | zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:
        self.whole += self.getinfo(str(name)).file_size
        if self.whole > MAX_WHOLE_BYTES:
            raise _wrong("the workbook has too many styles, names or sheets")
        return super().read(name, pwd)

    def open(
        self, name: str | zipfile.ZipInfo, mode: Literal["r", "w"] = "r", pwd: bytes | None = None, **more: bool
    ) -> IO[bytes]:
        with super().open(name, mode, pwd, **more) as part:
            if not _PROLOG.match(part.read(1024)):
                raise _wrong(f"{part.name} has a document type, or is not XML as workbooks have it")
        return super().open(name, mode, pwd, **more)


def _opened(file: BinaryIO, max_unpacked_bytes: int, between: Callable[[], None]) -> _Archive:
    file.seek(0)
    magic = file.read(len(_OLE_MAGIC))
    if magic == _OLE_MAGIC:
        # One container for both, and telling them apart would take a reader of it.
        raise _wrong("this is an old .xls workbook, or one with a password; save it as .xlsx, without a password")
    if not magic.startswith(b"PK"):
        raise _wrong("this is not an .xlsx workbook; save it as .xlsx")
    archive = _Archive(_Watched(file, between))
    infos = archive.infolist()
    if len(infos) > MAX_PARTS:
        raise _wrong("the file has too many parts for a workbook")
    if sum(info.file_size for info in infos) > max_unpacked_bytes:
        raise _wrong(f"the file unpacks to more than {max_unpacked_bytes} bytes; split it")
    # zipfile unpacks the other methods without a bound.
    if any(info.flag_bits & 1 or info.compress_type not in _METHODS for info in infos):
        raise _wrong("the file is encrypted, or compressed in a way that workbooks do not use; save it as .xlsx")
    return archive


def _sheet_rows(file: BinaryIO, archive: _Archive) -> Iterator[tuple[int, dict[int, Cell]]]:
    """The steps of openpyxl's `load_workbook` that the values of one sheet need."""
    reader = ExcelReader(file, read_only=True, keep_links=False)
    reader.archive = archive
    try:
        reader.read_manifest()
        texts = reader.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]
        if texts is not None and archive.getinfo(texts.PartName[1:]).file_size > MAX_SHARED_BYTES:
            raise _wrong("the texts of the file are too long in all; split it")
        reader.read_strings()
        reader.read_workbook()
    except (KeyError, OSError) as error:
        raise _wrong("there is no workbook in the file that can be read; save it as .xlsx") from error
    sheet = next((rel.target for _, rel in reader.parser.find_sheets() if rel.Type.endswith("/worksheet")), "")
    if sheet not in archive.namelist():
        raise _wrong("there is no sheet in the workbook that can be read; save it as .xlsx")
    parser = _Cells(reader.shared_strings)
    dates = _date_styles(archive)
    last = 0
    with archive.open(sheet) as part:
        for element in _row_elements(part):
            number, cells = parser.parse_row(element)
            parser.row_dimensions.clear()
            if not last < number <= SHEET_ROWS:
                raise _wrong(f"row {number} of the file is not in its place; a sheet has {SHEET_ROWS}, in their order")
            last = number
            values = {
                cell["column"]: _value(cell["value"], cell["style_id"] in dates, reader.wb.epoch) for cell in cells
            }
            yield number, {column: value for column, value in values.items() if value is not None and value != ""}


def _row_elements(part: IO[bytes]) -> Iterator[Any]:
    """The rows of a sheet, of which nothing is kept. What comes behind them is not looked at.

    openpyxl's own loop keeps all that is not in a row, 20 bytes for one, and warns of what it would not save again.
    """
    xml: XMLPullParser[Element] = XMLPullParser(("start", "end"))
    path: list[Element] = []
    names: set[str] = set()
    held = elements = 0
    while piece := part.read(PIECE_BYTES):
        xml.feed(piece)
        held += len(piece)
        for event, element in cast("Iterator[tuple[str, Element]]", xml.read_events()):
            if event == "start":
                path.append(element)
                names.update((element.tag, *element.keys()))
                elements += 1
                continue
            path.pop()
            if len(path) == 2 and element.tag == ROW_TAG:
                yield element
                held = elements = 0
            elif len(path) == 1 and element.tag == DATA_TAG:
                while part.read(PIECE_BYTES):
                    pass  # to the end, where the checksum is
                return
            if 1 <= len(path) <= 2:
                path[-1].clear()
        if held > MAX_ROW_BYTES or elements > MAX_ROW_ELEMENTS or len(names) > MAX_NAMES:
            raise _wrong(_NOT_WRITTEN)
    xml.close()


class _Cells(WorkSheetParser):
    """What the cells of a row hold, by openpyxl. It is not told of dates, as it gives up a number that is none."""

    def __init__(self, shared: list[str]) -> None:
        super().__init__(io.BytesIO(), shared)
        self._formulas: dict[str, str] = {}

    def parse_formula(self, element: Element) -> str:
        """Cells that share a formula get the text of the first; openpyxl would move it along, and keep it in tokens."""
        formula = element.find(FORMULA_TAG)
        text, shared = ("", None) if formula is None else (formula.text or "", formula.get("si"))
        if shared is not None:
            text = self._formulas[shared] = text or self._formulas.get(shared, "")
        return f"={text}"


def _date_styles(archive: _Archive) -> set[int]:
    """The numbers of the styles under which a number is a point in time."""
    if ARC_STYLE not in archive.namelist():
        return set()
    root = fromstring(archive.read(ARC_STYLE))
    if any(len(element.get("formatCode", "")) > MAX_FORMAT_CHARS for element in root.iter()):
        raise _wrong(_NOT_WRITTEN)
    sheet: Any = Stylesheet.from_tree(root)  # type: ignore[arg-type]  # the types know only what to write
    by_number = {index for index, style in enumerate(sheet.cell_styles) if style.numFmtId in _DATE_FORMAT_IDS}
    # A duration such as [h]:mm is no point in time and stays the number that it is.
    return by_number.union(sheet.date_formats - sheet.timedelta_formats)


def _value(value: object, is_date: bool, epoch: datetime) -> Cell:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise _wrong("the file has a number that is not finite")
        if is_date:
            with suppress(OverflowError, ValueError):  # Excel shows such a day as ####
                return _value(from_excel(value, epoch), False, epoch)
        return int(value) if abs(value) <= EXACT_INT and value == int(value) else value
    if isinstance(value, datetime | time):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, date):
        return f"{value}T00:00:00.000"
    return value if value is None or isinstance(value, bool) else _unescaped(str(value))


def _unescaped(text: str) -> str:
    """ST_Xstring: `_xHHHH_` is a UTF-16 code unit. Of shared texts openpyxl has taken `x005F_` out already."""
    if "_x" not in text:
        return text
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    if _LONE_SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
