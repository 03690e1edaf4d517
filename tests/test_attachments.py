"""Attachments: files uploaded, shown and fetched by an address; what is in a file and its name is never believed, and
no record is ever without its file.

Source: API reference notes, "Notes (comments) and attachments"; the address is ours.
"""

import hashlib
import os
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from conversion_cases import contents, leaks_nothing, rows
from support import Client, TestDesk, copy_desk, serving
from tocsin.clock import now_ms
from tocsin.identity.records import Role

WRONG, UNKNOWN, HIDDEN = "SecMaster.20030001", "SecMaster.20030005", "SecMaster.20010001"
BOUNDARY = "xx-a-boundary-xx"
CRASH_SERVER = Path(__file__).with_name("crash_server.py")


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("attachments"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


def refused(answer: httpx.Response, code: str, named: str = "", status: int = 400) -> None:
    """Refused where the answer to a success has `success` and `data`."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert body == {"code": code, "message": body["message"], "success": False, "data": None}
    assert named in body["message"]


def refused_by_the_gateway(answer: httpx.Response, code: str, status: int) -> None:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    assert set(answer.json()) == {"error_code", "error_msg", "request_id"}


def part(name: str, content: bytes, disposition: str | bytes = "") -> bytes:
    """`disposition` is what follows the name, such as `; filename="x"`."""
    more = disposition.encode() if isinstance(disposition, str) else disposition
    head = b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n' % (BOUNDARY.encode(), name.encode(), more)
    return head + b"Content-Type: text/html\r\n\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def send(
    client: Client, body: bytes, content_type: str = f"multipart/form-data; boundary={BOUNDARY}", **headers: str
) -> httpx.Response:
    return client.post("attachment/upload", raw=body, headers={"Content-Type": content_type, **headers})


def upload(
    client: Client, content: bytes = b"text", disposition: str | bytes = '; filename="x.txt"', **headers: str
) -> httpx.Response:
    body = form(part("fileType", b"user_task"), part("uploadFile", content, disposition))
    return send(client, body, **headers)


def uploaded(
    client: Client, content: bytes = b"text", disposition: str | bytes = '; filename="x.txt"'
) -> dict[str, Any]:
    """The `data` of an upload that must be answered 200."""
    answer = upload(client, content, disposition)
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"])


def address(client: Client, attachment_id: str) -> str:
    answer = client.get(f"attachment/{attachment_id}/download")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"])


def fetched(url: str) -> httpx.Response:
    """What anybody gets who holds the address: no credentials are sent."""
    return httpx.get(url, trust_env=False)


def folder(desk: TestDesk) -> Path:
    return desk.path.with_name(f"{desk.path.name}.attachments")


def files(desk: TestDesk) -> set[str]:
    """Everything below the directory of attachments, unfinished files too."""
    return {path.name for path in folder(desk).rglob("*") if path.is_file()}


def records(desk: TestDesk) -> set[str]:
    return {row["id"] for row in rows(desk, "SELECT id FROM attachments")}


# There and back.


def test_a_file_is_uploaded_shown_and_fetched(client: Client, own_desk: TestDesk) -> None:
    content = bytes(range(256)) * 40 + b"\r\n--almost a boundary\r\n"
    answer = upload(client, content, '; filename="sample.bin"')
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {key: body[key] for key in ("code", "message", "success", "request_id")} == {
        "code": "00000000", "message": "", "success": True, "request_id": answer.headers["X-request-id"],
    }  # fmt: skip
    attachment_id = body["data"]["id"]
    assert body["data"] == {"id": attachment_id, "file_name": "sample.bin", "workspace_id": client.workspace_id}
    shown = client.get(f"attachment/{attachment_id}").json()
    assert (shown["code"], shown["success"]) == ("00000000", True)
    expected = {
        "id": attachment_id, "file_name": "sample.bin", "workspace_id": client.workspace_id, "is_deleted": "false",
        "creator_name": own_desk.made.user_name, "modifier_name": own_desk.made.user_name, "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip
    assert {key: shown["data"][key] for key in expected} == expected
    for key in ("file_folder", "storage_type", "storage_url", "creator_id", "modifier_id"):
        assert isinstance(shown["data"][key], str)
    assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}Z\+0800", shown["data"]["create_time"])
    leaks_nothing(client.get(f"attachment/{attachment_id}").text, own_desk)
    there = client.get(f"attachment/{attachment_id}/download").json()
    assert {key: there[key] for key in ("code", "message", "success")} == {
        "code": "00000000", "message": "", "success": True,
    }  # fmt: skip
    assert there["data"].startswith(f"{client.base}/")
    assert fetched(there["data"]).content == content
    assert fetched(there["data"]).content == content  # as often as one likes


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 1024 * 1024 + 1, 13 * 1024 * 1024])
def test_a_file_of_any_size_comes_back_whole(client: Client, size: int) -> None:
    """The sizes around which it is kept in memory or on disk, sent in pieces, and over that of other bodies."""
    content = os.urandom(min(size, 4096)) * (size // 4096 + 1)
    data = uploaded(client, content[:size])
    assert client.get(f"attachment/{data['id']}").json()["data"]["size"] == size
    assert fetched(address(client, data["id"])).content == content[:size]


def test_a_file_is_saved_and_never_shown(client: Client) -> None:
    data = uploaded(client, b"<script>alert(1)</script>", '; filename="page.html"')
    answer = fetched(address(client, data["id"]))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''page.html"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["X-request-id"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('; filename="plain.txt"', "plain.txt"),
        ("; filename=bare.txt", "bare.txt"),
        ('; filename="../../etc/passwd"', "passwd"),
        ('; filename="/etc/passwd"', "passwd"),
        ('; filename="C:\\\\Users\\\\me\\\\evil.exe"', "evil.exe"),
        ('; filename="a/b\\\\c/d.txt"', "d.txt"),
        ('; filename="folder/"', "folder"),
        ('; filename="quo\\"ted.txt"', 'quo"ted.txt'),
        ('; filename="it\'s; here.txt"', "it's; here.txt"),
        ('; filename="a%0d%0ab.txt"', "a%0d%0ab.txt"),
        # RFC 7578, section 4.2, rules the starred form out, and with it the one way to a line break in a name.
        ("; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20x.txt", "file"),
        ('; filename="отчёт 报告 😀.pdf"', "отчёт 报告 😀.pdf"),
        ("; filename=\"plain.txt\"; filename*=UTF-8''other.txt", "plain.txt"),
        ('; filename="<img src=x>.png"', "<img src=x>.png"),
        ('; filename=".hidden"', ".hidden"),
        ('; filename="two\nlines"', "two\nlines"),
        ('; filename=""', "file"),
        ("", "file"),
        (f'; filename="{"x" * 255}"', "x" * 255),
        (f'; filename="{"漢" * 255}"', "漢" * 255),
        (f'; filename="{"d" * 300}/short"', "short"),
    ],
    ids=range(21),
)
def test_a_name_is_text_that_names_no_place(client: Client, own_desk: TestDesk, disposition: str, name: str) -> None:
    data = uploaded(client, b"content", disposition)
    assert data["file_name"] == name
    assert client.get(f"attachment/{data['id']}").json()["data"]["file_name"] == name
    answer = fetched(address(client, data["id"]))
    assert answer.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    assert "Set-Cookie" not in answer.headers
    assert answer.content == b"content"
    assert (folder(own_desk) / client.workspace_id / data["id"]).read_bytes() == b"content"


@pytest.mark.parametrize("name", [".", "..", "x/..", "\\\\..", "/"])
def test_a_name_of_folders_alone_is_no_name(client: Client, name: str) -> None:
    assert uploaded(client, b"", f'; filename="{name}"')["file_name"] not in {".", "..", "/"}


@pytest.mark.parametrize(
    "disposition",
    [f'; filename="{"x" * 256}"', f'; filename="{"漢" * 256}"', b'; filename="caf\xe9.txt"', b'; filename="a\x00b"'],
    ids=["256", "256 characters", "latin-1", "NUL"],
)
def test_a_name_that_cannot_be_kept_is_refused(client: Client, own_desk: TestDesk, disposition: str | bytes) -> None:
    before = contents(own_desk), files(own_desk)
    refused(upload(client, b"x", disposition), WRONG)
    assert (contents(own_desk), files(own_desk)) == before


# The form.

FILE = part("uploadFile", b"text", '; filename="x.txt"')


@pytest.mark.parametrize(
    "parts",
    [(FILE,), (part("fileType", b"user_task"), FILE), (FILE, part("fileType", b"user_task")),
     (part("fileType", b""), FILE), (part("other", b"x" * 1024), FILE)],
    ids=["alone", "before", "after", "empty", "with another part"],
)  # fmt: skip
def test_a_form_needs_the_file_only(client: Client, parts: tuple[bytes, ...]) -> None:
    answer = send(client, form(*parts))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (form(part("fileType", b"other"), FILE), "fileType"),
        (form(part("fileType", b"USER_TASK"), FILE), "fileType"),
        (form(part("fileType", b"\xff"), FILE), "fileType"),
        (form(part("fileType", b"user_task")), "uploadFile"),
        (form(), ""),
        (form(FILE, FILE), "uploadFile"),
        (form(*(part(f"p{n}", b"x") for n in range(17)), FILE), "parts"),
        (form(part("other", b"x" * 1025), FILE), "other"),
        (FILE, "body"),
        (FILE[:-10], "body"),
        (b"", "body"),
        (b"no form at all", "body"),
    ],
    ids=range(12),
)
def test_a_wrong_form_is_refused_and_leaves_nothing(
    client: Client, own_desk: TestDesk, body: bytes, named: str
) -> None:
    before = contents(own_desk), files(own_desk)
    refused(send(client, body), WRONG, named)
    assert (contents(own_desk), files(own_desk)) == before


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "text/plain", "multipart/form-data", "multipart/mixed; boundary=x", "; boundary"],
)
def test_another_kind_of_body_is_refused(client: Client, content_type: str) -> None:
    refused(send(client, form(FILE), content_type), WRONG, "multipart/form-data")


def test_an_upload_has_a_largest_size(desk: TestDesk) -> None:
    with serving(desk, upload_limit_bytes=4096) as base, Client(base, desk) as client:
        assert upload(client, b"x" * 3000).status_code == 200
        kept = files(desk)
        for size in (4096, 5000, 3 * 1024 * 1024):
            refused_by_the_gateway(upload(client, b"x" * size), "APIGW.0201", 413)
        assert files(desk) == kept == records(desk)
        assert client.create_alert(system_info={"text": "x" * 9000})  # the limit is of uploads only


# Who may.


def test_only_who_may_write_uploads_and_whoever_may_read_fetches(client: Client, own_desk: TestDesk) -> None:
    data = uploaded(client, b"secret")
    with Client(client.base, own_desk, key=own_desk.add_user("reader", Role.READER)) as reader:
        assert fetched(address(reader, data["id"])).content == b"secret"
        stored = records(own_desk)
        refused(upload(reader), "SecMaster.90010015", status=403)
    with Client(client.base, own_desk, key=own_desk.add_user("outsider", None)) as outsider:
        refused(upload(outsider), HIDDEN, status=403)
        refused(outsider.get(f"attachment/{data['id']}/download"), HIDDEN, status=403)
    assert records(own_desk) == stored


@pytest.mark.parametrize("attachment_id", ["nobody", "%00", "x" * 200, "..", "%2E%2E", "upload"])
def test_an_unknown_attachment_is_not_found(client: Client, attachment_id: str) -> None:
    if attachment_id != "..":  # clients resolve this one themselves
        refused(client.get(f"attachment/{attachment_id}"), UNKNOWN)
    refused(client.get(f"attachment/{attachment_id.replace('..', 'x')}/download"), UNKNOWN)


def test_an_attachment_of_another_workspace_is_unknown(client: Client, own_desk: TestDesk) -> None:
    data = uploaded(client)
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("other")) as other:
        refused(other.get(f"attachment/{data['id']}"), UNKNOWN)
        refused(other.get(f"attachment/{data['id']}/download"), UNKNOWN)


def test_an_upload_leaves_an_audit_row(client: Client, own_desk: TestDesk) -> None:
    answer = upload(client, b"text", '; filename="audited.txt"')
    (row,) = rows(own_desk, "SELECT * FROM audit WHERE object_id = ?", [answer.json()["data"]["id"]])
    assert (row["operation"], row["object_class"]) == ("upload_attachment", "attachments")
    assert (row["user_name"], row["request_id"]) == (own_desk.made.user_name, answer.headers["X-request-id"])
    assert "audited.txt" in row["changes"]
    assert hashlib.sha256(b"text").hexdigest() in row["changes"]


# The address.


def test_an_address_is_good_for_its_time(desk: TestDesk) -> None:
    shift = 0
    with serving(desk, clock=lambda: now_ms() + shift) as base, Client(base, desk) as client:
        data = uploaded(client)
        url = address(client, data["id"])
        shift = 290_000
        assert fetched(url).content == b"text"
        shift = 301_000
        refused_by_the_gateway(fetched(url), "APIGW.0301", 401)
        assert fetched(address(client, data["id"])).content == b"text"


def test_the_time_of_an_address_is_a_setting(desk: TestDesk) -> None:
    shift = 0
    with (
        serving(desk, clock=lambda: now_ms() + shift, attachment_link_lifetime_s=2) as base,
        Client(base, desk) as client,
    ):
        url = address(client, uploaded(client)["id"])
        assert fetched(url).status_code == 200
        shift = 2_100
        refused_by_the_gateway(fetched(url), "APIGW.0301", 401)


def test_an_address_cannot_be_made_up_or_bent(client: Client, own_desk: TestDesk) -> None:
    one, other = uploaded(client, b"one")["id"], uploaded(client, b"other")["id"]
    url = address(client, one)
    plain, _, link = url.partition("?link=")
    flipped = link[:40] + ("A" if link[40] != "A" else "B") + link[41:]
    elsewhere = own_desk.add_workspace("elsewhere")
    for wrong in (
        plain, f"{plain}?link=", f"{plain}?link=x", f"{plain}?link={flipped}", f"{plain}?link={link[:-4]}",
        f"{plain}?link={'A' * 4000}", f"{plain}?link=%FF", url.replace(one, other),
        url.replace(client.workspace_id, elsewhere),
    ):  # fmt: skip
        answer = fetched(wrong)
        refused_by_the_gateway(answer, "APIGW.0301", 401)
        leaks_nothing(answer.text, own_desk)
    assert fetched(url).content == b"one"


def test_credentials_are_no_address(client: Client) -> None:
    """The content has one way in, so there is one to guard."""
    data = uploaded(client)
    refused_by_the_gateway(client.get(f"attachment/{data['id']}/content"), "APIGW.0301", 401)


def test_an_address_leads_nowhere_once_its_workspace_is_deleted(client: Client, own_desk: TestDesk) -> None:
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("doomed")) as inside:
        url = address(inside, uploaded(inside)["id"])
        assert fetched(url).status_code == 200
        workspace = f"/v1/{inside.project_id}/workspaces/{inside.workspace_id}"
        assert inside.delete(workspace).status_code == 200
    assert fetched(url).status_code == 403
    assert fetched(url).json()["code"] == HIDDEN


@pytest.mark.parametrize("public_url", ["https://desk.example", "https://desk.example/", "http://10.0.0.1:8443/soc"])
def test_the_public_address_is_a_setting(desk: TestDesk, public_url: str) -> None:
    with serving(desk, public_url=public_url) as base, Client(base, desk) as client:
        data = uploaded(client)
        url = address(client, data["id"])
        path = f"{client.url('attachment')}/{data['id']}/content?link="
        assert url.startswith(f"{public_url.rstrip('/')}{path}")
        assert fetched(base + url[len(public_url.rstrip("/")) :]).content == b"text"


def test_without_the_setting_the_address_is_where_the_client_asked(client: Client) -> None:
    data = uploaded(client)
    with httpx.Client(base_url=client.base.replace("127.0.0.1", "localhost"), trust_env=False) as http:
        client.http, own = http, client.http
        base, client.base = client.base, client.base.replace("127.0.0.1", "localhost")
        try:
            url = address(client, data["id"])
        finally:
            client.http, client.base = own, base
    assert urlsplit(url).hostname == "localhost"


# Once.


def test_a_repeat_with_its_key_gives_one_attachment_and_no_orphan(desk: TestDesk) -> None:
    key = {"X-Idempotency-Key": "upload"}
    with serving(desk) as base, Client(base, desk) as client:
        first = upload(client, b"text", **key)
        after = contents(desk)
        again = upload(client, b"text", **key)
        body = form(part("uploadFile", b"text", '; filename="x.txt"'), part("fileType", b"user_task"))
        other_boundary = send(
            client, body.replace(BOUNDARY.encode(), b"another"), "multipart/form-data; boundary=another", **key
        )
        assert first.content == again.content == other_boundary.content
        assert contents(desk) == after
        assert files(desk) == records(desk) == {first.json()["data"]["id"]}


@pytest.mark.parametrize(
    ("content", "disposition"),
    [(b"other", '; filename="x.txt"'), (b"text", '; filename="y.txt"')],
    ids=["file", "name"],
)
def test_another_file_with_the_same_key_is_refused_and_leaves_no_orphan(
    desk: TestDesk, content: bytes, disposition: str
) -> None:
    key = {"X-Idempotency-Key": "upload"}
    with serving(desk) as base, Client(base, desk) as client:
        assert upload(client, **key).status_code == 200
        after = contents(desk)
        refused(upload(client, content, disposition, **key), WRONG, "X-Idempotency-Key")
        assert contents(desk) == after
        assert files(desk) == records(desk)


def test_twins_in_flight_give_one_attachment_and_no_orphan(desk: TestDesk) -> None:
    gate = threading.Barrier(6)

    def twin(_: int) -> bytes:
        with Client(base, desk) as client:
            client.get("/healthz")
            gate.wait()
            answer = upload(client, b"text" * 1000, **{"X-Idempotency-Key": "twins"})
            assert answer.status_code == 200, answer.text
            return answer.content

    with serving(desk) as base, ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(twin, range(6)))) == 1
        with Client(base, desk) as client:
            assert client.get("/healthz").status_code == 200
    assert len(records(desk)) == 1
    assert files(desk) == records(desk)


def test_without_a_key_every_upload_counts(desk: TestDesk) -> None:
    with serving(desk) as base, Client(base, desk) as client:
        ids = {uploaded(client)["id"] for _ in range(3)}
    assert files(desk) == records(desk) == ids


# The place is full, wrong or lost.


def unavailable(answer: httpx.Response, desk: TestDesk) -> None:
    refused(answer, "SecMaster.20040000", status=503)
    assert int(answer.headers["Retry-After"]) >= 1
    leaks_nothing(answer.text, desk)


def test_a_place_that_takes_no_files_is_answered_503_and_leaves_no_record(desk: TestDesk, tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(b"")
    with serving(desk, attachments=str(tmp_path / "a file" / "below")) as base, Client(base, desk) as client:
        before = contents(desk)
        for _ in range(2):
            unavailable(upload(client, **{"X-Idempotency-Key": "try"}), desk)
        assert contents(desk) == before
        assert client.create_alert()


def test_a_place_that_is_put_right_works_again(desk: TestDesk) -> None:
    with serving(desk) as base, Client(base, desk) as client:
        folder(desk).write_bytes(b"in the way")
        unavailable(upload(client, **{"X-Idempotency-Key": "try"}), desk)
        folder(desk).unlink()
        data = upload(client, **{"X-Idempotency-Key": "try"}).json()["data"]
        assert fetched(address(client, data["id"])).content == b"text"
        assert files(desk) == records(desk) == {data["id"]}


def test_the_place_is_a_setting(desk: TestDesk, tmp_path: Path) -> None:
    place = tmp_path / "some" / "where"
    with serving(desk, attachments=str(place)) as base, Client(base, desk) as client:
        data = uploaded(client)
        assert fetched(address(client, data["id"])).content == b"text"
    assert (place / client.workspace_id / data["id"]).read_bytes() == b"text"
    assert not folder(desk).exists()


def test_a_database_that_cannot_is_answered_503_and_leaves_no_orphan(desk: TestDesk) -> None:
    with serving(desk, busy_timeout_ms=50) as base, Client(base, desk) as client:
        with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            unavailable(upload(client), desk)
            other.execute("ROLLBACK")
        assert records(desk) == set()
        assert files(desk) == set()
        assert upload(client).status_code == 200


def test_a_file_that_was_lost_is_told_before_the_answer_begins(desk: TestDesk) -> None:
    with serving(desk) as base, Client(base, desk) as client:
        data = uploaded(client)
        url = address(client, data["id"])
        stored = folder(desk) / client.workspace_id / data["id"]
        content = stored.read_bytes()
        stored.unlink()
        answer = fetched(url)
        assert (answer.status_code, answer.json()["code"]) == (503, "SecMaster.20040000")
        leaks_nothing(answer.text, desk)
        stored.write_bytes(content)
        assert fetched(url).content == b"text"


def test_files_are_for_the_servers_user_only(client: Client, own_desk: TestDesk) -> None:
    data = uploaded(client)
    stored = folder(own_desk) / client.workspace_id / data["id"]
    assert stored.stat().st_mode & 0o077 == 0
    assert stored.parent.stat().st_mode & 0o077 == 0


@contextmanager
def doomed(desk: TestDesk, point: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A server that is killed at this point of its writing; it is gone when the block ends."""
    process = subprocess.Popen(
        [sys.executable, str(CRASH_SERVER), str(desk.path), point],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
    finally:
        process.kill()
        process.communicate(timeout=120)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit another process")
@pytest.mark.parametrize("size", [200_000, 3_000_000], ids=["found when stored", "found while it arrives"])
def test_a_full_disk_is_answered_503_and_leaves_nothing(desk: TestDesk, size: int) -> None:
    with doomed(desk, "never") as (base, process), Client(base, desk) as client:
        client.create_alert()
        before = contents(desk)
        soft, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (64 * 1024, hard))
        answer = upload(client, b"x" * size)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))
        assert contents(desk) == before
        assert files(desk) == set()
        assert upload(client, b"x" * size).status_code == 200
        unavailable(answer, desk)


# Killed.


def check_no_record_without_file(desk: TestDesk) -> None:
    for row in rows(desk, "SELECT * FROM attachments"):
        content = (folder(desk) / row["workspace_id"] / row["id"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (row["size"], row["sha256"])


KEY = {"X-Idempotency-Key": "crash"}
CONTENT = b"evidence " * 50_000


def test_a_server_killed_between_file_and_record_leaves_no_record_without_file(
    template: TestDesk, tmp_path: Path
) -> None:
    (tmp_path / "count").mkdir()
    desk = copy_desk(template, tmp_path / "count")
    with doomed(desk, "count") as (base, process):
        with Client(base, desk) as client:
            assert upload(client, CONTENT, **KEY).status_code == 200
        process.terminate()
        statements = process.communicate(timeout=120)[0].splitlines()
    last = statements.index("COMMIT") + 1
    assert last >= 4
    for point in [*range(1, last + 1), "answer"]:
        (tmp_path / str(point)).mkdir()
        desk = copy_desk(template, tmp_path / str(point))
        with doomed(desk, str(point)) as (base, process), Client(base, desk) as client:
            with pytest.raises(httpx.TransportError):
                upload(client, CONTENT, **KEY)
            assert process.wait(timeout=120) == -signal.SIGKILL
        assert len(records(desk)) == (1 if point == "answer" else 0), point
        check_no_record_without_file(desk)
        with serving(desk) as base, Client(base, desk) as client:
            data = upload(client, CONTENT, **KEY).json()["data"]
            assert fetched(address(client, data["id"])).content == CONTENT
        assert records(desk) == {data["id"]}
        check_no_record_without_file(desk)


@contextmanager
def half_an_upload(base: str, client: Client) -> Iterator[socket.socket]:
    """A connection on which half of a large form has arrived."""
    body = form(part("uploadFile", b"x" * 4_000_000, '; filename="x"'))
    place = urlsplit(base)
    head = (
        f"POST {client.url('attachment/upload')} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {len(body)}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection((place.hostname or "", place.port or 0)) as connection:
        connection.sendall(head.encode() + body[: len(body) // 2])
        time.sleep(0.3)
        yield connection


def test_a_server_killed_during_an_upload_leaves_neither_file_nor_record(desk: TestDesk) -> None:
    with (
        doomed(desk, "never") as (base, process),
        Client(base, desk) as client,
        half_an_upload(base, client),
    ):
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=120)
    assert (files(desk), records(desk)) == (set(), set())
    with serving(desk) as base, Client(base, desk) as client:
        assert uploaded(client)["id"] in records(desk)


def test_a_client_that_hangs_up_during_an_upload_leaves_neither_file_nor_record(desk: TestDesk) -> None:
    with serving(desk) as base, Client(base, desk) as client:
        with half_an_upload(base, client):
            pass
        time.sleep(0.2)
        assert (files(desk), records(desk)) == (set(), set())
        assert uploaded(client)["id"] in records(desk)


def test_a_server_killed_under_load_leaves_no_record_without_file(desk: TestDesk) -> None:
    """At no chosen point: several clients, and a kill from outside."""
    answered: list[str] = []
    with doomed(desk, "never") as (base, process):

        def work() -> None:
            with Client(base, desk) as client:
                while True:
                    try:
                        answered.append(uploaded(client, os.urandom(20_000))["id"])
                    except httpx.TransportError:
                        return

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        while len(answered) < 20 and any(thread.is_alive() for thread in threads):
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert len(answered) >= 20
    assert records(desk) >= set(answered)
    check_no_record_without_file(desk)
