"""Imports: the rows of a workbook become objects, each checked like a client's own, each refused by itself."""

import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from openpyxl import Workbook

from support import Client, TestDesk, serving
from tocsin.identity.records import Role
from tocsin.spreadsheet import CELL_CHARS, WorkbookWriter

HUNDRED_THOUSAND = 100_000


def sheet(columns: Sequence[str], *rows: Sequence[Any]) -> bytes:
    """A workbook as somebody's spreadsheet program saves it."""
    book = Workbook()
    page = book.worksheets[0]
    for row in (columns, *rows):
        page.append(list(row))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def imported(client: Client, content: bytes, path: str = "alerts", **headers: str) -> dict[str, Any]:
    answer = client.upload(f"{path}/import", content)
    assert answer.status_code == 200, answer.text
    assert answer.json()["code"] == "00000000"
    return dict(answer.json()["data"])


def refusals(data: dict[str, Any]) -> dict[int, str]:
    return {one["row"]: one["message"] for one in data["refused"]}


def test_rows_become_alerts_in_their_order(client: Client) -> None:
    content = sheet(
        ["title", "severity", "count", "alert_type", "first_observed_time", "labels"],
        ["One", "high", 3, '{"category": "DDoS", "alert_type": "ACK Flood"}', "2026-03-01T08:15:00.000Z+0800", "a,b"],
        ["Two", None, None, None, None, None],
    )
    data = imported(client, content)
    assert data["refused"] == []
    one, two = (client.show(f"alerts/{alert}") for alert in data["ids"])
    assert (one["title"], one["severity"], one["count"], one["labels"]) == ("One", "High", 3, "a,b")
    assert one["alert_type"] == {"category": "DDoS", "alert_type": "ACK Flood"}
    assert one["first_observed_time"] == "2026-03-01T08:15:00.000+08:00"
    assert (two["title"], two["severity"], two["handle_status"]) == ("Two", "Tips", "Open")


def test_each_row_that_is_wrong_is_told_with_its_number_and_reason_and_the_others_are_imported(client: Client) -> None:
    taken = client.create_alert()
    rows: list[tuple[Sequence[Any], str | None]] = [
        (["Good"], None),
        ([None, "High"], "title"),
        (["Bad severity", "Horrible"], "severity"),
        (["Bad number", None, "many"], "count"),
        (["Bad list", None, None, "[{"], "network_list"),
        (["Wrong list", None, None, '{"src_ip": "192.0.2.1"}'], "network_list"),
        (["Bad time", None, None, None, "yesterday"], "sla"),
        (["x" * 256], "title"),
        (["Taken", None, None, None, None, taken], "id"),
        (["First of two", None, None, None, None, "same"], None),
        (["Second of two", None, None, None, None, "same"], "id"),
        (["Cut", None, None, "[" + "x" * (CELL_CHARS - 29) + " … [cut: 9999999 characters]"], "network_list"),
        (["Good too", "Fatal", "12"], None),
    ]
    content = sheet(["title", "severity", "count", "network_list", "sla", "id"], *(row for row, _ in rows))
    data = imported(client, content)
    assert [client.show(f"alerts/{one}")["title"] for one in data["ids"]] == ["Good", "First of two", "Good too"]
    told = refusals(data)
    assert list(told) == [number for number, (_, field) in enumerate(rows, 2) if field]
    for number, (_, field) in enumerate(rows, 2):
        if field:
            assert told[number].startswith(field), told[number]


def test_what_an_export_wrote_an_import_reads(client: Client, desk: TestDesk, connect: Any) -> None:
    text = "=1+1 \x0b_x0041_ \r\n <b>&amp; 日本 😀"
    client.create_alert(title=text, description=text, labels="007", confidence=80, owner="anna", simulation="true",
                        network_list=[{"src_ip": "192.0.2.1", "src_port": 22}], system_info={"a": [1, None, text]},
                        sla="2026-03-04T08:15:00.000Z+0800", handle_status="Closed", close_reason="Resolved")  # fmt: skip
    client.create_alert(title="Plain")
    exported = client.post("alerts/export", {}).content
    other = connect(workspace_id=desk.add_workspace("copy"))
    data = imported(other, exported)
    assert data["refused"] == []
    theirs = {"workspace_id", "dataclass_id", "create_time", "update_time"}
    for one in data["ids"]:
        before, after = client.show(f"alerts/{one}"), other.show(f"alerts/{one}")
        assert {k: v for k, v in after.items() if k not in theirs} == {
            k: v for k, v in before.items() if k not in theirs
        }


@pytest.mark.parametrize(
    ("path", "columns", "row"),
    [
        ("incidents", ["title", "incident_type"], ["An incident", '{"category": "Malware"}']),
        ("indicators", ["name", "value", "indicator_type", "defanged", "granular_marking"],
         ["Bad host", "198.51.100.7", '{"indicator_type": "IPv4", "id": "1"}', "true", 3]),
    ],
)  # fmt: skip
def test_incidents_and_indicators_are_imported_the_same_way(
    client: Client, path: str, columns: list[str], row: list[Any]
) -> None:
    data = imported(client, sheet(columns, row), path)
    shown = client.show(f"{path}/{data['ids'][0]}")
    assert shown[columns[0]] == row[0]
    assert shown[columns[-1]] in (json.loads(str(row[-1])), row[-1])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "uploadFile"),
        (b"title\nOne\n", ".xlsx"),
        (sheet(["title", "colour"], ["One", "red"]), "colour"),
        (sheet(["title"]), "no rows"),
    ],
    ids=["nothing", "csv", "an unknown column", "no rows"],
)
def test_a_file_that_is_no_import_is_refused_whole(client: Client, content: bytes, words: str) -> None:
    answer = client.upload("alerts/import", content)
    assert (answer.status_code, answer.json()["code"]) == (400, "SecMaster.20030001"), answer.text
    assert "uploadFile" in answer.json()["message"]
    assert words in answer.json()["message"]
    assert client.search()["total"] == 0


def test_an_import_leaves_an_audit_row_for_each_object(client: Client, desk: TestDesk) -> None:
    ids = imported(client, sheet(["title"], ["One"], ["Two"]))["ids"]
    with closing(sqlite3.connect(desk.path)) as connection:
        rows = connection.execute("SELECT object_id, operation, changes FROM audit ORDER BY sequence").fetchall()
    assert [row[:2] for row in rows] == [(one, "import_alerts") for one in ids]
    assert json.loads(rows[0][2])["title"] == [None, "One"]


def test_a_repeat_with_the_same_key_imports_nothing_twice(client: Client) -> None:
    content = sheet(["title"], ["One"], ["Two"])
    answers = []
    for _ in range(2):
        request = httpx.Request("POST", client.target("alerts/import"), files={"uploadFile": ("a.xlsx", content)})
        headers = {"Content-Type": request.headers["content-type"], "X-Idempotency-Key": "once"}
        answers.append(client.send("POST", "alerts/import", raw=request.read(), headers=headers).json())
    assert answers[0] == answers[1]
    assert client.search()["total"] == 2


def test_types_that_may_not_be_used_refuse_their_rows_only(desk: TestDesk) -> None:
    known, unknown = '{"category": "DDoS", "alert_type": "ACK Flood"}', '{"category": "Zoo", "alert_type": "Escape"}'
    content = sheet(["title", "alert_type"], ["Known", known], ["Unknown", unknown])
    with serving(desk, types_strict=True) as base, Client(base, desk) as client:
        data = imported(client, content)
        assert len(data["ids"]) == 1
        assert refusals(data)[3].startswith("alert_type: ")


def test_an_operator_may_import_and_a_reader_may_not(client: Client, desk: TestDesk, connect: Any) -> None:
    content = sheet(["title"], ["One"])
    assert connect(key=desk.add_user("operator", Role.OPERATOR)).upload("alerts/import", content).status_code == 200
    answer = connect(key=desk.add_user("reader", Role.READER)).upload("alerts/import", content)
    assert (answer.status_code, answer.json()["code"]) == (403, "SecMaster.90010015")


def test_a_boolean_comes_back_as_one(client: Client, desk: TestDesk, connect: Any) -> None:
    ids = [client.create_alert(simulation=value) for value in (True, False, "true")]
    other = connect(workspace_id=desk.add_workspace("copy"))
    assert imported(other, client.post("alerts/export", {}).content)["refused_count"] == 0
    assert [other.show(f"alerts/{one}")["simulation"] for one in ids] == [True, False, "true"]


def test_of_very_many_refused_rows_the_first_are_told_and_all_are_counted(client: Client) -> None:
    data = imported(client, sheet(["title", "count"], *(["x", "many"] for _ in range(1500)), ["Good", 1]))
    assert (len(data["ids"]), data["refused_count"], len(data["refused"])) == (1, 1500, 1000)
    assert [one["row"] for one in data["refused"]] == list(range(2, 1002))


def repeated_text(rows: int) -> bytes:
    """A small file, because every cell refers to one text: unpacked, it would be large."""
    return sheet(["title", "description", "labels", "close_comment"], *(["x", *["y" * 1000] * 3] for _ in range(rows)))


def test_a_small_file_does_not_grow_into_a_large_one(client: Client) -> None:
    answer = client.upload("alerts/import", repeated_text(40_000))
    assert (answer.status_code, answer.json()["code"]) == (400, "SecMaster.20030001"), answer.text[:300]
    assert "uploadFile" in answer.json()["message"]
    assert client.search(limit=0)["total"] == 0


def test_a_file_that_takes_too_long_to_read_is_refused(desk: TestDesk) -> None:
    with serving(desk, import_timeout_s=1) as base, Client(base, desk) as client:
        answer = client.upload("alerts/import", repeated_text(12_000))
        assert (answer.status_code, answer.json()["code"]) == (400, "SecMaster.20030001"), answer.text[:300]
        assert "1 seconds" in answer.json()["message"]
        assert client.search(limit=0)["total"] == 0


def test_a_signed_payload_is_checked_too(client: Client) -> None:
    """No client signs the body of a form, but one that does must not be believed blindly."""
    request = httpx.Request(
        "POST", client.target("alerts/import"), files={"uploadFile": ("a.xlsx", sheet(["title"], ["x"]))}
    )
    content, headers = request.read(), {"Content-Type": request.headers["content-type"]}
    assert client.send("POST", "alerts/import", raw=content, headers=headers).status_code == 200
    signed = client.signed("POST", "alerts/import", content, headers)
    changed = client.http.post(client.target("alerts/import"), content=content[:-1] + b"x", headers=signed)
    assert (changed.status_code, changed.json()["error_code"]) == (401, "APIGW.0301")


def test_an_import_that_is_too_large_is_refused(desk: TestDesk) -> None:
    with serving(desk, upload_limit_bytes=2000) as base, Client(base, desk) as client:
        answer = client.upload("alerts/import", sheet(["title"], ["One"]))
        assert (answer.status_code, answer.json()["error_code"]) == (413, "APIGW.0201")


@contextmanager
def server_process(desk: TestDesk) -> Iterator[tuple[str, int]]:
    """A server of its own, whose memory can be looked at: its base URL and process id."""
    command = [sys.executable, "-m", "tocsin", "serve", "--database", desk.url, "--port", "0"]
    environment = {**os.environ, "TOCSIN_LOG_LEVEL": "warning"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        match = re.search(r"http://[\d.]+:\d+", line)
        assert match, line
        yield match[0], process.pid
    finally:
        process.terminate()
        process.communicate(timeout=120)


def peak_mb(pid: int) -> float:
    """The most memory that a process has had."""
    match = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) / 1024


def hundred_thousand() -> bytes:
    columns = [
        "title",
        "severity",
        "description",
        "labels",
        "alert_type",
        "network_list",
        "first_observed_time",
        "count",
    ]
    writer = WorkbookWriter("Alert", columns)
    pieces = [
        writer.rows(
            [
                f"Login failed on host-{n % 977}",
                ("Low", "High")[n % 2],
                f"{n} failures within three minutes",
                "ssh,web",
                '{"category":"Brute Force","alert_type":"SSH Brute Force"}',
                f'[{{"src_ip":"192.0.2.{n % 256}"}}]',
                "2026-03-01T08:15:00.000Z+0800",
                n % 50,
            ]
            for n in range(start, start + 1000)
        )
        for start in range(0, HUNDRED_THOUSAND, 1000)
    ]
    return b"".join([*pieces, writer.finish()])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the memory of a process is read from Linux's /proc")
def test_a_hundred_thousand_rows_are_imported_and_exported(desk: TestDesk) -> None:
    with server_process(desk) as (base, pid), Client(base, desk) as client:
        client.http.timeout = httpx.Timeout(300)
        data = imported(client, hundred_thousand())
        assert (len(data["ids"]), data["refused"]) == (HUNDRED_THOUSAND, [])
        assert client.search(limit=0)["total"] == HUNDRED_THOUSAND
    with server_process(desk) as (base, pid), Client(base, desk) as client:
        idle = peak_mb(pid)
        with client.http.stream("POST", client.target("alerts/export"), content=b"{}",
                                headers=client.signed("POST", "alerts/export", b"{}", {"Content-Type": "application/json"}),
                                timeout=300) as answer:  # fmt: skip
            file = io.BytesIO(b"".join(answer.iter_bytes()))
        assert peak_mb(pid) < 150, f"{idle:.0f} MB before"
    text = zipfile.ZipFile(file).read("xl/worksheets/sheet1.xml")
    assert text.count(b"<row ") == HUNDRED_THOUSAND + 1
    assert text.count(b"Login failed on host-5<") == len(range(5, HUNDRED_THOUSAND, 977))
