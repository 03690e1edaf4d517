"""The Terraform provider, replayed: its requests to the byte, and of the answers what it reads.

Source: recorded requests of golangsdk (observed-requests, section 4); API reference notes labelled TF. The provider
itself does not run here: it is replayed from these records.
"""

import hashlib
import hmac
import http.client
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest

from support import PASSWORD, Key, TestDesk
from terraform_exchanges import ABSENT, LOGIN, SIGNED, STORIES, TOKEN, Exchange
from tocsin.identity.records import Role

AGENT = "terraform-provider-iac golangsdk/2.0.0"
USER = "alice"
# It takes these for success, by method.
SUCCESS = {"GET": {200}, "POST": {200, 201, 202}, "PUT": {200, 201, 202}, "DELETE": {200, 202, 204}}


class Provider:
    """Sends what golangsdk sends, header for header, and keeps what it takes out of the answers."""

    def __init__(self, base: str, desk: TestDesk, key: Key) -> None:
        self.host = base.removeprefix("http://")
        self.connection = http.client.HTTPConnection(self.host, timeout=60)
        self.key = key
        self.known = {
            "domain_name": desk.made.domain_name, "region": desk.made.project_name, "user": USER,
            "password": PASSWORD, "workspace": desk.made.workspace_id or "", "project": desk.made.project_id,
        }  # fmt: skip

    def filled(self, value: Any) -> Any:
        if isinstance(value, str):
            return re.sub(r"<(\w+)>", lambda match: self.known[match[1]], value)
        return [self.filled(one) for one in value] if isinstance(value, list) else value

    def send(self, one: Exchange) -> tuple[http.client.HTTPResponse, Any]:
        method, _, path = self.filled(one.send).partition(" ")
        if not path.startswith("/"):
            path = f"/v1/{self.known['project']}/workspaces/{self.known['workspace']}/soc/{path}"
        body = f"{self.filled(one.body)}\n".encode() if one.body else b""
        headers = {"Accept": "application/json"}
        if body:
            headers["Content-Type"] = "application/json"
        extra = {name: self.filled(value) for name, value in one.headers.items()}
        headers |= {name: value for name, value in extra.items() if name != "X-Project-Id"}
        if one.credentials == TOKEN:
            headers["X-Auth-Token"] = self.known["token"]
        if one.credentials == SIGNED:
            headers = self.signed(method, path, headers, body)
        # Added after the signature.
        headers |= {name: value for name, value in extra.items() if name == "X-Project-Id"}
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {"User-Agent": AGENT, **headers, "Accept-Encoding": "gzip"}.items():
            self.connection.putheader(name, value)
        if body:
            self.connection.putheader("Content-Length", str(len(body)))
        self.connection.endheaders(body or None)
        answer = self.connection.getresponse()
        raw = answer.read()
        assert answer.headers["X-Request-Id"]
        assert not raw or answer.headers["Content-Type"] == "application/json"
        return answer, json.loads(raw) if raw else None

    def signed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        """As golangsdk signs: neither the host nor the project."""
        date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        signed = {**{name.lower(): value for name, value in headers.items()}, "user-agent": AGENT, "x-sdk-date": date}
        names = ";".join(sorted(signed))
        where, _, query = path.partition("?")
        canonical = "\n".join([
            method, quote(where, safe="/-_.~") + "/", "&".join(sorted(query.split("&"))) if query else "",
            *(f"{name}:{signed[name]}" for name in sorted(signed)), "", names, hashlib.sha256(body).hexdigest(),
        ])  # fmt: skip
        text = f"SDK-HMAC-SHA256\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        value = f"SDK-HMAC-SHA256 Access={self.key.access}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "Authorization": value, "X-Sdk-Date": date}

    def replay(self, one: Exchange) -> Any:
        """The parsed answer, after all that is expected of it was checked."""
        answer, parsed = self.send(one)
        place = f"{one.send}: {answer.status} {parsed}"
        assert answer.status == one.status, place
        assert (one.status in SUCCESS[one.send.partition(" ")[0]]) == (answer.status < 400), place
        for path, expected in one.reads.items():
            check(find(parsed, path), self.filled(expected), f"{path} of {place}")
        for name, source in one.keeps.items():
            header = answer.headers.get(source)
            value = find(parsed, source) if header is None else header
            assert isinstance(value, str), f"{source} of {place}"  # it asserts the type, and panics
            self.known[name] = value
        return parsed


def find(node: Any, path: str) -> Any:
    for step in path.split("."):
        if step == "#":
            node = len(node)
        elif step.isdigit():
            node = node[int(step)]
        elif step not in node:
            return ABSENT
        else:
            node = node[step]
    return node


def check(found: Any, expected: Any, place: str) -> None:
    if isinstance(expected, re.Pattern):
        assert isinstance(found, str), place
        assert expected.fullmatch(found), place
    elif isinstance(expected, type):
        assert type(found) is expected, place
    elif expected is ABSENT:
        assert found is ABSENT, place
    else:
        assert (type(found), found) == (type(expected), expected), place


@pytest.fixture
def provider(base: str, desk: TestDesk) -> Iterator[Provider]:
    one = Provider(base, desk, desk.add_user(USER, Role.ADMINISTRATOR))
    yield one
    one.connection.close()


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES.keys())
def test_terraform_finds_in_every_answer_what_it_reads(provider: Provider, story: list[Exchange]) -> None:
    for one in story:
        provider.replay(one)


def test_the_exchange_of_a_request_is_the_one_on_record(provider: Provider) -> None:
    """The table's bodies are what was recorded: keys in order, no blanks, a newline at the end."""
    for story in STORIES.values():
        for one in story:
            if one.body:
                compact = json.dumps(json.loads(one.body), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
                assert one.body == compact, one.send
    recorded = (
        '{"auth":{"identity":{"methods":["password"],"password":{"user":{"domain":{"name":"acme"},"name":"alice",'
        '"password":"right"}}},"scope":{"project":{"domain":{"name":"acme"},"name":"local-1"}}}}'
    )
    provider.known |= {"domain_name": "acme", "password": "right", "region": "local-1"}
    assert provider.filled(LOGIN.body) == recorded
    assert len(recorded) + 1 == 192  # the recorded Content-Length


# What it reads in pages.


@pytest.fixture
def page(provider: Provider) -> Callable[[str, int], dict[str, Any]]:
    provider.replay(LOGIN)

    def asked(path: str, offset: int) -> dict[str, Any]:
        body = f'{{"limit":1000,"offset":{offset}}}'
        return dict(provider.replay(Exchange(send=f"POST {path}", body=body)))

    return asked


def filled_with(provider: Provider, name: str, count: int) -> None:
    """A class with this many objects."""
    found = provider.replay(Exchange(send=f"GET dataclasses?name={name}", keeps={"class": "dataclass_details.0.id"}))
    assert found["total"] == 1
    while count:
        some = min(count, 1000)
        objects = [{"title": f"{count - number}"} for number in range(some)]
        body = json.dumps({"data_object_list": objects})
        made = provider.replay(Exchange(send="POST datapanel/<class>/data-objects/batch-create", body=body))
        assert len(made) == some
        count -= some


@pytest.mark.parametrize(("count", "pages"), [(0, [0]), (1, [1]), (1000, [1000]), (2345, [1000, 1000, 345])])
def test_alerts_are_read_until_their_number_equals_the_total(
    provider: Provider, page: Callable[[str, int], dict[str, Any]], count: int, pages: list[int]
) -> None:
    filled_with(provider, "Alert", count)
    rows: list[Any] = []
    read, total = [], None
    while len(rows) != total:  # nothing else ends its loop
        answer = page("alerts/search", len(rows))
        rows, total = rows + answer["data"], answer["total"]
        assert type(total) is int
        read.append(len(answer["data"]))
        assert len(read) <= len(pages)
    assert read == pages
    assert len({row["data_object"]["id"] for row in rows}) == count
    for row in rows:
        assert row["data_object"]["project_id"] == provider.known["project"]
        assert row["data_object"]["dataclass_id"] == provider.known["class"]


@pytest.mark.parametrize(("count", "pages"), [(0, [0]), (999, [999]), (1000, [1000, 0]), (2345, [1000, 1000, 345])])
def test_incidents_are_read_until_a_page_is_not_full(
    provider: Provider, page: Callable[[str, int], dict[str, Any]], count: int, pages: list[int]
) -> None:
    filled_with(provider, "Incident", count)
    ids: set[str] = set()
    read = [1000]
    while read[-1] == 1000:
        rows = page("incidents/search", sum(read[1:]))["data"]
        ids |= {row["data_object"]["id"] for row in rows}
        read.append(len(rows))
        assert len(read) <= len(pages) + 1
    assert read[1:] == pages
    assert len(ids) == count


def test_related_alerts_are_read_by_offset_until_none_is_left(
    provider: Provider, page: Callable[[str, int], dict[str, Any]]
) -> None:
    filled_with(provider, "Alert", 1050)
    ids = [row["id"] for offset in (0, 1000) for row in page("alerts/search", offset)["data"]]
    provider.replay(
        Exchange(
            send="POST alerts/batch-order",
            body=json.dumps({"ids": ids[:999]}),
            keeps={"incident": "data.results.0.incident_id"},
        )
    )
    provider.replay(
        Exchange(send="POST incidents/<incident>/alerts", body=json.dumps({"ids": ids[999:]}), reads={"success": True})
    )
    rows: list[str] = []
    while some := page("incidents/<incident>/alerts/search", len(rows))["data"]:
        rows += [row["data_object"]["id"] for row in some]
        assert len(some) in (1000, 50)
    assert sorted(rows) == sorted(ids)


def test_notes_are_read_a_hundred_at_a_time_until_a_page_is_empty(provider: Provider) -> None:
    provider.replay(LOGIN)
    alert = provider.replay(Exchange(send="POST alerts", body='{"data_object":{"title":"t"}}'))["data"]["id"]
    note = f'{{"content":"a note","note_type":"note","type":"textMessage","war_room_id":"{alert}"}}'
    for _ in range(103):
        provider.replay(Exchange(send="POST notes", body=note))
    pages, rows = [], 0
    while True:
        body = f'{{"limit":100,"offset":{rows},"war_room_id":"{alert}"}}'
        some = provider.replay(Exchange(send="POST notes/search", body=body))["data"]
        if not some:
            break
        pages.append(len(some))
        rows += len(some)
    assert pages == [100, 3]


DEADLINES = [
    "2026-03-04T08:15:00.123Z+0800", "2026-03-04T08:15:00Z+0800", "2026-03-04T08:15:00.000Z-0330",
    "2026-03-04T00:15:00.5Z", "2026-03-04T08:15:00.000+08:00", "2026-03-04T08:15:00",
]  # fmt: skip


@pytest.mark.parametrize("many", ["alerts", "incidents"])
def test_a_deadline_can_be_parsed_once_the_24th_character_is_dropped(provider: Provider, many: str) -> None:
    provider.replay(LOGIN)
    for sent in DEADLINES:
        body = json.dumps({"data_object": {"title": "t", "sla": sent}})
        provider.replay(Exchange(send=f"POST {many}", body=body, keeps={"made": "data.id"}))
        deadline = provider.replay(Exchange(send=f"GET {many}/<made>"))["data"]["data_object"]["sla"]
        assert deadline[23] == "Z"
        datetime.strptime(deadline[:23] + deadline[24:], "%Y-%m-%dT%H:%M:%S.%f%z")


@pytest.mark.parametrize("many", ["alerts", "incidents"])
def test_a_deadline_that_nobody_set_is_absent(provider: Provider, many: str) -> None:
    provider.replay(LOGIN)
    provider.replay(Exchange(send=f"POST {many}", body='{"data_object":{"title":"t"}}', keeps={"made": "data.id"}))
    provider.replay(Exchange(send=f"GET {many}/<made>", reads={"data.data_object.sla": ABSENT}))
