"""Workbooks out and in: what is written comes back, and nothing that is uploaded can do harm."""

# ruff: noqa: DTZ001 - dates in a spreadsheet have no time zone

import io
import re
import struct
import tracemalloc
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.styles import Font

from tocsin import spreadsheet
from tocsin.errors import InvalidRequest
from tocsin.spreadsheet import CELL_CHARS, SHEET_ROWS, WorkbookWriter, cut, fits, is_cut, read_rows, template

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
SHEET = "xl/worksheets/sheet1.xml"


def written(columns: Sequence[str], *rows: Sequence[Any]) -> bytes:
    writer = WorkbookWriter("Alerts", columns)
    return writer.rows(rows) + writer.finish()


def read(
    content: bytes, *, max_rows: int = 1000, max_unpacked_bytes: int = 100_000_000
) -> list[tuple[int, dict[str, Any]]]:
    return list(read_rows(io.BytesIO(content), max_rows=max_rows, max_unpacked_bytes=max_unpacked_bytes))


def came_back(*texts: str) -> list[str]:
    columns = [f"c{index}" for index in range(len(texts))]
    rows = read(written(columns, texts))
    return [rows[0][1].get(column, "") for column in columns] if rows else ["" for _ in texts]


def by_openpyxl(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]


def saved(book: openpyxl.Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


PARTS = {
    "types": "[Content_Types].xml",
    "workbook": "xl/workbook.xml",
    "workbook_rels": "xl/_rels/workbook.xml.rels",
    "shared": "xl/sharedStrings.xml",
    "styles": "xl/styles.xml",
    "whole_sheet": SHEET,
}
HEADER = '<row r="1"><c r="A1" t="str"><v>title</v></c></row>'


def package(**changed: str | bytes | None) -> bytes:
    """A minimal workbook by hand; `sheet` is what stands in its sheetData, other names replace a whole part."""
    rows = changed.pop("sheet", None)
    shared = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{TYPE}.sharedStrings+xml"/>'
    parts: dict[str, str | bytes | None] = {
        "types": (
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>'
            f"{shared if changed.get('shared', '') is not None else ''}</Types>"
        ),
        "workbook": (
            f'<workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets><sheet name="S" sheetId="1" r:id="s"/></sheets></workbook>'
        ),
        "workbook_rels": (
            "<Relationships>"
            f'<Relationship Id="c" Type="{REL}/chartsheet" Target="chartsheets/sheet1.xml"/>'
            f'<Relationship Id="s" Type="{REL}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
        ),
        "shared": f'<sst xmlns="{MAIN}"><si><t>shared</t></si></sst>',
        "styles": f'<styleSheet xmlns="{MAIN}"/>',
        "whole_sheet": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>',
    } | changed
    return zipped({PARTS[name]: content for name, content in parts.items() if content is not None})


def zipped(parts: dict[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as zip_file:
        for name, content in parts.items():
            zip_file.writestr(name, content)
    return file.getvalue()


# Writing


def test_a_written_workbook_has_a_bold_frozen_header_and_wide_columns() -> None:
    sheet = by_openpyxl(written(["id", "a very long column name"], ["1", "x"]))
    assert [cell.value for cell in sheet[1]] == ["id", "a very long column name"]
    assert all(cell.font.bold for cell in sheet[1])
    assert not sheet["A2"].font.bold
    assert sheet.title == "Alerts"
    assert sheet.freeze_panes == "A2"
    assert sheet.column_dimensions["B"].width > sheet.column_dimensions["A"].width > 10


def test_another_reader_sees_the_values_that_were_written() -> None:
    rows = [["a & <b>", 3, 2.5, None, True], ["第二行 😀", -1, 1e300, "x", False]]
    sheet = by_openpyxl(written(list("abcde"), *rows))
    assert [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)] == rows


def test_a_reader_that_streams_sees_all_columns_and_rows() -> None:
    content = written(["a", "b", "c"], *[[str(number), None, "x"] for number in range(100)])
    sheet = openpyxl.load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
    rows = list(sheet.iter_rows(values_only=True))
    assert len(rows) == 101
    assert rows[-1] == ("99", None, "x")


def test_the_first_bytes_leave_before_any_row_is_read() -> None:
    writer = WorkbookWriter("Alerts", ["id"])
    head = writer.rows([])
    assert head.startswith(b"PK\x03\x04")
    assert b"[Content_Types].xml" in head[:60]
    assert writer.rows([]) == b""
    assert read(head + writer.rows([["1"]]) + writer.finish()) == [(2, {"id": "1"})]


def test_bytes_leave_while_rows_are_still_to_come() -> None:
    writer = WorkbookWriter("Alerts", ["id"])
    sent_after = [len(writer.rows([[f"{(page * 100 + row) ** 9:030d}"] for row in range(100)])) for page in range(50)]
    assert sum(sent_after[:25]) > 20_000
    assert sum(sent_after[25:]) > 20_000
    assert len(writer.finish()) < sum(sent_after)


def test_one_iterable_of_rows_is_read_a_little_at_a_time() -> None:
    writer = WorkbookWriter("Alerts", ["id"])
    alive: list[int] = []

    def rows() -> Iterator[list[str]]:
        for number in range(1000):
            alive.append(writer._next_row)
            yield [str(number)]

    writer.rows(rows())
    assert max(number - row for number, row in enumerate(alive)) < 100


def test_nothing_and_an_empty_text_leave_no_cell() -> None:
    content = written(["a", "b", "c"], [None, "", "x"], [None, None, None], ["", "", "y"])
    assert read(content) == [(2, {"c": "x"}), (4, {"c": "y"})]
    assert b'r="A2"' not in zipfile.ZipFile(io.BytesIO(content)).read(SHEET)


@pytest.mark.parametrize("number", [0, -7, 2**53, -(2**53), 0.1, -1.5e-300, 1.7976931348623157e308, True, False])
def test_a_number_comes_back_as_it_was(number: float) -> None:
    [(_, row)] = read(written(["n"], [number]))
    assert row["n"] == number
    assert type(row["n"]) is type(number)


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**63, float("inf"), float("-inf"), float("nan")])
def test_a_number_that_a_cell_would_change_is_written_as_text(number: float) -> None:
    content = written(["n"], [number])
    assert by_openpyxl(content)["A2"].data_type == "s"
    assert read(content) == [(2, {"n": str(number)})]


FORMULAS = [
    "=1+1",
    "=",
    "+1",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＋1",
    "－1",
    "＠x",
    '=HYPERLINK("http://x")',
    "=" * 40_000,
]


@pytest.mark.parametrize("text", FORMULAS, ids=[ascii(text[:8]) for text in FORMULAS])
def test_text_that_looks_like_a_formula_is_text_and_stays_text(text: str) -> None:
    cell = by_openpyxl(written(["a"], [text]))["A2"]
    assert cell.data_type == "s"
    assert cell.quotePrefix
    assert came_back(text) == [cut(text)]


@pytest.mark.parametrize("text", ["plain", " =1", "a=1", "1-2", "", "'=1"])
def test_other_text_has_no_mark(text: str) -> None:
    assert not by_openpyxl(written(["a", "b"], [text, "x"]))["A2"].quotePrefix


def test_column_names_are_written_with_the_same_care() -> None:
    names = ["=cmd()", "a & b", "_x0041_", "line\nbreak"]
    content = written(names, ["1", "2", "3", "4"])
    assert read(content) == [(2, dict(zip(names, "1234", strict=True)))]
    cell = by_openpyxl(content)["A1"]
    assert (cell.data_type, bool(cell.quotePrefix), cell.font.bold) == ("s", True, True)


FRAGMENTS = [
    "_x0041_",
    "_x000D",
    "_x000d_",
    "_x005F_",
    "_",
    "_x",
    "\r",
    "\r\n",
    "\x00",
    "\x0b",
    "\x1f",
    "￾",
    "￿",
    "😀",
    "]]>",
    "&lt;",
    "=",
    " ",
]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=6).map("".join), min_size=1, max_size=5
    )
)
def test_any_text_comes_back_exactly(texts: list[str]) -> None:
    assert came_back(*texts) == texts


def test_an_escape_does_not_turn_the_text_before_it_into_an_escape() -> None:
    texts = ["_x000D\x0b", "_x0041\r", "_x005F_x0041_", "__x0041__", "_x0041_x0042_", "_xD83D__xDE00_"]
    assert came_back(*texts) == texts


def test_half_a_surrogate_pair_is_written_escaped_and_read_as_the_replacement_character() -> None:
    content = written(["a"], ["x\ud800y"])
    assert b"_xD800_" in zipfile.ZipFile(io.BytesIO(content)).read(SHEET)
    assert read(content) == [(2, {"a": "x�y"})]


def test_a_pair_that_another_program_escaped_is_one_character() -> None:
    assert read(package(sheet=HEADER + cell("_xD83D__xDE00_"))) == [(2, {"title": "😀"})]


def test_a_row_must_have_a_value_for_each_column() -> None:
    for row in (["1"], ["1", "2", "3"]):
        with pytest.raises(ValueError, match="zip"):
            WorkbookWriter("Alerts", ["a", "b"]).rows([row])


def test_more_rows_than_a_sheet_holds_are_refused() -> None:
    writer = WorkbookWriter("Alerts", ["a"])
    writer._next_row = SHEET_ROWS
    writer.rows([["last"]])
    with pytest.raises(ValueError, match="1048576 rows"):
        writer.rows([["one more"]])


def test_a_template_is_a_workbook_with_its_header_only() -> None:
    content = template("Indicators", ["id", "name"])
    assert read(content) == []
    assert [cell.value for cell in by_openpyxl(content)[1]] == ["id", "name"]


def test_the_sheet_is_spelled_in_the_zip64_that_excel_reads() -> None:
    # Version 4.5, sizes behind the data, and no extra field: see _SheetInfo.
    content = written(["a"], ["x"])
    info = zipfile.ZipFile(io.BytesIO(content)).getinfo(SHEET)
    header = struct.unpack_from("<4s5H3L2H", content, info.header_offset)
    assert (header[1], header[2] & 8, header[3], header[6:9], header[10]) == (45, 8, 8, (0, 0, 0), 0)
    descriptor = struct.unpack_from("<4sLQQ", content, info.header_offset + 30 + len(SHEET) + info.compress_size)
    assert descriptor == (b"PK\x07\x08", info.CRC, info.compress_size, info.file_size)


# The report


REPORT = [["rows", 3], ["=cut", True, None, "_x0041_\r"], [], ["x" * 40_000]]


def with_report(*report: Sequence[Any]) -> bytes:
    writer = WorkbookWriter("Alerts", ["id"], report=True)
    return writer.rows([["1"]]) + writer.finish(report)


def test_a_report_is_a_second_sheet_behind_the_first() -> None:
    content = with_report(*REPORT)
    assert zipfile.ZipFile(io.BytesIO(content)).namelist()[-2:] == [SHEET, "xl/worksheets/sheet2.xml"]
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Alerts", "Export report"]
    rows = [[value for value in row if value is not None] for row in book["Export report"].iter_rows(values_only=True)]
    assert rows == [["rows", 3], ["=cut", True, "_x005F_x0041__x000D_"], [], [cut("x" * 40_000)]]
    assert book["Export report"]["A2"].quotePrefix
    assert read(content) == [(2, {"id": "1"})]


def test_without_rows_the_report_is_empty() -> None:
    book = openpyxl.load_workbook(io.BytesIO(with_report()))
    assert list(book["Export report"].iter_rows(values_only=True)) == []


def test_a_report_nobody_asked_for_is_refused() -> None:
    assert openpyxl.load_workbook(io.BytesIO(written(["id"]))).sheetnames == ["Alerts"]
    with pytest.raises(ValueError, match="without a report"):
        WorkbookWriter("Alerts", ["id"]).finish(REPORT)


# Too long for a cell


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("", True),
        ("x" * CELL_CHARS, True),
        ("x" * (CELL_CHARS + 1), False),
        ("😀" * (CELL_CHARS // 2), True),
        ("x" + "😀" * (CELL_CHARS // 2), True),
        ("😀" * (CELL_CHARS // 2 + 1), False),
        ("漢" * CELL_CHARS, True),
    ],
    ids=["empty", "full", "one over", "emoji", "emoji full", "emoji over", "chinese"],
)
def test_a_cell_counts_utf_16_code_units(text: str, whole: bool) -> None:
    assert fits(text) is whole
    assert (cut(text) == text) is whole
    assert is_cut(cut(text)) is not whole


@pytest.mark.parametrize("text", ["x" * 40_000, "😀" * 20_000, "x" + "😀" * 20_000, "漢😀" * 20_000, "x" * 1_000_000])
def test_a_cut_text_fills_the_cell_and_tells_how_long_it_was(text: str) -> None:
    short = cut(text)
    assert fits(short)
    assert short.endswith(f" … [cut: {len(text)} characters]")
    assert text.startswith(short[: short.rindex(" … [")])
    assert len(short.encode("utf-16-le")) // 2 >= CELL_CHARS - 1  # strict encoding: no pair was split
    assert is_cut(short)
    assert cut(short) == short


@pytest.mark.parametrize(
    "text",
    [
        "a … [cut: 40000 characters]",
        "x" * CELL_CHARS,
        "x" * 32_738 + " … [cut: 40000 characters].",
        "y" * 32_740 + " … [cut: 12 characters]",
    ],
)
def test_a_text_that_only_mentions_the_mark_is_not_cut(text: str) -> None:
    assert not is_cut(text)


def test_the_writer_cuts_and_counts() -> None:
    writer = WorkbookWriter("Alerts", ["a", "b"])
    content = writer.rows([["x" * 50_000, "short"], ["x" * CELL_CHARS, "é" * 50_000]]) + writer.finish()
    assert writer.cells_cut == 2
    (_, first), (_, second) = read(content)
    assert [is_cut(value) for value in (*first.values(), *second.values())] == [True, False, False, True]


# Reading


def cell(text: str, *, row: int = 2, column: str = "A") -> str:
    return f'<row r="{row}"><c r="{column}{row}" t="str"><v>{text}</v></c></row>'


def test_a_workbook_of_another_program_is_read() -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append([" id ", "count", None, "when"])
    sheet.append(["a", 3, "no name, not read", datetime(2024, 2, 29, 13, 5, 6, 789_000)])
    sheet.append(["", 3.0, None, date(2024, 2, 29)])
    sheet["B6"] = 2.5
    sheet["A6"].font = Font(bold=True)
    book.create_sheet("Second").append(["other"])
    assert read(saved(book)) == [
        (2, {"id": "a", "count": 3, "when": "2024-02-29T13:05:06.789"}),
        (3, {"count": 3, "when": "2024-02-29T00:00:00.000"}),
        (6, {"count": 2.5}),
    ]


def test_whole_numbers_are_integers_and_booleans_are_booleans() -> None:
    rows = "".join(
        f'<row><c t="{kind}"><v>{value}</v></c></row>'
        for kind, value in [
            ("n", "3.0"),
            ("n", "1E3"),
            ("n", "-0.5"),
            ("n", "1E300"),
            ("b", "1"),
            ("b", "0"),
            ("e", "#N/A"),
        ]
    )
    values = [row["title"] for _, row in read(package(sheet=HEADER + rows))]
    assert values == [3, 1000, -0.5, 1e300, True, False, "#N/A"]
    assert [type(value) for value in values] == [int, int, float, float, bool, bool, str]


@pytest.mark.parametrize(
    ("value", "number_format", "expected"),
    [
        (datetime(1999, 12, 31, 23, 59, 59), "yyyy-mm-dd hh:mm:ss", "1999-12-31T23:59:59.000"),
        (datetime(2024, 1, 2), "General", 45293),
        (45293, 'yyyy"年"m"月"d"日"', "2024-01-02T00:00:00.000"),
        (time(6, 30), "h:mm", "06:30:00.000"),
        (timedelta(hours=36), "[h]:mm:ss", 1.5),
        (1e12, "yyyy-mm-dd", 10**12),
        (45293, "0.00", 45293),
    ],
)
def test_dates_are_text_in_iso_8601(value: Any, number_format: str, expected: Any) -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["title"])
    book.worksheets[0].append([value])
    book.worksheets[0]["A2"].number_format = number_format
    assert read(saved(book)) == [(2, {"title": expected})]


def test_dates_count_from_1904_where_the_workbook_says_so() -> None:
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.MAC_EPOCH
    book.worksheets[0].append(["title"])
    book.worksheets[0].append([datetime(2024, 1, 2)])
    assert read(saved(book)) == [(2, {"title": "2024-01-02T00:00:00.000"})]


def test_dates_in_iso_8601_and_of_chinese_formats_are_dates() -> None:
    styles = f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="0"/><xf numFmtId="31"/></cellXfs></styleSheet>'
    rows = '<row><c t="d"><v>2024-01-02T03:04</v></c></row><row><c t="d"><v>2024-01-02</v></c></row><row><c s="1"><v>45293</v></c></row>'
    values = [row["title"] for _, row in read(package(sheet=HEADER + rows, styles=styles))]
    assert values == ["2024-01-02T03:04:00.000", "2024-01-02T00:00:00.000", "2024-01-02T00:00:00.000"]


def test_a_formula_is_its_text_and_is_not_computed() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].append(["title", "text"])
    book.worksheets[0].append(["=SUM(1,2)", "x"])
    [(_, row)] = read(saved(book))
    assert row == {"title": "=SUM(1,2)", "text": "x"}
    assert type(row["title"]) is str


def test_cells_that_share_a_formula_show_the_first_ones_text() -> None:
    rows = '<row><c><f t="shared" ref="A2:A3" si="0">B2*2</f><v>4</v></c></row><row><c><f t="shared" si="0"/><v>6</v></c></row>'
    assert [row["title"] for _, row in read(package(sheet=HEADER + rows))] == ["=B2*2", "=B2*2"]


def test_shared_texts_keep_their_runs_and_escapes_but_not_their_readings() -> None:
    shared = (
        f'<sst xmlns="{MAIN}"><si><t>line_x000D_ _x0041_</t></si>'
        "<si><r><rPr><b/></rPr><t>bold</t></r><r><t xml:space='preserve'> rest</t></r><rPh sb='0' eb='1'><t>phonetic</t></rPh></si></sst>"
    )
    rows = '<row><c t="s"><v>0</v></c></row><row><c t="s"><v>1</v></c></row>'
    assert [row["title"] for _, row in read(package(sheet=HEADER + rows, shared=shared))] == ["line\r A", "bold rest"]


def test_any_prefix_is_read() -> None:
    sheet = (
        f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t>title</x:t></x:is></x:c></x:row>'
        '<x:row r="2"><x:c t="inlineStr"><x:is><x:t>x</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>'
    )
    assert read(package(whole_sheet=sheet)) == [(2, {"title": "x"})]


def test_the_first_worksheet_is_read_even_behind_a_chart() -> None:
    sheets = '<sheet name="C" sheetId="1" r:id="c"/><sheet name="S" sheetId="2" r:id="s"/>'
    workbook = f'<workbook xmlns="{MAIN}" xmlns:r="{REL}"><sheets>{sheets}</sheets></workbook>'
    assert read(package(sheet=HEADER + cell("x"), workbook=workbook)) == [(2, {"title": "x"})]


def test_a_workbook_without_styles_and_shared_texts_is_read() -> None:
    assert read(package(sheet=HEADER + cell("x"), styles=None, shared=None)) == [(2, {"title": "x"})]


def test_empty_rows_above_the_header_and_between_rows_are_passed_over() -> None:
    rows = f'<row r="1"/><row r="3"><c r="A3" t="str"><v> title </v></c></row><row r="4"><c r="A4" s="0"/></row>{cell("x", row=9)}'
    assert read(package(sheet=rows), max_rows=1) == [(9, {"title": "x"})]


def test_as_many_rows_as_allowed_are_read_and_one_more_is_refused() -> None:
    content = written(["a"], ["1"], ["2"])
    assert len(read(content, max_rows=2)) == 2
    rows = read_rows(io.BytesIO(content), max_rows=1, max_unpacked_bytes=10**6)
    assert next(rows) == (2, {"a": "1"})
    with pytest.raises(InvalidRequest, match="more than 1 rows"):
        next(rows)


def test_rows_before_a_damage_are_given_and_the_damage_is_reported() -> None:
    many = "".join(cell("x" * 100, row=number) for number in range(2, 20_000))
    rows = read_rows(
        io.BytesIO(package(sheet=HEADER + many + "<row><c></row>")), max_rows=10**6, max_unpacked_bytes=10**9
    )
    assert next(rows) == (2, {"title": "x" * 100})
    with pytest.raises(InvalidRequest, match="damaged"):
        list(rows)


# Hostile files


def encrypted() -> bytes:
    content = bytearray(package(sheet=HEADER))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for match in re.finditer(re.escape(signature), bytes(content)):
            content[match.start() + offset] |= 1
    return bytes(content)


def wrong_checksum() -> bytes:
    content = bytearray(zipped(dict(parts_of(package(sheet=HEADER + cell("x")))), zipfile.ZIP_STORED))
    content[content.index(b"<v>x</v>") + 3] = ord("y")
    return bytes(content)


def parts_of(content: bytes) -> list[tuple[str, bytes]]:
    zip_file = zipfile.ZipFile(io.BytesIO(content))
    return [(name, zip_file.read(name)) for name in zip_file.namelist()]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not an .xlsx"),
    "csv": (b"id,title\n1,x\n", "not an .xlsx"),
    "xls": (bytes.fromhex("D0CF11E0A1B11AE1") + bytes(1000), r"\.xls workbook.*save it as \.xlsx"),
    "not a zip": (b"PK\x03\x04 but no more", "damaged"),
    "cut off": (package(sheet=HEADER + cell("x"))[:-40], "damaged"),
    "empty zip": (zipped({}), "no workbook"),
    "ods": (zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}), "no workbook"),
    "workbook part missing": (package(sheet=HEADER, workbook=None), "no workbook"),
    "sheet part missing": (package(whole_sheet=None), "no sheet"),
    "no sheets": (package(sheet=HEADER, workbook=f'<workbook xmlns="{MAIN}"/>'), "no sheet"),
    "encrypted": (encrypted(), "encrypted"),
    "bzip2": (zipped(dict(parts_of(package(sheet=HEADER))), zipfile.ZIP_BZIP2), "compressed in a way"),
    "many parts": (zipped({str(number): b"" for number in range(10_001)}, zipfile.ZIP_STORED), "too many parts"),
    "checksum": (wrong_checksum(), "damaged"),
    "empty sheet": (package(sheet=""), "must hold the column names"),
    "blank header": (package(sheet=cell("  ", row=1)), "must hold the column names"),
    "same name twice": (package(sheet='<row><c t="str"><v>a</v></c><c/><c t="str"><v> a</v></c></row>'), "'a': A and C"),
    "sheet ends early": (package(whole_sheet=f'<worksheet xmlns="{MAIN}"><sheetData>{HEADER}'), "damaged"),
    "no xml": (package(whole_sheet=b"\x00\x01\x02"), "not XML"),
    "utf-16": (package(whole_sheet=f"<worksheet>{HEADER}</worksheet>".encode("utf-16")), "not XML"),
    "row 0": (package(sheet=HEADER + cell("x", row=0)), "row 0"),
    "row far away": (package(sheet=HEADER + cell("x", row=10**12)), "row 1000000000000 "),
    "row twice": (package(sheet=HEADER + cell("x") + cell("y")), "row 2 of the file is not in its place"),
    "row not a number": (package(sheet='<row r="x"/>'), "damaged"),
    "column unreadable": (package(sheet='<row r="1"><c r="ÄÖ1" t="str"><v>x</v></c></row>'), "damaged"),
    "unknown shared text": (package(sheet=HEADER + '<row><c t="s"><v>7</v></c></row>'), "damaged"),
    "not a number": (package(sheet=HEADER + "<row><c><v>nan</v></c></row>"), "damaged"),
    "digits without end": (package(sheet=HEADER + f"<row><c><v>{'9' * 5000}</v></c></row>"), "damaged"),
    "unknown encoding": (package(whole_sheet='<?xml version="1.0" encoding="klingon"?><x/>'), "damaged"),
    "too many names": (package(sheet=HEADER + "".join(f"<a{number}/>" for number in range(20_000))), "not a workbook"),
    "too many cells": (package(sheet=HEADER + "<row>" + "<c/>" * 150_000 + "</row>"), "not a workbook"),
    "endless row": (package(sheet=HEADER + f"<row><c><v>{'x' * 1_200_000}</v></c></row>"), "not a workbook"),
    "endless number format": (package(sheet=HEADER, styles=f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="{"[" * 300}"/></numFmts></styleSheet>'), "not a workbook"),
    "infinite": (package(sheet=HEADER + "<row><c><v>1E999</v></c></row>"), "not finite"),
    "large styles": (package(sheet=HEADER, styles=f'<styleSheet xmlns="{MAIN}">{" " * 1_200_000}</styleSheet>'), "too many styles"),
    "large shared texts": (package(sheet=HEADER, shared=f'<sst xmlns="{MAIN}">{" " * 1_200_000}</sst>'), "too long in all"),
    "no workbook among the types": (package(sheet=HEADER, types="<Types/>"), "no workbook"),
    "one endless tag": (package(sheet=HEADER + f'<a b="{"x" * 1_200_000}"/>'), "not a workbook"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_is_no_workbook_is_an_invalid_request(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("MAX_ROW_BYTES", "MAX_SHARED_BYTES", "MAX_WHOLE_BYTES"):
        monkeypatch.setattr(spreadsheet, limit, 1_000_000)
    content, message = HOSTILE[name]
    with pytest.raises(InvalidRequest, match=message) as raised:
        read(content)
    assert raised.value.field == "uploadFile"


@pytest.mark.parametrize("part", PARTS)
def test_a_document_type_is_refused_in_every_part(part: str) -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    content = dict(parts_of(package(sheet=HEADER + cell("x"))))
    content[PARTS[part]] = laughs.encode() + content[PARTS[part]]
    with pytest.raises(InvalidRequest, match="document type"):
        read(zipped(content))


def test_a_zip_bomb_is_refused_by_its_declared_size() -> None:
    content = zipped(dict(parts_of(package(sheet=HEADER + cell("x")))) | {"xl/media/image1.png": bytes(10_000_000)})
    assert len(content) < 20_000
    with pytest.raises(InvalidRequest, match="unpacks to more than 1000000 bytes"):
        read(content, max_unpacked_bytes=1_000_000)


def test_a_zip_that_lies_about_its_size_gives_no_more_than_it_declared() -> None:
    content = package(sheet=HEADER + cell("x" * 1_000_000))
    real = zipfile.ZipFile(io.BytesIO(content)).getinfo(SHEET).file_size
    lie = content.replace(struct.pack("<L", real), struct.pack("<L", 500))
    with pytest.raises(InvalidRequest, match="damaged"):
        read(lie, max_unpacked_bytes=10_000)


def test_a_shared_text_cannot_be_multiplied_beyond_the_limit() -> None:
    shared = f'<sst xmlns="{MAIN}"><si><t>{"x" * 30_000}</t></si></sst>'
    content = package(sheet=HEADER + '<row><c t="s"><v>0</v></c></row>' * 1000, shared=shared)
    with pytest.raises(InvalidRequest, match="too long in all"):
        read(content, max_unpacked_bytes=1_000_000)


def test_a_sheet_that_claims_to_be_full_costs_only_what_it_holds() -> None:
    sheet = f'<worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>{HEADER}{cell("x", row=1_048_576)}</sheetData></worksheet>'
    assert read(package(whole_sheet=sheet)) == [(1_048_576, {"title": "x"})]


def test_thousands_of_empty_cells_behind_a_row_are_nothing() -> None:
    empty = '<c s="1"/>' * 16_000
    rows = "".join(f'<row><c t="str"><v>{number}</v></c>{empty}</row>' for number in range(4))
    assert read(package(sheet=HEADER + rows)) == [(number + 2, {"title": str(number)}) for number in range(4)]


def test_elements_within_elements_are_passed_over() -> None:
    deep = "<a>" * 50_000 + "</a>" * 50_000
    shared = f'<sst xmlns="{MAIN}"><si><t>x</t></si>{deep}</sst>'
    rows = f'{HEADER}{deep}<row><c t="s"><v>0</v></c>{"<c>" * 50_000 + "</c>" * 50_000}</row>'
    assert read(package(sheet=rows, shared=shared)) == [(2, {"title": "x"})]


def test_what_is_around_the_rows_is_not_kept() -> None:
    rows = "".join("<a/>" * 100 + f'<row r="{number}" ht="{number}"/>' for number in range(2, 1000))
    content = package(sheet=HEADER + rows + cell("x", row=1000))
    tracemalloc.start()
    assert read(content) == [(1000, {"title": "x"})]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_rows_within_a_row_are_part_of_it() -> None:
    with pytest.raises(InvalidRequest, match="not a workbook"):
        read(package(sheet=HEADER + "<row>" + '<row r="5"/>' * 200_000 + "</row>"))


def test_what_openpyxl_would_warn_of_is_no_warning_here() -> None:
    dates = f'<styleSheet xmlns="{MAIN}"><cellXfs><xf numFmtId="14"/></cellXfs></styleSheet>'
    rows = HEADER + '<row><c s="0"><v>1000000000000</v></c></row>'
    extension = '<extLst><ext uri="{CCE6A557-97BC-4B89-ADB6-D9C93CAAB3DF}"/></extLst>'
    sheet = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{extension}</worksheet>'
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert read(package(whole_sheet=sheet, styles=dates)) == [(2, {"title": 10**12})]
    assert caught == []


def test_what_is_not_asked_for_is_not_parsed() -> None:
    parts = dict(parts_of(package(sheet=HEADER + cell("x"))))
    parts |= {"xl/theme/theme1.xml": "<broken", "docProps/core.xml": "<broken", "xl/worksheets/sheet2.xml": "<broken"}
    assert read(zipped(parts)) == [(2, {"title": "x"})]


GOOD = written(["title", "count"], *[[f"text {number} & more", number] for number in range(50)])
GOOD_STORED = zipped(dict(parts_of(GOOD)), zipfile.ZIP_STORED)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([GOOD, GOOD_STORED]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    st.floats(0.5, 1),
)
def test_whatever_is_wrong_with_a_file_is_an_invalid_request(
    content: bytes, changes: list[tuple[float, int]], share: float
) -> None:
    broken = bytearray(content)
    for place, byte in changes:
        broken[int(place * len(broken))] = byte
    with suppress(InvalidRequest):
        read(bytes(broken[: int(share * len(broken))] if share < 0.75 else broken))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(list(PARTS)),
    st.lists(
        st.tuples(
            st.floats(0, 1, exclude_max=True), st.sampled_from(['"', "<", ">", "/", "=", "9", "-", "A", " ", "é"])
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_whatever_is_wrong_inside_a_part_is_an_invalid_request(part: str, changes: list[tuple[float, str]]) -> None:
    parts = dict(
        parts_of(package(sheet=HEADER + cell("x") + '<row><c s="1" r="A3"><v>4.5</v></c></row>', styles=STYLES))
    )
    text = list(parts[PARTS[part]].decode())
    for place, character in changes:
        text[int(place * len(text))] = character
    with suppress(InvalidRequest):
        read(zipped(parts | {PARTS[part]: "".join(text)}, zipfile.ZIP_STORED))


STYLES = f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="164" formatCode="yy-mm"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>'
