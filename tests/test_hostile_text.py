"""Hostile text, through every field that can hold text: it comes back as it was sent, and harms nothing on its way.

Source: OWASP, "CSV Injection" and "Log Injection"; API reference notes for the lengths.
"""

import html
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import httpx
import openpyxl
import pytest

from commands import printed, shown
from hostile import (
    FORMULA_STARTS,
    REFUSED,
    TEXTS,
    Place,
    cut,
    document,
    free_places,
    is_control,
    is_harmless,
    labels_after_conversion,
    places,
    value_at,
    with_value,
)
from refusals import checked
from samples import BOUNDARY, END, FORM_TYPE, INDICATOR, workbook
from samples import part as form_part
from support import Client, TestDesk, copy_desk, serving
from tocsin.api.operations import XLSX
from tocsin.objects.records import MAX_OBJECT_BYTES
from tocsin.spreadsheet import WorkbookWriter

MEGABYTE = 1024 * 1024
CLASSES = ("alerts", "incidents", "indicators")
NEEDED: dict[str, dict[str, Any]] = {
    "alerts": {"title": "An alert"},
    "incidents": {"title": "An incident"},
    "indicators": INDICATOR,
}
TITLE = {"alerts": "title", "incidents": "title", "indicators": "name"}
EVERY_TEXT = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
EVERY_CLASS = pytest.mark.parametrize("many", CLASSES)
EVERY_PLACE = pytest.mark.parametrize(
    ("many", "place"), [pytest.param(many, one, id=f"{many}.{one.id}") for many in CLASSES for one in places(many)]
)


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    """The administrator's client of one server: what one test makes does not disturb another."""
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


@pytest.fixture(scope="module")
def elsewhere(client: Client, own_desk: TestDesk) -> Iterator[Client]:
    """The same server, another workspace."""
    with Client(client.base, own_desk, workspace_id=own_desk.add_workspace("elsewhere")) as one:
        yield one


@pytest.fixture
def unchanged(own_desk: TestDesk) -> Iterator[None]:
    """What the test asks for must leave everything as it was."""
    before = kept(own_desk)
    yield
    assert kept(own_desk) == before


def kept(desk: TestDesk) -> list[Any]:
    folder = desk.path.with_name(f"{desk.path.name}.attachments")
    with closing(sqlite3.connect(desk.path)) as one:
        counts = one.execute(
            "SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM admin_audit), (SELECT count(*) FROM data_objects),"
            " (SELECT sum(version) FROM data_objects), (SELECT count(*) FROM notes), (SELECT count(*) FROM object_types),"
            " (SELECT count(*) FROM workspaces), (SELECT count(*) FROM attachments), (SELECT count(*) FROM relations)"
        ).fetchall()
    return [*counts, *sorted(folder.rglob("*"))]


def answered(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def made(client: Client, many: str, fields: dict[str, Any]) -> str:
    return str(answered(client.post(many, {"data_object": {**NEEDED[many], **fields}}))["data"]["id"])


def found(client: Client, many: str, *data: str) -> list[dict[str, Any]]:
    body = {"condition": {"conditions": [{"name": "c", "data": data}]}, "limit": 1000}
    return list(answered(client.post(f"{many}/search", body))["data"])


def refused(answer: httpx.Response, *words: str, status: int = 400) -> str:
    """A refusal is JSON, whatever it quotes, of bounded length, and names what is wrong; returns its message."""
    checked(answer)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    message = str(body.get("message") or body["error_msg"])
    assert len(message) <= 1024
    assert all(word in message for word in words), message
    assert "set-cookie" not in answer.headers
    return message


def dataclass_id(client: Client, title: str = "Alert") -> str:
    return str(client.get(f"dataclasses?name={title}").json()["dataclass_details"][0]["id"])


# Data objects.


@EVERY_TEXT
@EVERY_CLASS
def test_text_in_every_field_comes_back_as_it_was_sent(client: Client, many: str, text: str) -> None:
    sent = document(many, text, NEEDED[many])
    new = answered(client.post(many, {"data_object": sent}))["data"]
    path = f"{many}/{new['id']}"
    for one in (new, answered(client.get(path))["data"], *found(client, many, "id", "=", new["id"])):
        assert {key: one["data_object"].get(key) for key in sent} == sent
    other = made(client, many, {})
    changed = answered(client.put(f"{many}/{other}", {"data_object": sent}))["data"]["data_object"]
    assert {key: changed.get(key) for key in sent} == sent
    # The same again: what is stored is what is compared with.
    assert answered(client.put(f"{many}/{other}", {"data_object": sent}))["data"]["data_object"] == {
        **changed,
        "update_time": client.show(f"{many}/{other}")["update_time"],
    }


@EVERY_TEXT
@EVERY_CLASS
def test_text_is_searched_for_letter_by_letter(client: Client, many: str, text: str) -> None:
    """With what it looks like to SQL, to patterns and to JSON, it finds itself and no other."""
    object_id = made(client, many, {TITLE[many]: f"a {cut(text, 60)} b", "labels": text})
    assert object_id in [one["id"] for one in found(client, many, "labels", "=", text)]
    assert object_id in [one["id"] for one in found(client, many, TITLE[many], "contains", cut(text, 60))]
    assert object_id not in [one["id"] for one in found(client, many, "labels", "!=", text)]
    for one in found(client, many, "labels", "=", text):
        assert one["data_object"]["labels"] == text
    for one in found(client, many, "labels", "contains", text):
        assert lowered(text) in lowered(one["data_object"]["labels"])


def lowered(text: str) -> str:
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), text)


@EVERY_TEXT
@EVERY_CLASS
def test_text_in_an_id_names_the_object(client: Client, many: str, text: str) -> None:
    own = cut(text, 36)
    assert made(client, many, {"id": own}) == own
    assert [one["id"] for one in found(client, many, "id", "=", own)] == [own]
    if "/" not in own:
        assert client.show(f"{many}/{quote(own, safe='')}")["id"] == own
    assert answered(client.delete(many, {"batch_ids": [own]}))["data"]["success_ids"] == [own]


@EVERY_CLASS
@pytest.mark.usefixtures("unchanged")
def test_text_that_is_none_of_the_listed_is_refused_whatever_it_is(client: Client, many: str) -> None:
    listed = [one for one in places(many) if one not in free_places(many) and one.path != ("id",)]
    assert listed
    for place in listed:
        for text in TEXTS.values():
            if place.key.endswith("_port") and text == "007":
                continue  # that is a port
            sent = with_value(NEEDED[many], place.path, cut(text, place.maximum))
            refused(client.post(many, {"data_object": sent}), place.key)


# What no text may hold.


@EVERY_PLACE
@pytest.mark.usefixtures("unchanged")
def test_nul_and_half_characters_are_refused_in_every_field(client: Client, many: str, place: Place) -> None:
    for escape in REFUSED.values():
        raw = json.dumps({"data_object": with_value(NEEDED[many], place.path, "a@b")}).replace("@", escape).encode()
        refused(client.post(many, raw=raw), place.key)
    for raw_text in (b"a\x00b", b"a\xed\xa0\x80b", b"a\xffb"):
        raw = json.dumps({"data_object": with_value(NEEDED[many], place.path, "@")}).encode().replace(b"@", raw_text)
        refused(client.post(many, raw=raw))


@pytest.mark.usefixtures("unchanged")
def test_nul_and_half_characters_are_refused_in_a_key(client: Client) -> None:
    for escape in REFUSED.values():
        for raw in ('{"title":"x","k@":1}', '{"title":"x","a":{"k@":1}}', '{"title":"x","system_info":{"k@":{}}}'):
            refused(client.post("alerts", raw=f'{{"data_object":{raw}}}'.replace("@", escape).encode()), "k")


@EVERY_CLASS
def test_nul_and_half_characters_are_refused_in_a_change(client: Client, own_desk: TestDesk, many: str) -> None:
    path = f"{many}/{made(client, many, {})}"
    before = kept(own_desk)
    for escape in REFUSED.values():
        for place in free_places(many):
            body = {"data_object": with_value({}, place.path, "a@b")}
            refused(client.put(path, raw=json.dumps(body).replace("@", escape).encode()), place.key)
    assert kept(own_desk) == before


# How long a text may be.


@EVERY_PLACE
@pytest.mark.usefixtures("unchanged")
def test_a_megabyte_of_one_character_is_refused_in_every_field(client: Client, many: str, place: Place) -> None:
    for letter in ("x", "\u00e9"):
        sent = with_value(NEEDED[many], place.path, letter * (MEGABYTE // len(letter.encode())))
        refused(client.post(many, raw=json.dumps({"data_object": sent}, ensure_ascii=False).encode()), "data_object")
    if place.maximum is not None:
        for length in (place.maximum + 1, MAX_OBJECT_BYTES // 2):
            refused(client.post(many, {"data_object": with_value(NEEDED[many], place.path, "x" * length)}), place.key)


@EVERY_CLASS
def test_a_text_as_long_as_its_field_comes_back_whole(client: Client, many: str) -> None:
    """In characters, of whatever size."""
    limited = [one for one in free_places(many) if one.maximum is not None]
    for letter in ("w", "漢", "😀"):
        sent = dict(NEEDED[many])
        for place in limited:
            sent = with_value(sent, place.path, letter * (place.maximum or 0))
        raw = json.dumps({"data_object": sent}, ensure_ascii=False).encode()
        got = client.show(f"{many}/{answered(client.post(many, raw=raw))['data']['id']}")
        for place in limited:
            assert value_at(got, place.path) == value_at(sent, place.path), place.id


@EVERY_CLASS
@pytest.mark.usefixtures("unchanged")
def test_a_body_over_the_limit_is_refused_whatever_is_in_it(client: Client, many: str) -> None:
    for raw in (b'{"data_object":{"title":"' + b"x" * (13 * MEGABYTE) + b'"}}', b"\x00" * (13 * MEGABYTE)):
        answer = client.post(many, raw=raw)
        assert (answer.status_code, answer.json()["error_code"]) == (413, "APIGW.0201")


# Conversions.


@EVERY_TEXT
def test_text_goes_through_a_conversion_as_it_is(client: Client, text: str) -> None:
    fields = {
        "title": text, "description": text, "labels": text, "domain_id": cut(text, 36), "source_url": text,
        "alert_type": {"category": text, "alert_type": text}, "environment": {"vendor_type": text},
        "network_list": [{"src_domain": text, "unknown": text}], "user_info": [{"user_name": text}],
    }  # fmt: skip
    alert = made(client, "alerts", fields)
    incident = client.show(f"incidents/{client.order([alert])['results'][0]['incident_id']}")
    same = ("title", "description", "domain_id", "source_url", "environment", "network_list", "user_info")
    assert {key: incident[key] for key in same} == {key: fields[key] for key in same}
    assert incident["labels"] == labels_after_conversion(text)
    assert incident["incident_type"] == {"category": text, "incident_type": text}
    assert client.show(f"alerts/{alert}")["close_comment"] == f"Converted into incident “{text}” ({incident['id']})"


@EVERY_TEXT
def test_text_of_the_order_itself_comes_back_from_the_incident(client: Client, text: str) -> None:
    content = {"title": text, "description": text, "incident_type": {"category": text, "incident_type": text}}
    done = client.order([client.create_alert()], incident_content=content)
    incident = client.show(f"incidents/{done['results'][0]['incident_id']}")
    assert {key: incident[key] for key in content} == content


# Notes, types, workspaces, files.


@EVERY_TEXT
def test_text_of_a_note_comes_back_as_it_was_sent_and_safe_where_it_is_html(client: Client, text: str) -> None:
    sent = {"type": text, "note_type": text, "content": text, "war_room_id": text}
    new = answered(client.post("notes", sent))["data"]
    [listed] = [one for one in client.search("notes", war_room_id=text, limit=1000)["data"] if one["id"] == new["id"]]
    for one in (new, listed):
        assert (one["type"], one["note_type"], one["war_room_id"]) == (text, text, text)
        assert one["data"] == {"content": text}
        assert one["content"]["value"] == html.escape(text)


@EVERY_TEXT
@pytest.mark.parametrize("title", ["Alert", "Incident", "Indicator"])
def test_text_of_a_type_comes_back_as_it_was_sent(client: Client, title: str, text: str) -> None:
    path = f"dataclasses/{dataclass_id(client, title)}/types"
    text = cut(f"{text}{title}", 64)
    sent = {"category": text, "sub_category": text, "description": text, "enabled": True, "sla": 0}
    new = answered(client.post(path, sent))
    listed = answered(client.get(f"{path}?limit=1000&sub_category={quote(text, safe='')}"))["dataclass_type_details"]
    for one in (new, *(one for one in listed if one["id"] == new["id"])):
        assert [
            one[key] for key in ("category", "category_code", "sub_category", "sub_category_code", "description")
        ] == [text] * 5
    assert new["id"] in [one["id"] for one in listed]


@EVERY_TEXT
def test_a_type_with_hostile_names_is_used_disabled_and_deleted_like_any_other(client: Client, text: str) -> None:
    path = f"dataclasses/{dataclass_id(client)}/types"
    name = cut(f"used {text}", 64)
    new = answered(client.post(path, {"category": name, "sub_category": name, "enabled": True, "sla": 60_000}))
    alert = made(client, "alerts", {"alert_type": {"category": name, "alert_type": name}})
    [used] = client.delete(path, {"is_delete": True, "ids": [new["id"]]}).json()
    assert [one["id"] for one in used["data"]] == [alert]
    answered(client.post(f"{path}/enable", {"enable": False, "ids": [new["id"]]}))
    sent = {"title": "x", "alert_type": {"category": name, "alert_type": name}}
    assert f"{name} / {name}" in refused(client.post("alerts", {"data_object": sent}), "is disabled")
    answered(client.post(f"{path}/enable", {"enable": True, "ids": [new["id"]]}))


@EVERY_TEXT
def test_text_of_a_workspace_comes_back_as_it_was_sent(client: Client, own_desk: TestDesk, text: str) -> None:
    path = f"/v1/{client.project_id}/workspaces"
    sent = {
        "region_id": "r", "name": "hostile", "project_name": text, "description": text, "view_bind_id": cut(text, 36),
        "tags": [{"key": text, "value": text}],
    }  # fmt: skip
    new = answered(client.post(path, sent))
    shown_one = answered(client.get(f"{path}/{new['id']}"))["workspace"]
    listed = answered(client.get(f"{path}?limit=100&description={quote(text, safe='')}"))["workspaces"]
    other = answered(client.post(path, {"region_id": "r", "name": "other", "project_name": "p"}))["id"]
    changed = answered(
        client.put(f"{path}/{other}", {"name": "other", "description": text, "view_bind_id": cut(text, 36)})
    )
    assert new["id"] in [one["id"] for one in listed]
    for one in (new, shown_one, *(one for one in listed if one["id"] == new["id"])):
        assert (one["project_name"], one["description"], one["view_bind_id"]) == (text, text, cut(text, 36))
    assert (changed["description"], changed["view_bind_id"]) == (text, cut(text, 36))
    with closing(sqlite3.connect(own_desk.path)) as one:
        [(tags,)] = one.execute("SELECT tags FROM workspaces WHERE id = ?", (new["id"],))
    assert json.loads(tags) == sent["tags"]
    for workspace_id in (new["id"], other):  # a page of the list has room for the next text
        assert client.delete(f"{path}/{workspace_id}").status_code == 200


@EVERY_TEXT
@pytest.mark.usefixtures("unchanged")
def test_a_workspace_takes_no_hostile_name(client: Client, text: str) -> None:
    for field in ("name", "region_id", "enterprise_project_id", "enterprise_project_name"):
        if re.fullmatch(r"\w{0,64}", text, re.ASCII):
            continue
        sent = {"region_id": "r", "name": "hostile", "project_name": "p", field: text}
        refused(client.post(f"/v1/{client.project_id}/workspaces", sent), field)


def uploaded(client: Client, file_name: str) -> httpx.Response:
    """As browsers write a name: quotes and line ends percent-encoded, all else as it is."""
    encoded = file_name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return uploaded_raw(client, encoded.encode())


def uploaded_raw(client: Client, file_name: bytes) -> httpx.Response:
    head = b'--%s\r\nContent-Disposition: form-data; name="uploadFile"; filename="%s"\r\n\r\n'
    raw = form_part("fileType", b"user_task") + head % (BOUNDARY.encode(), file_name) + b"content\r\n" + END
    return client.post("attachment/upload", raw=raw, headers={"Content-Type": FORM_TYPE})


@EVERY_TEXT
def test_the_name_of_a_file_comes_back_and_forges_no_header(client: Client, text: str) -> None:
    answer = uploaded(client, text)
    if any(is_control(letter) and letter not in "\r\n" for letter in text) and answer.status_code != 200:
        refused(answer)  # control characters may not stand in a form's header
        return
    data = answered(answer)["data"]
    name = data["file_name"]
    assert name == expected_name(text)
    assert answered(client.get(f"attachment/{data['id']}"))["data"]["file_name"] == name
    link = answered(client.get(f"attachment/{data['id']}/download"))["data"]
    file = client.http.get(link)
    assert file.content == b"content"
    assert "set-cookie" not in file.headers
    kind, _, coded = file.headers["content-disposition"].partition("filename*=UTF-8''")
    assert kind == "attachment; "
    assert unquote(coded) == name
    assert re.fullmatch(r"[\w.%~-]+", coded, re.ASCII)


def expected_name(text: str) -> str:
    encoded = text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return re.split(r"[/\\]", encoded.rstrip("/\\"))[-1] or "file"


@pytest.mark.parametrize(
    "name", [b"a\r\nSet-Cookie: x=1\r\n", b"a\nb", b"a\x00b", b"a\x1b[31mb", b"\xed\xa0\x80", b"\xff", b'a"; filename="b'],
    ids=repr,
)  # fmt: skip
def test_a_name_of_a_file_that_is_no_name_is_refused_or_harmless(
    client: Client, own_desk: TestDesk, name: bytes
) -> None:
    before = kept(own_desk)
    answer = uploaded_raw(client, name)
    if answer.status_code != 200:
        refused(answer)
        assert kept(own_desk) == before
        return
    file = client.http.get(answered(client.get(f"attachment/{answer.json()['data']['id']}/download"))["data"])
    assert file.content == b"content"
    assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w.%~-]+", file.headers["content-disposition"], re.ASCII)


def other_bodies(client: Client) -> dict[str, tuple[str, dict[str, Any], list[str]]]:
    """Bodies that are no data object: path, body, and the members that hold text."""
    types = f"dataclasses/{dataclass_id(client)}/types"
    return {
        "note": ("notes", {"type": "t", "content": "c"}, ["type", "content", "war_room_id", "note_type"]),
        "type": (
            types,
            {"category": "category", "enabled": True, "sla": 0},
            ["category", "category_code", "sub_category", "sub_category_code", "name", "business_code", "description"],
        ),
        "workspace": (
            f"/v1/{client.project_id}/workspaces",
            {"region_id": "r", "name": "n", "project_name": "p"},
            ["region_id", "name", "project_name", "description", "enterprise_project_id", "enterprise_project_name",
             "view_bind_id", "tags.0.key", "tags.0.value"],
        ),
        "order": (
            "alerts/batch-order",
            {"ids": ["x"]},
            ["ids.0", "incident_id", "incident_content.title", "incident_content.description",
             "incident_content.incident_type.category", "incident_content.incident_type.incident_type"],
        ),
    }  # fmt: skip


@pytest.mark.parametrize("what", ["note", "type", "workspace", "order"])
@pytest.mark.usefixtures("unchanged")
def test_nul_half_characters_and_a_megabyte_are_refused_everywhere_else(client: Client, what: str) -> None:
    path, body, members = other_bodies(client)[what]
    for member in members:
        keys = tuple(int(part) if part.isdigit() else part for part in member.split("."))
        key = next(part for part in reversed(keys) if isinstance(part, str))
        for escape in REFUSED.values():
            raw = json.dumps(with_value(body, keys, "a@b")).replace("@", escape).encode()
            refused(client.post(path, raw=raw), key)
        refused(client.post(path, with_value(body, keys, "x" * MEGABYTE)), key)


@pytest.mark.usefixtures("unchanged")
def test_an_unknown_member_of_another_body_holds_nothing_that_is_refused_elsewhere(client: Client) -> None:
    for path, body, _ in other_bodies(client).values():
        for escape in REFUSED.values():
            refused(
                client.post(path, raw=json.dumps({**body, "unknown": "@"}).replace("@", escape).encode()), "unknown"
            )


# Errors quote what they refuse.


def quoting(client: Client, text: str) -> list[httpx.Response]:
    """Requests whose refusal quotes this text."""
    named = {"conditions": [{"name": cut(text, 64), "data": ["title", "=", "x"]}] * 2, "logics": [cut(text, 64)]}
    coded = quote(text, safe="")
    writer = WorkbookWriter("Alerts", ["title", f"column {text}"])
    form = form_part("uploadFile", writer.rows([["a", "b"]]) + writer.finish(), "x.xlsx") + END
    types = f"dataclasses/{dataclass_id(client)}/types"
    return [
        client.post("alerts/search", {"condition": {"conditions": [{"name": "c", "data": [cut(text, 100), "=", "x"]}]}}),
        client.post("alerts/search", {"condition": {"conditions": [{"name": "c", "data": ["title", cut(text, 100), "x"]}]}}),
        client.post("alerts/search", {"condition": {"conditions": [{"name": "c", "data": ["count", "=", f"c{text}"[:100]]}]}}),
        client.post("alerts/search", {"condition": named}),
        client.post("alerts/search", {"condition": {"conditions": [], "logics": [cut(text, 100)]}}),
        client.post("alerts/search", {"sort_by": text}),
        client.post("alerts/search", {"order": text}),
        client.post("alerts/search", {"from_date": cut(f"x{text}", 64)}),
        client.post("alerts/export", {"title": ["title", f"field {text}"]}),
        client.post("alerts/import", raw=form, headers={"Content-Type": FORM_TYPE}),
        client.post(f"{types}/enable", {"enable": True, "ids": [cut(f"id {text}", 64)]}),
        client.get(f"{types}?order={coded}"),
        client.get(f"/v1/{client.project_id}/workspaces?create_time_start=x{coded}"),
        client.get(f"/v1/{client.project_id}/workspaces/{coded.replace('%2F', '')}x/sa/guides"),
        client.get(f"alerts/{coded.replace('%2F', '')}x"),
        client.post(f"class{coded.replace('%2F', '')}/search", {}),
        client.post("alerts", {"data_object": {"title": "x", "severity": cut(text, 64)}}),
        client.post("alerts/batch-order", {"ids": ["x"], "event_content": {"handle_status": text}}),
        client.get("alerts/x", headers={"X-Idempotency-Key": "x", "X-Language": coded}),
    ]  # fmt: skip


@EVERY_TEXT
@pytest.mark.usefixtures("unchanged")
def test_an_error_that_quotes_text_is_json_and_short(client: Client, text: str) -> None:
    for answer in quoting(client, text):
        assert 400 <= answer.status_code < 500, (answer.request.url, answer.text)
        refused(answer, status=answer.status_code)


@pytest.mark.usefixtures("unchanged")
def test_an_error_that_quotes_a_long_text_is_cut(client: Client) -> None:
    for text in ("w" * 60_000, "😀" * 5_000, "\x1b" * 5_000):
        message = refused(client.post("alerts/export", {"title": [text]}))
        assert len(message) == 1024
        refused(client.get(f"alerts/{quote('w' * 5000)}"))


# Spreadsheets.

# ST_Xstring: openpyxl leaves these to its caller.
ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def unescaped(value: Any) -> Any:
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), value) if isinstance(value, str) else value


def export(client: Client, many: str, ids: Sequence[str]) -> bytes:
    """Only these objects."""
    condition = {"conditions": [{"name": f"c{n}", "data": ["id", "=", one]} for n, one in enumerate(ids)]}
    condition["logics"] = [word for n in range(len(ids)) for word in (f"c{n}", "or")][:-1]
    answer = client.post(f"{many}/export", {"data_object_filters_form": {"condition": condition, "limit": 1000}})
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX), answer.text
    return answer.content


@pytest.fixture(scope="module", params=CLASSES)
def spread(client: Client, request: pytest.FixtureRequest) -> tuple[str, dict[str, str], bytes]:
    """A class, an object for each text by its id, and their export."""
    many = request.param
    texts = {made(client, many, document(many, text, NEEDED[many])): text for text in TEXTS.values()}
    return many, texts, export(client, many, list(texts))


def test_an_export_holds_every_text_as_text(client: Client, spread: tuple[str, dict[str, str], bytes]) -> None:
    many, texts, content = spread
    sheet = openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]
    columns = [cell.value for cell in sheet[1]]
    rows = {row[columns.index("id")].value: dict(zip(columns, row, strict=True)) for row in sheet.iter_rows(min_row=2)}
    assert set(rows) == set(texts)
    for object_id, text in texts.items():
        stored = client.show(f"{many}/{object_id}")
        for column, cell in rows[object_id].items():
            value = unescaped(cell.value)
            assert cell.data_type != "f", (column, text)
            if isinstance(value, str):
                assert cell.quotePrefix == value.startswith(("＋", "－", "＠", *FORMULA_STARTS)), (column, value)
            if isinstance(stored.get(column), str):
                assert value == stored[column] == (cut(text, len(stored[column])) if column in free(many) else value), (
                    column
                )
            elif isinstance(stored.get(column), dict) or (isinstance(stored.get(column), list) and stored[column]):
                assert json.loads(value) == stored[column]


def free(many: str) -> set[str]:
    return {str(one.path[0]) for one in free_places(many) if len(one.path) == 1}


def test_an_import_of_an_export_has_the_same_texts(
    client: Client, elsewhere: Client, spread: tuple[str, dict[str, str], bytes]
) -> None:
    many, texts, content = spread
    raw = form_part("uploadFile", content, "x.xlsx") + END
    done = answered(elsewhere.post(f"{many}/import", raw=raw, headers={"Content-Type": FORM_TYPE}))["data"]
    assert done["refused"] == []
    assert set(done["ids"]) == set(texts)
    for object_id in texts:
        old, new = client.show(f"{many}/{object_id}"), elsewhere.show(f"{many}/{object_id}")
        known = {str(one.path[0]) for one in free_places(many)} & set(old) - {"unknown", "further"}
        assert {key: new.get(key) for key in known} == {key: old[key] for key in known}


@EVERY_TEXT
def test_a_row_that_is_refused_says_so_in_json(client: Client, text: str) -> None:
    raw = (
        form_part("uploadFile", workbook(["title", "severity"], ["a", "x" + re.sub(r"[^ -~]", "", text)]), "x.xlsx")
        + END
    )
    answer = client.post("alerts/import", raw=raw, headers={"Content-Type": FORM_TYPE})
    [row] = answered(answer)["data"]["refused"]
    assert row["row"] == 2
    assert row["message"].startswith("severity: ")


def test_a_cell_with_nul_is_refused_and_half_a_character_is_replaced(client: Client) -> None:
    for column in ("title", "description", "labels", "id", "network_list", "owner"):
        value = '[{"src_domain":"a\0b"}]' if column == "network_list" else "a\0b"
        writer = WorkbookWriter("Alerts", dict.fromkeys(["title", column]))
        row = [value] if column == "title" else ["a title", value]
        raw = (
            form_part("uploadFile", writer.rows([row, ["a\ud800b", None][: len(row)]]) + writer.finish(), "x.xlsx")
            + END
        )
        done = answered(client.post("alerts/import", raw=raw, headers={"Content-Type": FORM_TYPE}))["data"]
        assert [one["row"] for one in done["refused"]] == [2]
        assert done["refused"][0]["message"].startswith(column)
        assert [client.show(f"alerts/{one}")["title"] for one in done["ids"]] == ["a\ufffdb"]


# Logs and terminals.


LOGINS = (TEXTS["colours"], TEXTS["forged line"], TEXTS["8-bit escape"])  # a few: each takes its time on purpose


def hostile_requests(client: Client) -> int:
    """Everything of a request that a log may show; returns how many requests were sent."""
    client.http.event_hooks = {"request": [lambda _: sent.append(None)], "response": []}
    sent: list[None] = []
    for text in TEXTS.values():
        coded = quote(text, safe="").replace("%2F", "-")
        alert = made(client, "alerts", {"title": text, "id": None, "description": text})
        client.order([alert], incident_content={"title": text})
        for path in (f"alerts/{coded}", f"{coded}/search", f"/v1/{coded}/workspaces/{coded}", f"/v{coded}"):
            client.get(path)
            client.post(path, {"data_object": {"title": text}})
        client.get(f"/v1/{client.project_id}/workspaces?name={coded}&limit={coded}")
        client.post("alerts/search", {"sort_by": text})
        uploaded(client, text)
        bare = {"X-Auth-Token": coded, "User-Agent": coded, "X-Request-Id": coded}
        client.http.get(client.base + client.url("alerts/x"), headers=bare)
        client.post("alerts", {"data_object": {}}, headers={"X-Idempotency-Key": coded, "X-Language": coded})
        if text not in LOGINS:
            continue
        login = {
            "methods": ["password"],
            "password": {"user": {"name": text, "password": text, "domain": {"name": text}}},
        }
        client.http.post(f"{client.base}/v3/auth/tokens", json={"auth": {"identity": login}})
    return len(sent)


def logged(desk: TestDesk, folder: Path, log_format: str) -> tuple[str, int]:
    """What a server process wrote on standard error while it was asked for all that, and how many requests these were."""
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "serve", "--database", desk.url, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=file,
            env={**os.environ, "TOCSIN_LOG_FORMAT": log_format, "TOCSIN_LOG_LEVEL": "debug"},
        )
    try:
        assert process.stdout is not None
        base = process.stdout.readline().decode().split()[-1]
        with Client(base, desk) as client:
            count = hostile_requests(client)
    finally:
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 0
    return log.read_bytes().decode("utf-8"), count


@pytest.fixture(scope="module")
def logs(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, int]]:
    """Of either format."""
    folders = {one: tmp_path_factory.mktemp(f"log-{one}") for one in ("json", "text")}
    return {one: logged(copy_desk(template, folder), folder, one) for one, folder in folders.items()}


def test_a_json_log_has_one_line_for_each_event_whatever_is_asked(logs: dict[str, tuple[str, int]]) -> None:
    text, count = logs["json"]
    events = [json.loads(line) for line in text.removesuffix("\n").split("\n")]
    assert [one for one in events if not isinstance(one, dict) or "event" not in one] == []
    assert sum(one["event"] == "request_handled" for one in events) == count
    assert not any(one["event"] in ("forged", "request_broke") for one in events)


# Of the log's own.
COLOURS = re.compile(r"\x1b\[(?:0|1|2|3[0-9]|9[0-9])m")
TEXT_EVENT = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z \[")


def test_a_text_log_has_one_line_for_each_event_whatever_is_asked(logs: dict[str, tuple[str, int]]) -> None:
    text, count = logs["text"]
    lines = COLOURS.sub("", text).removesuffix("\n").split("\n")
    assert [line for line in lines if not TEXT_EVENT.match(line)] == []
    assert sum("request_handled" in line for line in lines) == count


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_log_steers_no_terminal(logs: dict[str, tuple[str, int]], log_format: str) -> None:
    lines = logs[log_format][0].split("\n")
    assert [line for line in lines if not is_harmless(line)] == []


@pytest.fixture(scope="module")
def audited(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    """A desk on which every kind of change was made with every text."""
    desk = copy_desk(template, tmp_path_factory.mktemp("audited"))
    with serving(desk) as url, Client(url, desk) as one:
        path, types = f"/v1/{one.project_id}/workspaces", f"dataclasses/{dataclass_id(one)}/types"
        for text in TEXTS.values():
            alert = made(one, "alerts", {"title": text})
            answered(one.put(f"alerts/{alert}", {"data_object": document("alerts", text, {})}))
            one.order([alert], incident_content={"title": text})
            answered(one.post("notes", {"type": "t", "content": text, "war_room_id": text}))
            named = cut(f"type {text}", 64)
            answered(one.post(types, {"category": named, "sub_category": named, "enabled": True, "sla": 0}))
            uploaded(one, text)
            body = {"region_id": "r", "name": "n", "project_name": "p", "description": text}
            workspace = answered(one.post(path, body))["id"]
            answered(one.put(f"{path}/{workspace}", {"name": "m", "description": f"{text}."}))
            one.delete(f"{path}/{workspace}")
    return desk


HEAD = re.compile(r"\d{4}-\d\d-\d\dT[\d:.+]+  \S+  \w+  \w+ ")


def harmless_audit(desk: TestDesk, *arguments: str) -> None:
    """A line for each row, and below it lines for its fields."""
    lines = printed(desk, "audit", "--limit", "10000", *arguments).removesuffix("\n").split("\n")
    assert [line for line in lines if not is_harmless(line)] == []
    rows = [line for line in lines if HEAD.match(line)]
    assert len(rows) == len(shown(desk, "audit", "--limit", "10000", *arguments)) > len(TEXTS)
    assert [line for line in lines if line not in rows and not line.startswith("    ")] == []


def test_the_audit_shows_text_in_a_way_that_steers_no_terminal(audited: TestDesk) -> None:
    harmless_audit(audited)
    harmless_audit(audited, "--administration")


def test_the_audit_gives_programs_the_text_as_it_is(audited: TestDesk) -> None:
    rows = shown(audited, "audit", "--limit", "10000")
    made_with = {row["changes"]["title"][1] for row in rows if row["operation"] == "create_alert"}
    assert made_with == set(TEXTS.values())


def test_the_audit_shows_ids_in_a_way_that_steers_no_terminal(desk: TestDesk) -> None:
    """A client may bring its own."""
    with serving(desk) as url, Client(url, desk) as one:
        for text in TEXTS.values():
            made(one, "alerts", {"id": cut(text, 36)})
            one.order([cut(text, 36)])
    harmless_audit(desk)


def test_a_conversion_is_shown_in_a_way_that_steers_no_terminal(desk: TestDesk) -> None:
    with serving(desk) as url, Client(url, desk) as one:
        made_of = [made(one, "alerts", {"title": text, "id": cut(text, 36)}) for text in TEXTS.values()]
        incident = one.order(made_of, incident_content={"title": TEXTS["colours"]})["results"][0]["incident_id"]
    assert is_harmless(printed(desk, "conversion", incident))
