"""The address of an attachment is a credential of its own: it opens one file, for a while, to whoever holds it.

Source: API reference notes, "Notes and attachments" (ours: a signed, short-lived query).
"""

import base64
import time
from collections.abc import Callable, Iterator

import httpx
import msgspec
import pytest

from samples import END, FORM_TYPE, part
from support import Client, TestDesk, serving
from tocsin.identity.secrets import read_key_file

CONTENT = bytes(range(256)) * 10
LIFETIME_S = 60
UNKNOWN_PROJECT = "0" * 32


class Clock:
    """A clock that the test sets forward."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


class File(msgspec.Struct, frozen=True):
    workspace_id: str
    id: str
    # As the server gave it.
    address: str

    @property
    def link(self) -> str:
        return self.address.partition("link=")[2]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def client(desk: TestDesk, clock: Clock) -> Iterator[Client]:
    with (
        serving(desk, clock=clock, attachment_link_lifetime_s=LIFETIME_S, signature_window_s=86_400) as url,
        Client(url, desk) as one,
    ):
        yield one


@pytest.fixture
def upload(client: Client, desk: TestDesk) -> Callable[..., File]:
    def made(workspace_id: str | None = None, name: str = "found.txt", content: bytes = CONTENT) -> File:
        workspace = workspace_id or client.workspace_id
        with Client(client.base, desk, workspace_id=workspace) as one:
            body = part("fileType", b"user_task") + part("uploadFile", content, name) + END
            answer = one.post("attachment/upload", raw=body, headers={"Content-Type": FORM_TYPE})
            assert answer.status_code == 200, answer.text
            attachment_id = answer.json()["data"]["id"]
            return File(workspace, attachment_id, one.get(f"attachment/{attachment_id}/download").json()["data"])

    return made


def fetch(client: Client, file: File, link: str, project_id: str | None = None) -> httpx.Response:
    """Without any other credentials."""
    path = f"/v1/{project_id or client.project_id}/workspaces/{file.workspace_id}/soc/attachment/{file.id}/content"
    return client.http.get(client.base + path, params={"link": link} if link else {})


def unauthenticated(answer: httpx.Response) -> None:
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301"), answer.text
    assert set(answer.json()) == {"error_code", "error_msg", "request_id"}


def test_an_address_gives_the_file_to_whoever_holds_it(client: Client, upload: Callable[..., File]) -> None:
    file = upload(name='"fünd; x=y\\..\\<b>.html')
    answer = client.http.get(file.address)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]


def test_an_address_of_an_empty_file_gives_an_empty_file(client: Client, upload: Callable[..., File]) -> None:
    answer = client.http.get(upload(content=b"").address)
    assert (answer.status_code, answer.content) == (200, b"")


def test_an_address_is_good_until_its_time_is_over_and_no_longer(
    client: Client, upload: Callable[..., File], clock: Clock
) -> None:
    file = upload()
    clock.ahead_ms = (LIFETIME_S - 10) * 1000
    assert fetch(client, file, file.link).status_code == 200
    clock.ahead_ms = (LIFETIME_S + 1) * 1000
    unauthenticated(fetch(client, file, file.link))
    assert fetch(client, file, upload().link).status_code == 401
    again = client.get(f"attachment/{file.id}/download").json()["data"]
    assert client.http.get(again).content == CONTENT


def test_a_link_opens_no_other_file(client: Client, upload: Callable[..., File], desk: TestDesk) -> None:
    mine, other = upload(), upload()
    theirs = upload(desk.add_workspace("neighbour"))
    for file in (mine, other, theirs):
        for link in {one.link for one in (mine, other, theirs)} - {file.link}:
            unauthenticated(fetch(client, file, link))
        # The id of one file in the workspace of another.
        unauthenticated(fetch(client, File(theirs.workspace_id, mine.id, ""), file.link))
        assert fetch(client, file, file.link).status_code == 200


@pytest.mark.parametrize("operation", ["alerts/search", "dataclasses", "attachment/{id}", "attachment/{id}/download"])
def test_a_link_opens_nothing_but_the_file(client: Client, upload: Callable[..., File], operation: str) -> None:
    file = upload()
    path = client.url(operation.format(id=file.id))
    method = "POST" if operation.endswith("search") else "GET"
    unauthenticated(client.http.request(method, client.base + path, params={"link": file.link}))


def test_garbage_for_a_link_is_no_link(client: Client, upload: Callable[..., File], desk: TestDesk) -> None:
    file = upload()
    sealed = base64.urlsafe_b64decode(file.link)
    box = read_key_file(desk.path.with_name(f"{desk.path.name}.key"))
    forged = msgspec.json.encode({"workspace_id": file.workspace_id, "attachment_id": file.id, "expire_time": 1 << 60})
    for link in (
        "", "x", "ä", "=", "A" * 5000, file.link[:-8], "AAAA" + file.link, base64.urlsafe_b64encode(forged).decode(),
        base64.urlsafe_b64encode(sealed[:-1] + bytes([sealed[-1] ^ 1])).decode(),
        # Sealed with the right key, but as something else: a stored secret key is no link.
        base64.urlsafe_b64encode(box.seal(forged.decode(), access="AK")).decode(),
    ):  # fmt: skip
        unauthenticated(fetch(client, file, link))


def test_a_link_of_a_workspace_that_is_gone_answers_as_if_it_had_never_been(
    client: Client, upload: Callable[..., File], desk: TestDesk
) -> None:
    file = upload(desk.add_workspace("doomed"))
    assert fetch(client, file, file.link).status_code == 200
    assert client.delete(f"/v1/{client.project_id}/workspaces/{file.workspace_id}").status_code == 200
    deleted = fetch(client, file, file.link)
    kept = upload()
    unknown = [fetch(client, kept, kept.link, one) for one in (UNKNOWN_PROJECT, desk.add_project("elsewhere"))]
    for answer in (deleted, *unknown):
        assert (answer.status_code, answer.json()["code"]) == (403, "SecMaster.20010001")
        assert answer.json() == deleted.json()


def test_a_file_that_the_disk_has_lost_is_told_before_the_answer_begins(
    client: Client, upload: Callable[..., File], desk: TestDesk
) -> None:
    file = upload()
    desk.path.with_name(f"{desk.path.name}.attachments").joinpath(file.workspace_id, file.id).unlink()
    answer = fetch(client, file, file.link)
    assert (answer.status_code, answer.json()["code"]) == (503, "SecMaster.20040000")
    assert str(desk.path.parent) not in answer.text
