"""Forms that are none, lack their file, break off or are too large: imports and attachments refuse them in the style
of the operation, and keep nothing of them.

Source: API reference notes, "Errors"; RFC 7578.
"""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from refusals import checked, gateway, named, operation_named, refused, url_of
from samples import BOUNDARY, END, FORM_TYPE, SAMPLES, TITLE, filled, form, part, spreadsheet, workbook
from support import Client, TestDesk, copy_desk, serving
from tocsin.api.operations import Operation
from tocsin.api.table import OPERATIONS

FORMS = [one for one in OPERATIONS if one.form]
IMPORTS = [one for one in FORMS if one.name.startswith("import_")]
LIMIT = 8192
BOUNDED_S = 3.0


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("forms"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


@pytest.fixture(scope="module")
def small(own_desk: TestDesk) -> Iterator[Client]:
    """Of a server that takes smaller uploads than other bodies."""
    with serving(own_desk, upload_limit_bytes=LIMIT) as url, Client(url, own_desk) as one:
        yield one


def send(client: Client, operation: Operation, raw: bytes, content_type: str = FORM_TYPE) -> httpx.Response:
    path = filled(SAMPLES[operation.name].path, {"project": client.project_id, "workspace": client.workspace_id})
    return client.send(operation.method, path, raw=raw, headers={"Content-Type": content_type})


def kept(client: Client, desk: TestDesk) -> tuple[int, int, int, list[Path]]:
    """How many objects there are, and which files."""
    folder = desk.path.with_name(f"{desk.path.name}.attachments")
    totals = [client.search(many, limit=0)["total"] for many in ("alerts", "incidents", "indicators")]
    return totals[0], totals[1], totals[2], sorted(one for one in folder.rglob("*") if one.is_file())


def right(operation: Operation) -> bytes:
    return form(SAMPLES[operation.name].form)


FILE = part("uploadFile", b"x", "a.txt")
JSON_BODY = json.dumps({"data_object": TITLE}).encode()
WRONG_FORMS: dict[str, tuple[bytes, str]] = {
    "json": (JSON_BODY, "application/json"),
    "json that is called a form": (JSON_BODY, FORM_TYPE),
    "a form that is called json": (FILE + END, "application/json"),
    "a form without a media type": (FILE + END, ""),
    "a form without a boundary": (FILE + END, "multipart/form-data"),
    "a form with another boundary": (FILE + END, "multipart/form-data; boundary=other"),
    "a form with a boundary that is too long": (FILE + END, f"multipart/form-data; boundary={'x' * 300}"),
    "another kind of multipart": (FILE + END, f"multipart/mixed; boundary={BOUNDARY}"),
    "an encoded form": (b"uploadFile=x", "application/x-www-form-urlencoded"),
    "nothing": (b"", FORM_TYPE),
    "the end alone": (END, FORM_TYPE),
    "no file": (part("fileType", b"user_task") + END, FORM_TYPE),
    "a file by another name": (part("file", b"x", "a.txt") + END, FORM_TYPE),
    "two files": (FILE + FILE + END, FORM_TYPE),
    "no closing boundary": (FILE, FORM_TYPE),
    "broken off in the closing boundary": (FILE + END[:-5], FORM_TYPE),
    "broken off in the file": (FILE[:-3], FORM_TYPE),
    "broken off in a header": (FILE[:40], FORM_TYPE),
    "a part without a name": (f"--{BOUNDARY}\r\nContent-Type: x/y\r\n\r\nx\r\n".encode() + FILE + END, FORM_TYPE),
    "a part without headers": (f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + FILE + END, FORM_TYPE),
    "a file name with NUL": (part("uploadFile", b"x", "a\0.txt") + END, FORM_TYPE),
    "a file name that is too long": (part("uploadFile", b"x", "x" * 256) + END, FORM_TYPE),
    "a file name that is no text": (FILE.replace(b"a.txt", b"a\xff.txt") + END, FORM_TYPE),
    "a field that is too long": (part("fileType", b"x" * 1025) + FILE + END, FORM_TYPE),
    "too many fields": (b"".join(part(f"f{n}", b"x") for n in range(17)) + FILE + END, FORM_TYPE),
}


def test_a_file_by_another_name_is_told_where_it_belongs(client: Client) -> None:
    answer = send(client, FORMS[0], part("file", b"x", "a.txt") + END)
    assert answer.json()["message"] == "file: is a file; the file belongs in a part called uploadFile"


@pytest.mark.parametrize("content_type", [FORM_TYPE, f"multipart/form-data; boundary={'x' * 300}", "application/json"])
@pytest.mark.parametrize("operation", FORMS, ids=named)
def test_nobody_learns_more_of_a_form_than_that_credentials_are_needed(
    client: Client, own_desk: TestDesk, operation: Operation, content_type: str
) -> None:
    before = kept(client, own_desk)
    path = url_of(operation, client)
    answer = client.http.request(operation.method, path, content=FILE + END, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
    assert kept(client, own_desk) == before


@pytest.mark.parametrize(("raw", "content_type"), WRONG_FORMS.values(), ids=WRONG_FORMS.keys())
@pytest.mark.parametrize("operation", FORMS, ids=named)
def test_a_wrong_form_has_the_operations_own_code_and_leaves_nothing(
    client: Client, own_desk: TestDesk, operation: Operation, raw: bytes, content_type: str
) -> None:
    before = kept(client, own_desk)
    refused(send(client, operation, raw, content_type), operation)
    assert kept(client, own_desk) == before


@pytest.mark.parametrize("operation", FORMS, ids=named)
def test_a_form_that_breaks_off_anywhere_is_refused(client: Client, own_desk: TestDesk, operation: Operation) -> None:
    whole, before = right(operation), kept(client, own_desk)
    for length in range(0, len(whole) - 4, max(1, len(whole) // 20)):
        refused(send(client, operation, whole[:length]), operation)
    assert kept(client, own_desk) == before


@pytest.mark.parametrize("operation", FORMS, ids=named)
@pytest.mark.parametrize("key", ["used before", "x" * 129])
def test_a_refused_idempotency_key_leaves_nothing(
    client: Client, own_desk: TestDesk, operation: Operation, key: str
) -> None:
    path = filled(SAMPLES[operation.name].path, {"project": client.project_id, "workspace": client.workspace_id})
    headers = {"Content-Type": FORM_TYPE, "X-Idempotency-Key": f"{key} by {operation.name}"}
    first = client.post(path, raw=right(operation), headers=headers)
    assert first.status_code == (200 if key == "used before" else 400)
    before = kept(client, own_desk)
    refused(client.post(path, raw=part("other", b"x") + right(operation), headers=headers), operation)
    assert kept(client, own_desk) == before
    if first.status_code == 200:
        again = client.post(path, raw=right(operation), headers=headers)
        assert (again.status_code, again.json()) == (200, first.json())
        assert kept(client, own_desk) == before


@pytest.mark.parametrize("file_type", ["malware", "USER_TASK", "\xff"])
def test_an_attachment_has_the_one_known_file_type(client: Client, own_desk: TestDesk, file_type: str) -> None:
    operation, before = operation_named("upload_attachment"), kept(client, own_desk)
    refused(send(client, operation, part("fileType", file_type.encode("latin-1")) + FILE + END), operation)
    assert kept(client, own_desk) == before
    assert send(client, operation, FILE + END).status_code == 200  # it need not be said


WRONG_SHEETS = {
    "empty": b"",
    "text": b"title\r\nAn alert\r\n",
    "the beginning of a workbook": spreadsheet("alerts")[:100],
    "half a workbook": spreadsheet("alerts")[: len(spreadsheet("alerts")) // 2],
    "an empty archive": b"PK\x05\x06" + b"\0" * 18,
    "no rows": workbook(["title", "name"]),
    "nothing at all": workbook(),
    "an unknown column": workbook(["title", "no_such_field"], ["x", "y"]),
}


@pytest.mark.parametrize("content", WRONG_SHEETS.values(), ids=WRONG_SHEETS.keys())
@pytest.mark.parametrize("operation", IMPORTS, ids=named)
def test_a_file_that_is_no_spreadsheet_of_objects_is_refused_as_a_whole(
    client: Client, own_desk: TestDesk, operation: Operation, content: bytes
) -> None:
    before = kept(client, own_desk)
    refused(send(client, operation, part("uploadFile", content, "a.xlsx") + END), operation)
    assert kept(client, own_desk) == before


def test_an_import_into_an_unknown_class_has_the_code_of_an_unknown_class(client: Client) -> None:
    answer = client.post("vulnerabilities/import", raw=form("alerts"), headers={"Content-Type": FORM_TYPE})
    refused(answer, operation_named("import_dataobjects"), "SecMaster.20030022")


# Sizes.


@pytest.mark.parametrize("operation", FORMS, ids=named)
def test_an_upload_over_the_limit_is_refused_and_leaves_nothing(
    small: Client, own_desk: TestDesk, operation: Operation
) -> None:
    before = kept(small, own_desk)
    whole = right(operation)
    gateway(send(small, operation, part("fileType", b"user_task") + whole + b" " * LIMIT), 413, "APIGW.0201")
    larger = part("uploadFile", b"x" * (LIMIT + 1), "a.bin") + END
    gateway(send(small, operation, larger), 413, "APIGW.0201")
    assert kept(small, own_desk) == before


def test_an_upload_of_the_limit_is_taken(small: Client) -> None:
    operation = operation_named("upload_attachment")
    empty = part("uploadFile", b"", "a.bin") + END
    content = b"x" * (LIMIT - len(empty))
    assert send(small, operation, part("uploadFile", content, "a.bin") + END).status_code == 200
    gateway(send(small, operation, part("uploadFile", content + b"x", "a.bin") + END), 413, "APIGW.0201")


def test_uploads_and_other_bodies_have_limits_of_their_own(own_desk: TestDesk) -> None:
    with serving(own_desk, body_limit_bytes=1024) as url, Client(url, own_desk) as one:
        answer = send(one, operation_named("upload_attachment"), part("uploadFile", b"x" * 5000, "a.bin") + END)
        assert answer.status_code == 200
        gateway(one.post("alerts", raw=b" " * 5000), 413, "APIGW.0201")


@pytest.mark.parametrize("operation", FORMS, ids=named)
def test_a_declared_upload_over_the_limit_is_refused_before_it_comes(small: Client, operation: Operation) -> None:
    host, _, port = small.base.removeprefix("http://").partition(":")
    path = filled(SAMPLES[operation.name].path, {"project": small.project_id, "workspace": small.workspace_id})
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM_TYPE}\r\nContent-Length: 999999999\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_an_upload_in_chunks_is_refused_as_soon_as_it_is_over_the_limit(small: Client) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        yield part("uploadFile", b"", "a.bin")[:-2]
        for _ in range(64):
            sent += 1024
            yield b"x" * 1024

    url = small.base + small.url("attachment/upload")
    gateway(small.http.post(url, content=chunks(), headers={"Content-Type": FORM_TYPE}), 413, "APIGW.0201")
    assert sent > LIMIT


MANY_PARTS = {
    "empty": f"--{BOUNDARY}\r\nX: y\r\n\r\n\r\n".encode(),
    "without headers": f"--{BOUNDARY}\r\n\r\n\r\n".encode(),
    "of the same name": part("fileType", b""),
}


@pytest.mark.parametrize("one", MANY_PARTS.values(), ids=MANY_PARTS.keys())
def test_a_form_of_very_many_parts_is_refused_in_bounded_time(client: Client, one: bytes) -> None:
    """What is sent without credentials is parsed all the same, so parsing must be cheap."""
    raw = one * (20_000_000 // len(one)) + FILE + END
    path = client.base + client.url("attachment/upload")
    started = time.process_time()  # of this process, the server too: a busy machine must not matter
    gateway(client.http.post(path, content=raw, headers={"Content-Type": FORM_TYPE}), 401, "APIGW.0301")
    assert time.process_time() - started < BOUNDED_S
    refused(
        send(client, operation_named("upload_attachment"), one * 1000 + FILE + END),
        operation_named("upload_attachment"),
    )


@pytest.mark.parametrize("operation", FORMS, ids=named)
def test_a_form_is_not_looked_into_without_credentials(client: Client, operation: Operation) -> None:
    path = filled(SAMPLES[operation.name].path, {"project": client.project_id, "workspace": client.workspace_id})
    for raw in (right(operation), b"nonsense", END):
        answer = client.http.post(client.base + path, content=raw, headers={"Content-Type": FORM_TYPE})
        gateway(checked(answer), 401, "APIGW.0301")
