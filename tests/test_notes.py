"""Notes on objects: written, listed, deleted.

Source: API reference notes, "Notes (comments) and attachments".
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conversion_cases import contents, rows
from support import Client, TestDesk, copy_desk, serving
from tocsin.identity.records import Role

WRONG = "SecMaster.20030001"
SMALLEST = {"type": "textMessage", "content": "isolated the host"}
Z_FORM = r"[-0-9]{10}T[:0-9]{8}\.\d{3}Z\+0800"


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("notes"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


@pytest.fixture
def fresh(client: Client, own_desk: TestDesk) -> Iterator[Client]:
    """A client of a workspace without notes."""
    body = {"region_id": "r", "name": "fresh", "project_name": "p"}
    made_now = client.post(f"/v1/{client.project_id}/workspaces", body).json()
    with Client(client.base, own_desk, workspace_id=made_now["id"]) as one:
        yield one


def refused(answer: httpx.Response, code: str, named: str = "") -> None:
    """Refused where the answer to a success has `success` and `data`."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (400, code), answer.text
    assert body == {"code": code, "message": body["message"], "success": False, "data": None}
    assert named in body["message"]
    assert answer.headers["X-request-id"]


def write(client: Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("notes", {**SMALLEST, **fields})
    assert answer.status_code == 200, answer.text
    assert {key: answer.json()[key] for key in ("code", "message", "success")} == {
        "code": "00000000", "message": "", "success": True,
    }  # fmt: skip
    return dict(answer.json()["data"])


def in_turn(client: Client, **fields: Any) -> dict[str, Any]:
    """A note of a later millisecond than all before."""
    time.sleep(0.002)
    return write(client, **fields)


def found(client: Client, **body: Any) -> list[str]:
    return [one["id"] for one in client.search("notes", **body)["data"]]


# Written.


def test_a_note_says_what_on_what_by_whom_and_when(client: Client, own_desk: TestDesk) -> None:
    incident = client.post("incidents", {"data_object": {"title": "x"}}).json()["data"]["id"]
    note = write(client, war_room_id=incident, note_type="note")
    expected = {
        "war_room_id": incident, "type": "textMessage", "note_type": "note", "marked_note": True, "is_deleted": False,
        "data": {"content": "isolated the host"}, "project_id": client.project_id, "workspace_id": client.workspace_id,
    }  # fmt: skip
    assert {key: note[key] for key in expected} == expected
    assert note["user"]["name"] == own_desk.made.user_name
    assert 0 < len(note["user"]["id"]) <= 32
    assert re.fullmatch(Z_FORM, note["create_time"])
    assert note["update_time"] == note["create_time"]
    assert len(note["id"]) == 36
    assert client.search("notes", war_room_id=incident)["data"] == [note]


def test_the_smallest_note_is_on_no_object(fresh: Client) -> None:
    note = write(fresh)
    assert (note["war_room_id"], note["data"]["content"]) == ("", "isolated the host")
    assert found(fresh) == [note["id"]]


@pytest.mark.parametrize("content_type", ["application/json;charset=utf-8", "application/json", "text/plain"])
def test_a_note_comes_with_any_content_type(client: Client, content_type: str) -> None:
    answer = client.post("notes", SMALLEST, headers={"Content-Type": content_type})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "text",
    ["x", "x" * 1024, "漢" * 1024, "😀👩‍👩‍👧", "\r\n\t", " lead and trail ", "<b>bold</b> & \"quoted\" 'too'",
     "<script>alert(1)</script>", "' OR 1=1; --", "\\u0000", "\u202e\ufeff"],
    ids=range(11),
)  # fmt: skip
def test_the_text_comes_back_unchanged_and_beside_it_as_harmless_html(client: Client, text: str) -> None:
    note = write(client, content=text)
    assert note["data"]["content"] == text
    assert not set(note["content"]["value"]) & set("<>\"'")
    for sign, escaped in (("<", "&lt;"), (">", "&gt;"), ("&", "&amp;")):
        assert note["content"]["value"].count(escaped) >= text.count(sign)
    assert note["content"]["come_from"] == note["user"]["name"]
    assert note["content"]["occurred_time"][:23] == note["create_time"][:23]


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("content", [None, 5, "x" * 1025, "a\0b", ["x"]]),
        ("type", [None, 5, "x" * 65, "a\0b"]),
        ("war_room_id", [5, "x" * 65, ["x"], "\0"]),
        ("note_type", [5, "x" * 65]),
    ],
)
def test_a_wrong_member_is_refused_and_named(client: Client, field: str, bad: list[Any]) -> None:
    total = client.search("notes")["total"]
    for value in bad:
        refused(client.post("notes", {**SMALLEST, field: value}), WRONG, field)
    assert client.search("notes")["total"] == total


@pytest.mark.parametrize("field", SMALLEST)
def test_a_note_needs_a_type_and_a_text(client: Client, field: str) -> None:
    body = {key: value for key, value in SMALLEST.items() if key != field}
    refused(client.post("notes", body), WRONG, field)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null", b'{"type":"t","content":"\\ud800"}'])
def test_a_note_needs_a_json_object_of_text(client: Client, raw: bytes) -> None:
    refused(client.post("notes", raw=raw), WRONG)


def test_a_repeat_with_its_key_writes_one_note(fresh: Client) -> None:
    key = {"X-Idempotency-Key": "note"}
    answers = [fresh.post("notes", SMALLEST, headers=key) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert fresh.search("notes")["total"] == 1
    refused(fresh.post("notes", {**SMALLEST, "content": "other"}, headers=key), WRONG, "X-Idempotency-Key")


def test_everybody_may_read_and_operators_may_write(client: Client, own_desk: TestDesk) -> None:
    alert = client.create_alert()
    by_admin = in_turn(client, war_room_id=alert)
    with Client(client.base, own_desk, key=own_desk.add_user("operator", Role.OPERATOR)) as operator:
        note = in_turn(operator, war_room_id=alert)
        assert note["user"]["name"] == "operator"
        assert operator.delete("notes", {"batch_ids": [note["id"]]}).status_code == 403
    with Client(client.base, own_desk, key=own_desk.add_user("reader", Role.READER)) as reader:
        assert found(reader, war_room_id=alert) == [note["id"], by_admin["id"]]
        assert reader.post("notes", SMALLEST).status_code == 403


# Listed.


def test_notes_are_listed_of_one_object_or_of_all(fresh: Client) -> None:
    one, two = fresh.create_alert(), fresh.create_alert()
    notes = [in_turn(fresh, war_room_id=object_id, content=f"n{n}") for n, object_id in enumerate((one, two, one))]
    ids = [note["id"] for note in notes]
    body = fresh.search("notes", war_room_id=one)
    assert body["data"] == [notes[2], notes[0]]
    assert {key: body[key] for key in ("code", "message", "success", "total", "size", "page", "limit", "offset")} == {
        "code": "00000000", "message": "", "success": True, "total": 2, "size": 10, "page": 1, "limit": 10, "offset": 0,
    }  # fmt: skip
    assert found(fresh, war_room_id=two) == [ids[1]]
    assert found(fresh) == found(fresh, war_room_id="") == found(fresh, war_room_id=None) == ids[::-1]
    assert found(fresh, war_room_id="nobody") == []
    assert found(fresh, order="ASC") == found(fresh, order="asc", sort_by="create_time") == ids
    assert found(fresh, order="DESC", sort_by="update_time") == ids[::-1]
    assert fresh.post("notes/search").json()["total"] == 3


def test_terraform_reads_until_the_first_empty_page(fresh: Client) -> None:
    ids = [in_turn(fresh)["id"] for _ in range(5)]
    read: list[str] = []
    while page := found(fresh, limit=2, offset=len(read), order="ASC"):
        read += page
    assert read == ids
    assert fresh.search("notes", limit=100, offset=999)["data"] == []
    assert (fresh.search("notes", limit=2, offset=2)["page"], fresh.search("notes", limit=2)["total"]) == (2, 5)


def test_notes_are_listed_by_the_time_they_were_written(fresh: Client) -> None:
    notes = [in_turn(fresh) for _ in range(3)]
    ids, times = [one["id"] for one in notes], [one["create_time"] for one in notes]
    assert found(fresh, from_date=times[1], order="ASC") == ids[1:]
    assert found(fresh, to_date=times[1], order="ASC") == ids[:2]
    assert found(fresh, from_date=times[1], to_date=times[1]) == [ids[1]]


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"limit": -1}, WRONG, "limit"),
        ({"limit": "10"}, WRONG, "limit"),
        ({"limit": 10**9}, WRONG, "limit"),
        ({"offset": -1}, WRONG, "offset"),
        ({"war_room_id": 5}, WRONG, "war_room_id"),
        ({"from_date": "soon"}, WRONG, "from_date"),
        ({"to_date": 5}, WRONG, "to_date"),
        ({"sort_by": "content"}, "SecMaster.20030009", "sort_by"),
        ({"order": "UP"}, "SecMaster.20030010", "order"),
    ],
)
def test_a_wrong_search_is_refused_and_named(client: Client, body: dict[str, Any], code: str, named: str) -> None:
    refused(client.post("notes/search", body), code, named)


def test_notes_of_another_workspace_are_not_there(client: Client, fresh: Client) -> None:
    alert = client.create_alert()
    note = write(client, war_room_id=alert)
    assert found(fresh, war_room_id=alert) == []
    data = fresh.delete("notes", {"batch_ids": [note["id"]]}).json()["data"]
    assert data == {"error_ids": [note["id"]], "success_ids": []}
    assert found(client, war_room_id=alert) == [note["id"]]


# Deleted.


def test_deleting_says_which_were_there(fresh: Client) -> None:
    one, two, kept = (in_turn(fresh)["id"] for _ in range(3))
    answer = fresh.delete("notes", {"batch_ids": ["nobody", two, one, two, ""]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["code"] == "00000000"
    assert answer.json()["data"] == {"error_ids": ["nobody", ""], "success_ids": [two, one]}
    assert found(fresh) == [kept]
    again = fresh.delete("notes", {"batch_ids": one})
    assert (again.status_code, again.json()["data"]) == (200, {"error_ids": [one], "success_ids": []})


@pytest.mark.parametrize(
    "body", [{}, {"batch_ids": []}, {"batch_ids": None}, {"batch_ids": [5]}, {"batch_ids": ["x"] * 1000}, [], None]
)
def test_a_delete_that_names_nothing_or_too_much_is_refused(client: Client, body: Any) -> None:
    refused(client.delete("notes", body), WRONG)


def test_the_notes_on_a_deleted_object_stay(client: Client) -> None:
    """They are the record of what was done."""
    alert = client.create_alert()
    note = write(client, war_room_id=alert)
    client.delete("alerts", {"batch_ids": [alert]})
    assert client.search("notes", war_room_id=alert)["data"] == [note]


def test_every_note_leaves_an_audit_row_when_written_and_when_deleted(client: Client, own_desk: TestDesk) -> None:
    note = write(client, war_room_id="an object", content="what I saw")
    time.sleep(0.002)
    client.delete("notes", {"batch_ids": [note["id"], "nobody"]})
    audited = rows(own_desk, "SELECT * FROM audit WHERE object_id = ? ORDER BY time", [note["id"]])
    assert {(row["object_class"], row["user_name"]) for row in audited} == {("notes", own_desk.made.user_name)}
    assert [(row["operation"], json.loads(row["changes"])) for row in audited] == [
        ("create_note", {"war_room_id": [None, "an object"], "content": [None, "what I saw"]}),
        ("delete_notes", {"deleted": [False, True]}),
    ]
    before = contents(own_desk)
    client.delete("notes", {"batch_ids": ["nobody"]})
    assert contents(own_desk) == before
