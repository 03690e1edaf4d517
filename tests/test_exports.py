"""Exports: real workbooks that leave while they are read, hold what a search finds, and say what they had to cut."""

import io
import random
import socket
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from support import Client, TestDesk, serving
from tocsin.identity.records import Role
from tocsin.spreadsheet import CELL_CHARS, SHEET_ROWS

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def export(client: Client, path: str = "alerts", **body: Any) -> list[dict[str, Any]]:
    """The rows of an export as dictionaries; cells that are empty are left out."""
    sheet = workbook(client, path, **body).worksheets[0]
    header, *rows = sheet.iter_rows(values_only=True)
    return [{key: value for key, value in zip(header, row, strict=True) if value is not None} for row in rows]


def workbook(client: Client, path: str = "alerts", **body: Any) -> Any:
    answer = client.post(f"{path}/export", body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == XLSX
    assert answer.headers["content-disposition"] == f'attachment; filename="{path}.xlsx"'
    assert answer.headers["X-request-id"]
    return load_workbook(io.BytesIO(answer.content))


def report(client: Client, **body: Any) -> list[tuple[Any, ...]]:
    sheet: Worksheet = workbook(client, **body)["Export report"]
    return list(sheet.iter_rows(values_only=True))


def refused(answer: Any, *, code: str = "SecMaster.20030001", naming: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert naming in answer.json()["message"]


def with_condition(*data: str) -> dict[str, Any]:
    return {"condition": {"conditions": [{"name": "one", "data": list(data)}], "logics": ["one"]}}


def test_an_export_holds_what_a_search_finds_in_its_order(client: Client) -> None:
    ids = [client.create_alert(title=f"Alert {n}", severity=severity) for n, severity in enumerate(["Low", "High"] * 3)]
    high = export(client, data_object_filters_form={**with_condition("severity", "=", "High"), "order": "ASC"})
    assert [row["id"] for row in high] == ids[1::2]
    assert [row["id"] for row in export(client)] == ids[::-1]


def test_the_columns_are_the_fields_asked_for_in_their_order(client: Client) -> None:
    client.create_alert(title="Odd login", labels="a,b", count=7)
    sheet = workbook(client, title=["count", "title", "labels", "handle_status"]).worksheets[0]
    assert [[cell.value for cell in row] for row in sheet.rows] == [
        ["count", "title", "labels", "handle_status"],
        [7, "Odd login", "a,b", "Open"],
    ]


def test_without_a_choice_every_field_has_a_column(client: Client) -> None:
    alert = client.create_alert(
        title="One", owner="anna", network_list=[{"src_ip": "192.0.2.1"}], handle_status="Closed"
    )
    incident = client.order([alert])["results"][0]["incident_id"]
    shown = client.show(f"alerts/{alert}")
    (row,) = export(client)
    assert row["network_list"] == '[{"src_ip": "192.0.2.1"}]'
    assert row["incident_list"] == f'["{incident}"]'
    for key in ("id", "title", "owner", "handle_status", "close_time", "create_time", "is_auto_closed", "workspace_id"):
        assert row[key] == shown[key]


@pytest.mark.parametrize(
    ("body", "naming"),
    [
        ({"title": ["title", "no_such_field"]}, "no_such_field"),
        ({"title": "title"}, "title"),
        ({"action": "exportEverything"}, "action"),
        ({"data_object_filters_form": {"limit": -1}}, "data_object_filters_form.limit"),
    ],
)
def test_a_wrong_wish_is_refused_before_anything_is_sent(client: Client, body: Mapping[str, Any], naming: str) -> None:
    refused(client.post("alerts/export", body), naming=naming)


def test_a_wrong_condition_is_refused_as_in_a_search(client: Client) -> None:
    form = with_condition("nonsense", "=", "1")
    refused(
        client.post("alerts/export", {"data_object_filters_form": form}), code="SecMaster.20030013", naming="nonsense"
    )
    form = {"sort_by": "title"}
    refused(
        client.post("alerts/export", {"data_object_filters_form": form}), code="SecMaster.20030009", naming="sort_by"
    )


def test_limit_and_offset_hold_when_they_are_there(client: Client) -> None:
    ids = [client.create_alert() for _ in range(5)][::-1]
    assert [row["id"] for row in export(client, data_object_filters_form={"limit": 2, "offset": 1})] == ids[1:3]
    assert [row["id"] for row in export(client, data_object_filters_form={"offset": 3})] == ids[3:]
    assert export(client, data_object_filters_form={"limit": 0}) == []


@pytest.mark.parametrize("order", ["ASC", "DESC"])
def test_pages_of_an_export_neither_miss_nor_repeat_a_row(client: Client, own_ids: list[str], order: str) -> None:
    rows = export(client, title=["id"], data_object_filters_form={"order": order})
    assert [row["id"] for row in rows] == (own_ids if order == "ASC" else own_ids[::-1])


@pytest.fixture
def own_ids(client: Client) -> list[str]:
    """2,345 alerts, up to a thousand of them at a time in one millisecond: in the order of time and id."""
    return [
        one for count in (1000, 1000, 345) for one in make_alerts(client, [{"title": f"{n}"} for n in range(count)])
    ]


@pytest.fixture
def large_ids(client: Client) -> list[str]:
    """2,000 alerts, of text that takes more room than any buffer on the way to a client has, compressed or not."""
    noise = random.Random(1)
    alerts = [{"title": "x", "system_info": {"dump": noise.randbytes(4000).hex()}} for _ in range(2000)]
    return [one for start in (0, 1000) for one in make_alerts(client, alerts[start : start + 1000])]


def make_alerts(client: Client, alerts: list[dict[str, Any]]) -> list[str]:
    dataclass = client.get("dataclasses?name=Alert").json()["dataclass_details"][0]["id"]
    answer = client.post(f"datapanel/{dataclass}/data-objects/batch-create", {"data_object_list": alerts})
    assert answer.status_code == 200, answer.text
    return sorted(one["id"] for one in answer.json())


def test_a_text_longer_than_a_cell_is_cut_with_a_mark_and_the_workbook_says_so(client: Client) -> None:
    text = "x" * 40_000
    alert = client.create_alert(system_info={"dump": text})
    (row,) = export(client, title=["system_info"])
    whole = len('{"dump": ""}') + 40_000
    assert len(row["system_info"]) <= CELL_CHARS
    assert row["system_info"].endswith(f" … [cut: {whole} characters]")
    assert report(client, title=["id", "system_info"]) == [
        ("rows", 1, None),
        ("cells that were cut", 1, None),
        ("object", "field", "characters"),
        (alert, "system_info", whole),
    ]


def test_a_workbook_in_which_nothing_was_cut_says_that_too(client: Client) -> None:
    client.create_alert()
    assert report(client) == [("rows", 1), ("cells that were cut", 0)]


def test_a_cell_that_looks_like_a_formula_is_text_and_stays_as_it_was_sent(client: Client) -> None:
    client.create_alert(title='=HYPERLINK("http://evil")', description="+1", labels="@SUM(A1)")
    sheet = workbook(client, title=["title", "description", "labels"]).worksheets[0]
    for cell, value in zip(sheet[2], ['=HYPERLINK("http://evil")', "+1", "@SUM(A1)"], strict=True):
        assert (cell.data_type, cell.value, cell.quotePrefix) == ("s", value, True)


def test_what_changes_during_an_export_is_not_lost_whatever_the_order(client: Client, large_ids: list[str]) -> None:
    """By the time of the last change rows would move out of the way of the pages."""
    body = {"title": ["id"], "data_object_filters_form": {"sort_by": "update_time", "order": "DESC"}}
    with streaming(client, {**body, "title": ["id", "system_info"]}) as answer:
        content = answer.recv(512)
        changed = client.post("alerts/batch-update", {"batch_ids": large_ids[:500], "data_object": {"count": 2}})
        assert changed.status_code == 200
        while piece := answer.recv(65536):
            content += piece
    exported = zipfile.ZipFile(io.BytesIO(unchunked(content))).read("xl/worksheets/sheet1.xml").decode()
    assert [one for one in large_ids if one not in exported] == []


def test_a_workspace_that_is_deleted_is_exported_no_further(client: Client, large_ids: list[str]) -> None:
    with streaming(client, {"title": ["id", "system_info"]}) as answer:
        content = answer.recv(512)
        assert client.delete(f"/v1/{client.project_id}/workspaces/{client.workspace_id}").status_code == 200
        while piece := answer.recv(65536):
            content += piece
    assert not content.endswith(b"0\r\n\r\n")


def test_an_export_of_nothing_is_a_workbook_with_a_header(client: Client) -> None:
    assert export(client) == []


@pytest.mark.parametrize(
    ("path", "column", "absent"),
    [
        ("alerts", "alert_type", "id_"),
        ("incidents", "incident_type", "create_time"),
        ("indicators", "verdict", "is_deleted"),
    ],
)
def test_a_template_has_a_column_for_every_field_that_a_client_may_set(
    client: Client, path: str, column: str, absent: str
) -> None:
    answer = client.get(f"{path}/template/download")
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
    ((*names,),) = sheet.iter_rows(values_only=True)
    assert column in names
    assert absent not in names
    again = client.post(f"{path}/export", {"action": "exportTemplate"})
    assert [one.value for one in next(load_workbook(io.BytesIO(again.content)).worksheets[0].rows)] == names


def test_a_reader_may_export_and_a_stranger_may_not(client: Client, desk: TestDesk, connect: Any) -> None:
    client.create_alert(title="Shown")
    reader = connect(key=desk.add_user("reader", Role.READER))
    assert [row["title"] for row in export(reader)] == ["Shown"]
    nobody = connect(key=desk.add_user("nobody", None))
    assert nobody.post("alerts/export", {}).status_code == 403


def test_another_workspaces_objects_are_in_no_export(client: Client, desk: TestDesk, connect: Any) -> None:
    connect(workspace_id=desk.add_workspace("other")).create_alert(title="Not yours")
    client.create_alert(title="Yours")
    assert [row["title"] for row in export(client)] == ["Yours"]


def test_the_rows_leave_while_they_are_read(client: Client, large_ids: list[str]) -> None:
    """What is deleted after the first bytes arrived is not in the file any more: it had not been read by then."""
    with streaming(client, {"title": ["id", "system_info"]}) as answer:
        first = answer.recv(512)
        assert first.startswith(b"HTTP/1.1 200")
        oldest = large_ids[0]
        assert client.delete("alerts", {"batch_ids": [oldest]}).json()["success_ids"] == [oldest]
        content = first
        while piece := answer.recv(65536):
            content += piece
    exported = zipfile.ZipFile(io.BytesIO(unchunked(content))).read("xl/worksheets/sheet1.xml").decode()
    assert oldest not in exported
    assert large_ids[-1] in exported


@contextmanager
def streaming(client: Client, body: Any) -> Iterator[socket.socket]:
    """An export over a connection that takes in as little as it can."""
    request = client.http.build_request("POST", client.url("alerts/export"), json=body)
    signed = client.signed("POST", "alerts/export", request.content, {"Content-Type": "application/json"})
    head = "".join(f"{name}: {value}\r\n" for name, value in {**signed, "Connection": "close"}.items())
    host, port = request.url.host, request.url.port
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(30)
    connection.connect((host, port))
    with connection:
        target = request.url.raw_path.decode()
        length = f"Content-Length: {len(request.content)}\r\n"
        connection.sendall(f"POST {target} HTTP/1.1\r\n{head}{length}\r\n".encode() + request.content)
        yield connection


def unchunked(answer: bytes) -> bytes:
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.lower()
    body = b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        body, rest = body + rest[:length], rest[length + 2 :]
    return body


def test_a_client_that_hangs_up_leaves_the_server_in_order(client: Client, large_ids: list[str]) -> None:
    for _ in range(5):
        with streaming(client, {}) as answer:
            assert answer.recv(12) == b"HTTP/1.1 200"
    assert len(export(client, title=["id"])) == len(large_ids)


def test_more_rows_than_a_sheet_holds_are_refused(desk: TestDesk) -> None:
    with desk.database() as database:
        database.write(lambda tx: fill(tx, desk.made.workspace_id or "", SHEET_ROWS)).result()
    with serving(desk) as base, Client(base, desk) as client:
        answer = client.post("alerts/export", {})
        refused(answer, naming="data_object_filters_form")
        assert f"{SHEET_ROWS} rows" in answer.json()["message"]
        assert answer.headers["content-type"] == "application/json"
        few = export(client, title=["id"], data_object_filters_form={"limit": 3})
        assert len(few) == 3


def fill(tx: Any, workspace_id: str, rows: int) -> None:
    tx._connection.execute(
        """
        INSERT INTO data_objects (workspace_id, dataclass, id, origin, version, create_time, update_time, handle_status,
                                  title, document)
        WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
        SELECT ?, 'alerts', printf('%08d', n), 'MANUAL', 1, n, n, 'Open', '', '{}' FROM counted
        """,
        (rows, workspace_id),
    )
