"""The rules of the wire that clients depend on and that are easy to get wrong, each as a test of its own.

Source: recordings of the four official clients. Requests are signed and sent here byte by byte, because the rules are
about bytes; the signer below is made from the description of the signature, not from the server's own code.
"""

import hashlib
import hmac
import json
import re
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import msgspec
import pytest

from support import PASSWORD, Client, Key, TestDesk, serving
from tocsin.api import errors
from tocsin.clock import now_ms
from tocsin.identity.records import Role
from tocsin.identity.signing import sdk_date

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
# What each client signs on a JSON POST; what else it sends goes unsigned.
SIGNED_BY = {
    "python": ["content-type", "host", "user-agent", "x-project-id", "x-sdk-date"],
    "java": ["host", "user-agent", "x-project-id", "x-sdk-date"],
    "go": ["user-agent", "x-project-id", "x-sdk-date"],
    "terraform": ["accept", "content-type", "user-agent", "x-sdk-date"],
    "go lookup": ["x-sdk-date"],
}


class Reply(msgspec.Struct, frozen=True):
    head: bytes
    body: bytes

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def lines(self) -> list[bytes]:
        return self.head.split(b"\r\n")[1:]

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case."""
        for line in self.lines:
            key, _, value = line.partition(b":")
            if key.decode().lower() == name.lower():
                return value.strip().decode()
        return None

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection, over which exactly the given bytes go."""

    def __init__(self, base: str) -> None:
        place = urlsplit(base)
        self.host = place.netloc
        self._socket = socket.create_connection((place.hostname or "", place.port or 80), timeout=120)
        self._file = self._socket.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def send(self, method: str, target: str, headers: Sequence[tuple[str, str]] = (), body: bytes = b"") -> Reply:
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        self._socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return self.read(method)

    def read(self, method: str) -> Reply:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = self._file.readline()
            assert line, "the server closed the connection without an answer"
            head += line
        reply = Reply(head.removesuffix(b"\r\n\r\n"), b"")
        length = 0 if method == "HEAD" else int(reply.header("content-length") or 0)
        return Reply(reply.head, self._file.read(length))


def canonical(
    method: str, target: str, headers: dict[str, str], names: list[str], body: bytes, *, slash: str = "/"
) -> str:
    path, _, query = target.partition("?")
    pieces = [quote(piece, safe="-_.~") for piece in unquote(path).split("/")]
    pairs = sorted(tuple(unquote(part) for part in pair.partition("=")[::2]) for pair in query.split("&") if pair)
    values = {name.lower(): value.strip() for name, value in headers.items()}
    return "\n".join(
        [
            method,
            "/".join(pieces) + slash,
            "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs),
            *(f"{name}:{values[name]}" for name in names),
            "",
            ";".join(names),
            hashlib.sha256(body).hexdigest(),
        ]
    )


class Signer:
    """Sends signed requests of the administrator, or of another key, over one connection."""

    def __init__(self, wire: Wire, desk: TestDesk, key: Key | None = None) -> None:
        self.wire = wire
        self.desk = desk
        self.key = key or Key(access=desk.made.access_key or "", secret=desk.made.secret_key or "")

    def soc(self, path: str) -> str:
        return f"/v1/{self.desk.made.project_id}/workspaces/{self.desk.made.workspace_id}/soc/{path}"

    def send(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        client: str = "python",
        content_types: Sequence[str] = ("application/json",),
        slash: str = "/",
        sent_body: bytes | None = None,
        date_ms: int | None = None,
        project_id: str | None = None,
        chunked: bool = False,
    ) -> Reply:  # fmt: skip
        """`sent_body` goes over the wire where `body` was signed; `slash` ends the canonical path."""
        headers = {
            "Host": self.wire.host,
            "User-Agent": "a-client/1.0",
            "Accept": "application/json",
            "X-Project-Id": project_id or self.desk.made.project_id,
            "X-Sdk-Date": sdk_date(now_ms() if date_ms is None else date_ms),
        }
        signed = {**headers, "Content-Type": "".join(content_types)}
        names = [name for name in SIGNED_BY[client] if name != "content-type" or len(content_types) == 1]
        hashed = hashlib.sha256(canonical(method, target, signed, names, body, slash=slash).encode()).hexdigest()
        text = f"SDK-HMAC-SHA256\n{headers['X-Sdk-Date']}\n{hashed}"
        signature = hmac.new(self.key.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        authorization = (
            f"SDK-HMAC-SHA256 Access={self.key.access}, SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        content = body if sent_body is None else sent_body
        lines = [*headers.items(), *(("Content-Type", one) for one in content_types), ("Authorization", authorization)]
        if chunked:
            half = len(content) // 2
            parts = [part for part in (content[:half], content[half:]) if part]
            content = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            lines.append(("Transfer-Encoding", "chunked"))
        else:
            lines.append(("Content-Length", str(len(content))))
        return self.wire.send(method, target, lines, content)

    def create(self, title: str = "An alert", **kwargs: Any) -> Reply:
        return self.send("POST", self.soc("alerts"), alert(title), **kwargs)


def alert(title: str = "An alert") -> bytes:
    return json.dumps({"data_object": {"title": title}}).encode()


@pytest.fixture
def wire(base: str) -> Iterator[Wire]:
    with closing(Wire(base)) as one:
        yield one


@pytest.fixture
def signer(wire: Wire, desk: TestDesk) -> Signer:
    return Signer(wire, desk)


def test_01_a_signature_is_checked_against_the_bytes_that_were_sent(signer: Signer) -> None:
    odd = b' {"data_object" :\t{"title": "caf\\u00e9",  "count" :2}}\n'
    assert signer.send("POST", signer.soc("alerts"), odd).status == 200
    assert signer.send("POST", signer.soc("alerts"), alert() + b"\n", client="terraform").status == 200
    written_again = json.dumps(json.loads(odd)).encode()
    assert signer.send("POST", signer.soc("alerts"), odd, sent_body=written_again).status == 401
    assert signer.send("POST", signer.soc("alerts"), alert() + b"\n", sent_body=alert()).status == 401


@pytest.mark.parametrize(
    "path",
    [
        "alerts/plain",
        "alerts/w%20%281%29%7E",
        "alerts/w%20(1)~",
        "alerts/a:@&=+$,;b",
        "alerts/caf%c3%a9",
        "alerts/a%2Fb",
    ],
)
def test_02_the_signed_path_is_decoded_encoded_again_and_ends_in_a_slash(signer: Signer, path: str) -> None:
    assert signer.send("GET", signer.soc(path)).status in (400, 404)  # taken as signed; only not found
    if "%2F" not in path:  # a path that is not served is refused before anybody asks for a signature
        assert signer.send("GET", signer.soc(path), slash="").status == 401


@pytest.mark.parametrize("client", SIGNED_BY)
def test_03_exactly_the_headers_named_as_signed_are_checked(signer: Signer, client: str) -> None:
    assert signer.create(client=client).status == 200
    changed = signer.send("POST", signer.soc("alerts"), alert(), client=client, sent_body=alert("Another"))
    assert changed.status == 401


def test_03_a_project_named_in_an_unsigned_header_must_be_the_one_of_the_path(signer: Signer) -> None:
    reply = signer.create(client="terraform", project_id="0123456789abcdef0123456789abcdef")
    assert (reply.status, reply.json()["code"]) == (403, "SecMaster.20010001")


@pytest.mark.parametrize(
    "content_types",
    [
        ("", "application/json"),
        ("",),
        (),
        ("text/plain",),
        ("application/octet-stream",),
        ("application/json; charset=utf-8",),
    ],
)
def test_04_a_json_body_is_read_whatever_its_content_type_says(signer: Signer, content_types: Sequence[str]) -> None:
    reply = signer.create(client="go", content_types=content_types)
    assert reply.status == 200, reply.body


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_05_nothing_redirects(signer: Signer, method: str) -> None:
    paths = [
        signer.soc("alerts/"),
        signer.soc("alerts/search/"),
        signer.soc("alerts/batch-order/"),
        signer.soc("").rstrip("/"),
        f"/v1/{signer.desk.made.project_id}/workspaces/",
        f"/{signer.soc('alerts')}",
        "/v3/projects/",
        "/v3/auth/tokens/",
        "/v3",
        "/v3/",
    ]
    for path in paths:
        reply = signer.send(method, path, alert())
        assert reply.status >= 400, path
        assert reply.header("location") is None


def each_kind_of_error(signer: Signer, *, body_limit: int) -> dict[str, Reply]:
    """One answer of each kind of refusal that the server can be brought to give."""
    rita = Signer(signer.wire, signer.desk, signer.desk.add_user("rita", Role.READER))
    wrong = Signer(signer.wire, signer.desk, Key(access=signer.key.access, secret="wrong"))
    host = [("Host", signer.wire.host), ("Content-Length", "0")]
    login = json.dumps({"auth": {"identity": {"methods": ["token"], "token": {"id": "unknown"}}}}).encode()
    login_headers = [("Host", signer.wire.host), ("Content-Length", str(len(login)))]
    project = f"/v1/{signer.desk.made.project_id}/workspaces"
    replies = {
        "400 no JSON": signer.send("POST", signer.soc("alerts"), b"{"),
        "400 no body": signer.send("POST", signer.soc("alerts")),
        "400 unknown alert": signer.send("GET", signer.soc(f"alerts/{UNKNOWN_ID}")),
        "400 conversion": signer.send("POST", signer.soc("alerts/batch-order"), b'{"ids": []}'),
        "400 no project": signer.send(
            "GET", signer.soc("alerts/x").replace(signer.desk.made.project_id, "%7Bproject_id%7D")
        ),
        "400 workspace itself": signer.send("GET", f"{project}/{UNKNOWN_ID}"),
        "400 identity": signer.wire.send("POST", "/v3/auth/tokens", host),
        "401 nobody": signer.wire.send("GET", signer.soc("alerts/x"), host),
        "401 wrong key": wrong.send("GET", signer.soc("alerts/x")),
        "401 token": signer.wire.send("GET", signer.soc("alerts/x"), [*host, ("X-Auth-Token", "unknown")]),
        "401 identity": signer.wire.send("POST", "/v3/auth/tokens", login_headers, login),
        "403 workspace": signer.send("GET", f"{project}/{UNKNOWN_ID}/soc/alerts/x"),
        "403 reader": rita.create(),
        "404 path": signer.wire.send("GET", "/nothing/here", host),
        "404 method": signer.wire.send("PATCH", signer.soc("alerts"), host),
        "404 identity": signer.send("GET", f"/v3/projects/{UNKNOWN_ID}"),
    }
    with closing(Wire(f"http://{signer.wire.host}")) as last:  # the server hangs up on a body it will not read
        replies["413"] = Signer(last, signer.desk).send("POST", signer.soc("alerts"), b" " * (body_limit + 1))
    return replies


@pytest.fixture
def refusals(desk: TestDesk) -> Iterator[dict[str, Reply]]:
    with serving(desk, body_limit_bytes=2048) as base, closing(Wire(base)) as wire:
        replies = each_kind_of_error(Signer(wire, desk), body_limit=2048)
        assert {name: reply.status for name, reply in replies.items()} == {name: int(name[:3]) for name in replies}
        yield replies


def answers(signer: Signer, client: Client) -> dict[str, Reply]:
    """A successful answer of each operation that reads, and of the ones that write."""
    desk = signer.desk
    alert_id = client.create_alert(title="First", severity="High")
    other_id = client.create_alert(title="Second")
    incident_id = json.loads(
        signer.send(
            "POST", signer.soc("alerts/batch-order"), json.dumps({"ids": [alert_id]}).encode()
        ).body
    )["data"]["results"][0]["incident_id"]  # fmt: skip
    data_class = json.loads(signer.send("GET", signer.soc("dataclasses")).body)["dataclass_details"][0]["id"]
    workspaces = f"/v1/{desk.made.project_id}/workspaces"
    login = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "name": desk.made.user_name, "password": desk.made.password, "domain": {"name": desk.made.domain_name}}}}}}  # fmt: skip
    workspace = {"region_id": "r", "name": "second", "project_name": "p"}
    wanted: dict[str, tuple[str, str, Any]] = {
        "create_alert": ("POST", signer.soc("alerts"), {"data_object": {"title": "Third"}}),
        "list_alerts": ("POST", signer.soc("alerts/search"), {}),
        "show_alert": ("GET", signer.soc(f"alerts/{alert_id}"), None),
        "change_alert": ("PUT", signer.soc(f"alerts/{alert_id}"), {"data_object": {"severity": "Low"}}),
        "convert": ("POST", signer.soc("alerts/batch-order"), {"ids": [other_id, UNKNOWN_ID]}),
        "list_incidents": ("POST", signer.soc("incidents/search"), {}),
        "show_incident": ("GET", signer.soc(f"incidents/{incident_id}"), None),
        "relations": ("POST", signer.soc(f"incidents/{incident_id}/alerts/search"), {}),
        "delete_alert": ("DELETE", signer.soc("alerts"), {"batch_ids": [other_id, UNKNOWN_ID]}),
        "list_dataclass": ("GET", signer.soc("dataclasses"), None),
        "list_dataclass_types": ("GET", signer.soc(f"dataclasses/{data_class}/types?limit=1000"), None),
        "list_workspaces": ("GET", workspaces, None),
        "show_workspace": ("GET", f"{workspaces}/{desk.made.workspace_id}", None),
        "create_workspace": ("POST", workspaces, workspace),
        "create_token": ("POST", "/v3/auth/tokens", login),
        "list_projects": ("GET", "/v3/projects?name=cn-north-4", None),
        "show_project": ("GET", f"/v3/projects/{desk.made.project_id}", None),
        "list_auth_projects": ("GET", "/v3/auth/projects", None),
        "list_auth_domains": ("GET", "/v3/auth/domains", None),
        "list_users": ("GET", "/v3/users", None),
        "list_versions": ("GET", "/", None),
    }
    replies = {
        name: signer.send(method, target, b"" if body is None else json.dumps(body).encode())
        for name, (method, target, body) in wanted.items()
    }
    for name, reply in replies.items():
        assert reply.status == (201 if name == "create_token" else 200), (name, reply.body)
    return replies


def test_06_each_answer_spells_the_header_of_the_request_id_as_java_looks_it_up(
    signer: Signer, client: Client, refusals: dict[str, Reply]
) -> None:
    for name, reply in {**answers(signer, client), **refusals}.items():
        found = [line for line in reply.lines if line.lower().startswith(b"x-request-id")]
        assert len(found) == 1, name
        assert re.fullmatch(rb"X-request-id: \S{36,}", found[0]), name


def test_07_each_body_says_that_it_is_json(signer: Signer, client: Client, refusals: dict[str, Reply]) -> None:
    for name, reply in {**answers(signer, client), **refusals}.items():
        assert (reply.header("content-type") or "").startswith("application/json"), name
        assert reply.header("content-length") == str(len(reply.body)), name
        assert isinstance(reply.json(), dict), name


def test_07_an_answer_to_head_has_a_length_and_no_body(signer: Signer, desk: TestDesk, client: Client) -> None:
    token = answers(signer, client)["create_token"].header("x-subject-token") or ""
    asked = [("Host", signer.wire.host), ("X-Auth-Token", token), ("X-Subject-Token", token)]
    head = signer.wire.send("HEAD", "/v3/auth/tokens", asked)
    assert (head.status, head.body) == (200, b"")
    assert head.header("content-length") is not None
    # A body that follows in spite of HEAD would be taken for the next answer.
    assert signer.wire.send("GET", "/v3/auth/tokens", asked).json()["token"]


# The declared type of each member that the server makes, as the SDKs' models have it; a list holds its elements' type.
PARTS: dict[str, Any] = {
    "dataclass_ref": {"id": str, "name": str},
    "alert_type": {"category": str, "alert_type": str},
    "incident_type": {"category": str, "incident_type": str},
}
OBJECT: dict[str, Any] = {
    "id": str, "title": str, "severity": str, "handle_status": str, "verification_state": str, "create_time": str,
    "update_time": str, "arrive_time": str, "close_time": str, "close_reason": str, "close_comment": str, "owner": str,
    "creator": str, "count": int, "workspace_id": str, "project_id": str, "dataclass_id": str, "ipdrr_phase": str,
    "is_auto_closed": str, "alert_list": [str], "incident_list": [str], "indicator_list": [str], "description": str,
    "alert_type": PARTS["alert_type"], "incident_type": PARTS["incident_type"], "first_observed_time": str,
    "last_observed_time": str, "confidence": int, "criticality": int, "labels": str, "sla": str, "version": str,
}  # fmt: skip
DETAIL: dict[str, Any] = {
    "id": str, "type": str, "format_version": int, "version": int, "project_id": str, "workspace_id": str,
    "create_time": str, "update_time": str, "dataclass_ref": PARTS["dataclass_ref"], "data_object": OBJECT,
}  # fmt: skip
ENVELOPE: dict[str, Any] = {"code": str, "message": str}
SHOWN = {**ENVELOPE, "data": DETAIL}
FOUND = {
    **ENVELOPE, "total": int, "size": int, "page": int, "limit": int, "offset": int, "success": bool, "data": [DETAIL],
}  # fmt: skip
BATCH = {**ENVELOPE, "data": {"success_ids": [str], "error_ids": [str]}}
WORKSPACE: dict[str, Any] = {
    **dict.fromkeys(
        [
            "id", "create_time", "update_time", "name", "description", "creator_id", "creator_name", "modifier_id",
            "modifier_name", "project_id", "project_name", "domain_id", "domain_name", "enterprise_project_id",
            "enterprise_project_name", "region_id", "view_bind_id", "view_bind_name",
        ],
        str,
    ),
    "is_view": bool,
    "workspace_agency_list": [dict],
}  # fmt: skip
DATA_CLASS: dict[str, Any] = {
    **dict.fromkeys(
        [
            "id", "create_time", "update_time", "region_id", "project_id", "workspace_id", "domain_id", "name",
            "business_code", "description",
        ],
        str,
    ),
    "is_built_in": bool,
    "type_num": int,
}  # fmt: skip
PROJECT: dict[str, Any] = {
    **dict.fromkeys(["id", "name", "domain_id", "parent_id", "description"], str),
    "enabled": bool,
    "is_domain": bool,
    "links": {"self": str},
}
NAMED = {"id": str, "name": str}
USER: dict[str, Any] = {**NAMED, "domain": NAMED, "password_expires_at": str}
TOKEN = {
    "token": {"expires_at": str, "issued_at": str, "methods": [str], "user": USER, "roles": [NAMED], "catalog": [dict]}
}
DECLARED: dict[str, Any] = {
    "create_alert": SHOWN, "show_alert": SHOWN, "change_alert": SHOWN, "show_incident": SHOWN,
    "list_alerts": FOUND, "list_incidents": FOUND, "relations": FOUND,
    "convert": BATCH, "delete_alert": BATCH,
    "list_dataclass": {"dataclass_details": [DATA_CLASS], "total": int},
    "list_workspaces": {"workspaces": [WORKSPACE], "count": int},
    "show_workspace": {"workspace": WORKSPACE}, "create_workspace": WORKSPACE,
    "list_projects": {"projects": [PROJECT]}, "list_auth_projects": {"projects": [PROJECT]},
    "show_project": {"project": PROJECT},
    "list_auth_domains": {"domains": [{**NAMED, "enabled": bool, "description": str, "links": {"self": str}}]},
    "create_token": TOKEN,
}  # fmt: skip


def wrong_types(declared: Any, value: Any, path: str) -> list[str]:
    """Where `value` is not of the declared type; null and absent pass everywhere, as they do in the SDKs."""
    if value is None:
        return []
    if isinstance(declared, dict):
        if not isinstance(value, dict):
            return [path]
        return [
            wrong for name, kind in declared.items() for wrong in wrong_types(kind, value.get(name), f"{path}.{name}")
        ]
    if isinstance(declared, list):
        if not isinstance(value, list):
            return [path]
        return [wrong for n, one in enumerate(value) for wrong in wrong_types(declared[0], one, f"{path}[{n}]")]
    is_right = isinstance(value, declared) and (declared is bool or not isinstance(value, bool))
    return [] if is_right else [f"{path}: {value!r}"]


def test_08_no_member_has_another_type_than_the_models_declare(signer: Signer, client: Client) -> None:
    replies = answers(signer, client)
    for name, declared in DECLARED.items():
        content = replies[name].json()
        assert set(declared) <= set(content), name
        assert wrong_types(declared, content, name) == []


def test_08_a_value_of_the_wrong_type_is_refused_rather_than_answered_later(signer: Signer) -> None:
    for member in (
        {"title": 5},
        {"title": "x", "owner": True},
        {"title": "x", "labels": ["a"]},
        {"title": "x", "count": "4x"},
    ):
        reply = signer.send("POST", signer.soc("alerts"), json.dumps({"data_object": member}).encode())
        assert (reply.status, reply.json()["code"]) == (400, "SecMaster.20041805"), member


def test_09_an_error_is_a_complete_pair_of_strings(refusals: dict[str, Reply]) -> None:
    for name, reply in refusals.items():
        body = reply.json()
        if "identity" in name:
            assert set(body["error"]) == {"code", "message", "title"}, name
            assert body["error"]["code"] == reply.status, name
            continue
        pairs = [pair for pair in (("code", "message"), ("error_code", "error_msg")) if set(pair) & set(body)]
        assert pairs, name
        for key, text in pairs:
            assert isinstance(body[key], str), name
            assert isinstance(body[text], str), name
            assert body[key], name
            assert body[text], name
        if "request_id" in body:
            assert body["request_id"] == reply.header("x-request-id"), name


@pytest.mark.parametrize("region", ["cn-north-4", "ap-southeast-3", "local-1", "no%20region%20at%20all"])
def test_10_a_region_name_finds_exactly_one_project(signer: Signer, region: str) -> None:
    found = signer.send("GET", f"/v3/projects?name={region}").json()["projects"]
    assert [one["id"] for one in found] == [signer.desk.made.project_id]
    assert found[0]["name"] == unquote(region)


def test_11_no_client_is_told_to_slow_down(base: str, desk: TestDesk) -> None:
    def burst(_: int) -> set[int]:
        with closing(Wire(base)) as wire:
            signer = Signer(wire, desk)
            wrong = Signer(wire, desk, Key(access=signer.key.access, secret="wrong"))
            search = [signer.send("POST", signer.soc("alerts/search"), b"{}").status for _ in range(20)]
            return {*search, *(wrong.send("GET", signer.soc("alerts/x")).status for _ in range(20))}

    with ThreadPoolExecutor(8) as threads:
        assert set().union(*threads.map(burst, range(8))) == {200, 401}
    assert 429 not in {spelling.status for spelling in errors.SPELLINGS.values()}


def ids_in(value: Any, path: str = "$") -> Iterator[tuple[str, Any]]:
    """Each value under a key that means an id, and each element of a list of ids."""
    if isinstance(value, list):
        for n, one in enumerate(value):
            yield from ids_in(one, f"{path}[{n}]")
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "id" or key.endswith(("_id", "_ids")):
                yield from ((f"{path}.{key}", each) for each in (one if isinstance(one, list) else [one]))
            else:
                yield from ids_in(one, f"{path}.{key}")


def test_12_each_id_is_a_string(signer: Signer, client: Client) -> None:
    for name, reply in answers(signer, client).items():
        for path, value in ids_in(reply.json()):
            assert isinstance(value, str), (name, path)


def test_13_paths_begin_at_the_root(signer: Signer) -> None:
    search = signer.soc("alerts/search")
    assert signer.send("POST", search, b"{}").status == 200
    reply = signer.send("POST", f"/base{search}", b"{}")
    assert (reply.status, reply.json()["error_code"]) == (404, "APIGW.0101")


def test_14_one_address_serves_identity_and_objects(wire: Wire, desk: TestDesk, signer: Signer) -> None:
    desk.add_user("olga", Role.OPERATOR)
    user = {"name": "olga", "password": PASSWORD, "domain": {"name": desk.made.domain_name}}
    scope = {"project": {"name": "cn-north-4"}}
    login = json.dumps(
        {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    ).encode()
    token = wire.send("POST", "/v3/auth/tokens", [("Host", wire.host), ("Content-Length", str(len(login)))], login)
    assert token.status == 201
    headers = [("Host", wire.host), ("X-Auth-Token", token.header("x-subject-token") or ""), ("Content-Length", "2")]
    assert wire.send("POST", signer.soc("alerts/search"), headers, b"{}").status == 200
    workspaces = f"/v1/{desk.made.project_id}/workspaces"
    assert wire.send("GET", workspaces, headers, b"{}").status == 200


@pytest.mark.parametrize(
    ("off_s", "status"), [(0, 200), (840, 200), (-840, 200), (900, 200), (-900, 200), (960, 401), (-960, 401)]
)
def test_15_a_date_may_be_fifteen_minutes_off_either_way(desk: TestDesk, off_s: int, status: int) -> None:
    server_ms = 1_800_000_000_000
    with serving(desk, clock=lambda: server_ms) as base, closing(Wire(base)) as wire:
        reply = Signer(wire, desk).send("GET", "/v3/auth/projects", date_ms=server_ms + off_s * 1000)
    assert reply.status == status
    if status == 401:
        body = reply.json()
        assert body["error_code"] == "APIGW.0301"
        assert f"the server's clock says {sdk_date(server_ms)}" in body["error_msg"]


def test_a_chunked_body_is_read_like_any_other(signer: Signer) -> None:
    assert signer.create("In pieces", chunked=True).json()["data"]["data_object"]["title"] == "In pieces"


def test_a_chunked_body_over_the_limit_is_refused(desk: TestDesk) -> None:
    with serving(desk, body_limit_bytes=2048) as base, closing(Wire(base)) as wire:
        reply = Signer(wire, desk).create("x" * 3000, chunked=True)
    assert (reply.status, reply.json()["error_code"]) == (413, "APIGW.0201")


@pytest.mark.parametrize("send_wrong", [False, True])
def test_a_connection_serves_one_request_after_the_other(signer: Signer, send_wrong: bool) -> None:
    for n in range(3):
        if send_wrong:
            assert signer.send("POST", signer.soc("alerts"), b"{").status == 400
            assert signer.send("POST", "/nothing/here", alert()).status == 404
        assert signer.create(f"Alert {n}").status == 200


def test_requests_sent_at_once_are_answered_in_their_order(wire: Wire) -> None:
    one = f"GET /healthz HTTP/1.1\r\nHost: {wire.host}\r\n\r\nGET /nothing HTTP/1.1\r\nHost: {wire.host}\r\n\r\n"
    wire._socket.sendall(one.encode())
    assert [wire.read("GET").status, wire.read("GET").status] == [200, 404]


def test_a_delete_has_a_signed_body(signer: Signer, client: Client) -> None:
    alert_id = client.create_alert()
    body = json.dumps({"batch_ids": [alert_id]}).encode()
    assert signer.send("DELETE", signer.soc("alerts"), body, sent_body=body.replace(b"-", b"_")).status == 401
    assert signer.send("DELETE", signer.soc("alerts"), body).json()["data"]["success_ids"] == [alert_id]
