"""Every refusal has the status, the code and the keys of its family, whatever was sent, and tells nothing about the
inside.

Source: API reference notes, "Errors".
"""

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

import tocsin.app  # noqa: F401  # so that every module that defines an error is there
from refusals import BOTH, OWN_CODES, checked, gateway, named, operation_named, refused, url_of
from samples import FORM_TYPE, SAMPLES, filled, form
from support import Client, Key, TestDesk, copy_desk, serving
from tocsin import errors
from tocsin.api.errors import SPELLINGS, error_body, spelling_of
from tocsin.api.operations import ErrorStyle, Operation
from tocsin.api.table import OPERATIONS
from tocsin.identity import service as identity

NOBODY = Key(access="", secret="")
BOUNDED_S = 3.0

# An object that is not there, a relation to nothing.
NAMES_NOTHING = ("SecMaster.20030005", "SecMaster.20041033")
WITH_BODY = [one for one in OPERATIONS if one.body is not None]
WRONG_BODIES = [
    b"{",
    b"[]",
    b'"x"',
    b"1",
    b"null",
    b"\xff\xfe\x00",
    b"{}x",
    b"<xml/>",
    b"a=b&c=d",
    b'{"a":1,}',
    b"{'a':1}",
    b"NaN",
]


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("errors"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


@pytest.fixture(scope="module")
def token(own_desk: TestDesk) -> str:
    """A token of the administrator's; headers that carry it need no signature."""

    def issue(tx: Any) -> str:
        user = identity.find_user(tx, name=own_desk.made.user_name)
        assert user is not None
        now = time.time_ns() // 1_000_000
        return identity.issue_token(
            tx, user.id, project_id=own_desk.made.project_id, domain_id=None, methods=["password"], now_ms=now,
            expire_ms=now + 3_600_000,
        )  # fmt: skip

    with own_desk.database() as database:
        return database.write(issue).result()


# The table of spellings.


def subclasses(of: type) -> list[type]:
    return [one for child in of.__subclasses__() for one in (child, *subclasses(child))]


@pytest.mark.parametrize("error", subclasses(errors.ServiceError), ids=lambda one: one.__name__)
def test_every_error_that_a_caller_may_see_has_a_row(error: type) -> None:
    if error.__module__.startswith("tocsin"):
        assert error in SPELLINGS


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_every_error_of_every_operation_can_be_written(operation: Operation) -> None:
    for error in (*SPELLINGS, ValueError, KeyError):
        spelling = spelling_of(error("words" * 1000), operation)
        body = json.loads(error_body(spelling, "words" * 1000, operation, "r"))
        assert 400 <= spelling.status <= 599
        text = body["error"]["message"] if "error" in body else body.get("message") or body["error_msg"]
        assert 0 < len(text) <= 1024


def test_every_vendor_operation_has_a_code_in_the_table_of_this_file() -> None:
    assert {one.name for one in OPERATIONS if one.vendor} == set(OWN_CODES)
    for operation in OPERATIONS:
        if operation.vendor:
            assert operation.error_code == OWN_CODES[operation.name], operation.name


def test_an_unexpected_error_says_nothing() -> None:
    spelling = spelling_of(RuntimeError("secret"), OPERATIONS[0])
    body = json.loads(error_body(spelling, "", OPERATIONS[0], "r"))
    assert (spelling.status, body) == (500, {"code": "SecMaster.20040000", "message": "Unknown Error."})


def test_a_database_that_is_gone_is_answered_503_with_a_time_to_retry(desk: TestDesk) -> None:
    ids = dict.fromkeys(["project", "workspace", "alert", "related_alert", "incident", "indicator", "note", "type",
                         "attachment", "dataclass", "token", "new", "link"], "x")  # fmt: skip
    needing = [one for one in OPERATIONS if one.permission is not None] + [operation_named("create_token")]
    with desk.database() as database, serving(desk, database=database) as url, Client(url, desk) as one:
        database.close()
        for operation in needing:
            sample = SAMPLES[operation.name]
            answer = one.send(
                operation.method,
                filled(sample.path, ids),
                filled(sample.body, ids),
                raw=form(sample.form) if sample.form else None,
                headers={**filled(sample.headers, ids), **({"Content-Type": FORM_TYPE} if sample.form else {})},
            )
            refused(answer, operation, "SecMaster.20040000", 503)
            assert answer.headers["retry-after"]
        ready = checked(one.get("/readyz"))
        assert (ready.status_code, ready.json()["code"]) == (503, "SecMaster.20040000")


# Paths and methods.


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/v1", "/v1/", "/v2/{project}/workspaces", "/v1/{project}/workspaces/", "//", "/v1//workspaces",
     "/v1/{project}/workspaces/{workspace}/soc", "/v1/{project}/workspaces/{workspace}/soc/alerts/",
     "/v1/{project}/workspaces/{workspace}/soc/alerts/a/b/c/d/e", "/healthz/", "/%2e%2e/etc/passwd", "/v3/nothing",
     "/v1/{project}/workspaces/{workspace}/soc/alerts/a%2Fb%2Fc%2Fd", "/V1/{project}/workspaces", "/" + "x" * 5000, "/%00", "/%ff"],
)  # fmt: skip
def test_an_unknown_path_is_answered_like_the_gateway_does(client: Client, path: str) -> None:
    path = path.format(project=client.project_id, workspace=client.workspace_id)
    for method in ("GET", "POST", "DELETE"):
        gateway(client.http.request(method, client.base + path), 404, "APIGW.0101")


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_a_wrong_method_is_answered_like_an_unknown_path(client: Client, operation: Operation) -> None:
    path = url_of(operation, client)
    taken = {one.method for one in OPERATIONS if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", one.path), path)}
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} - taken:
        gateway(client.http.request(method, client.base + path), 404, "APIGW.0101")


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if one.permission is not None], ids=named)
def test_without_credentials_nothing_is_read(client: Client, operation: Operation) -> None:
    for headers in ({}, {"X-Auth-Token": "nonsense"}, {"Authorization": "Basic eDp5"},
                    {"Authorization": "SDK-HMAC-SHA256 nonsense"}):  # fmt: skip
        answer = client.http.request(
            operation.method, client.base + url_of(operation, client), content=b"{", headers=headers
        )
        gateway(answer, 401, "APIGW.0301")


# Bodies.


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
@pytest.mark.parametrize("raw", WRONG_BODIES)
def test_a_wrong_body_has_the_operations_own_code(client: Client, operation: Operation, raw: bytes) -> None:
    refused(client.send(operation.method, url_of(operation, client), raw=raw), operation)


@pytest.mark.parametrize("operation", [one for one in WITH_BODY if one.body_required], ids=named)
def test_an_absent_body_that_is_needed_has_the_operations_own_code(client: Client, operation: Operation) -> None:
    for raw in (b"", b"  ", b"{}"):
        refused(client.send(operation.method, url_of(operation, client), raw=raw), operation)


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
def test_every_member_of_a_wrong_type_is_refused(client: Client, operation: Operation) -> None:
    for field in msgspec.structs.fields(operation.body):
        for value in (12.5, [[1]], {"x": [None]}):
            raw = json.dumps({field.encode_name: value}).encode()
            answer = checked(client.send(operation.method, url_of(operation, client), raw=raw))
            if answer.status_code != 200:
                assert answer.status_code == 400, answer.text
                if operation.error_style is not ErrorStyle.IAM and answer.json()["code"] not in NAMES_NOTHING:
                    assert answer.json()["code"] == OWN_CODES[operation.name], (field.name, value)


WITH_QUERY = [one for one in OPERATIONS if one.query is not None and one.permission is not None]
# In these any text is right.
FREE_QUERIES = (["name"], ["version"])


@pytest.mark.parametrize("operation", WITH_QUERY, ids=named)
def test_a_wrong_query_has_the_operations_own_code(client: Client, operation: Operation) -> None:
    path = url_of(operation, client)
    names = [field.encode_name for field in msgspec.structs.fields(operation.query)]
    tried = 0
    for name in names:
        refused(client.send(operation.method, f"{path}?{name}=%00"), operation)
        for value in ("nonsense", "-1", "1.5", "9" * 400):
            answer = checked(client.send(operation.method, f"{path}?{name}={value}"))
            if answer.status_code != 200:
                refused(answer, operation)
                tried += 1
    assert tried or names in FREE_QUERIES
    for query in ("%FF=%FE&&=&x", "&".join(f"x{n}=1" for n in range(3000))):
        assert checked(client.send(operation.method, f"{url_of(operation, client)}?{query}")).status_code == 200


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml", "", "nonsense"]
)
def test_another_media_type_does_not_change_what_a_wrong_body_is(
    client: Client, token: str, operation: Operation, kind: str
) -> None:
    for raw in (b"a=b", b"--x\r\n\r\n{}\r\n--x--", b"<a/>"):
        headers = {"X-Auth-Token": token, "Content-Type": kind}
        url = client.base + url_of(operation, client)
        refused(client.http.request(operation.method, url, content=raw, headers=headers), operation)


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json;charset=UTF-8", "application/json;charset=utf-8", "Application/JSON"]
)
def test_every_media_type_that_clients_send_is_taken(client: Client, token: str, kind: str) -> None:
    headers = {"X-Auth-Token": token, "Content-Type": kind}
    answer = client.http.post(client.base + client.url("alerts/search"), content=b"{}", headers=headers)
    assert answer.status_code == 200
    assert client.http.get(client.base + client.url("dataclasses"), headers=headers).status_code == 200
    del headers["Content-Type"]
    assert client.http.get(client.base + client.url("dataclasses"), headers=headers).status_code == 200


# Sizes.


@pytest.fixture(scope="module")
def small(own_desk: TestDesk) -> Iterator[Client]:
    """A client of a server that takes bodies of 4096 bytes."""
    with serving(own_desk, body_limit_bytes=4096) as url, Client(url, own_desk) as one:
        yield one


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
def test_a_body_over_the_limit_is_refused(small: Client, operation: Operation) -> None:
    path = url_of(operation, small)
    gateway(small.send(operation.method, path, raw=b" " * 4097), 413, "APIGW.0201")
    refused(small.send(operation.method, path, raw=b"[" + b" " * 4094 + b"]"), operation)


def test_a_body_in_chunks_is_refused_as_soon_as_it_is_over_the_limit(small: Client) -> None:
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1024
            yield b" " * 1024

    gateway(small.http.post(small.base + small.url("alerts/search"), content=chunks()), 413, "APIGW.0201")
    assert sent > 4096


def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(small: Client) -> None:
    host, _, port = small.base.removeprefix("http://").partition(":")
    started = time.process_time()  # of this process, the server too: a busy machine must not matter
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        head = f"POST {small.url('alerts/search')} HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"APIGW.0201" in answer
    assert time.process_time() - started < BOUNDED_S


def test_a_body_on_an_operation_that_reads_none_is_bounded_too(small: Client) -> None:
    gateway(small.send("GET", "dataclasses", raw=b" " * 5000), 413, "APIGW.0201")
    assert small.send("GET", "dataclasses", raw=b"nonsense").status_code == 200


NESTED = 1_000_000
ABSURD = {
    "brackets": b"[" * NESTED,
    "braces": b'{"a":' * (NESTED // 5),
    "closed brackets": b'{"a":' + b"[" * 500 + b"]" * 500 + b"}",
    "deep under a known member": b'{"data_object":{"title":"x","y":' + b"[" * 5000 + b"]" * 5000 + b"}}",
    "brackets in a text": b'{"a":"' + b"[" * NESTED + b"",
    "long number": b'{"limit":' + b"9" * NESTED + b"}",
    "long fraction": b'{"limit":0.' + b"1" * NESTED + b"}",
    "exponent": b'{"limit":1e999999999}',
    "negative exponent": b'{"limit":-1e999999999}',
    "long exponent": b'{"limit":1e' + b"9" * NESTED + b"}",
    "number as a key": b'{"' + b"9" * NESTED + b'":1',
    "open text": b'{"a":"' + b"x" * NESTED,
    "open text of escaped quotes": b'{"a":"\\u0000' + b'\\"' * 20_000,
    "open text of escaped quotes behind brackets": b"[]," * 100 + b'"' + b'\\"' * 20_000 + b"\\",
    "runs of digits": b'{"a":"' + (b"1" * 299 + b" ") * 4000 + b'"',
    "many members": b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(100_000)) + b",",
    "the same member": b"{" + b'"limit":1,' * 100_000 + b'"limit":[]}',
    "zeros": b"\0" * NESTED,
    "spaces": b" " * NESTED + b"x",
    "backslashes": b'{"a":"' + b"\\" * (NESTED + 1),
    "escapes": b'{"a":"' + b"\\u0000" * 100_000 + b'"}',
    "half pairs": b'{"a":"' + b"\\ud800" * 100_000 + b'"}',
}


@pytest.mark.parametrize("raw", ABSURD.values(), ids=ABSURD.keys())
@pytest.mark.parametrize("name", ["create_token", "create_alert", "list_alerts", "create_workspace"])
def test_an_absurd_body_is_refused_in_bounded_time(client: Client, name: str, raw: bytes) -> None:
    operation = operation_named(name)
    started = time.process_time()  # of this process, the server too: a busy machine must not matter
    answer = client.send(operation.method, url_of(operation, client), raw=raw)
    assert time.process_time() - started < BOUNDED_S
    if len(raw) > (operation.body_limit_bytes or len(raw)):
        assert answer.status_code == 413
    else:
        refused(answer, operation)


@pytest.mark.parametrize("number", ["9" * 500, "1e400", "-1e400", "1e-99999", "0." + "1" * 500, "1" + "0" * 308 + "e9"])
def test_a_number_that_no_client_can_read_is_refused_where_anything_is_kept(client: Client, number: str) -> None:
    operation = operation_named("create_alert")
    raw = f'{{"data_object":{{"title":"x","unknown":{{"deep":[{number}]}}}}}}'.encode()
    answer = client.post("alerts", raw=raw)
    if number == "1e-99999":  # zero, to every client
        assert answer.status_code in (200, 400)
    else:
        refused(answer, operation)
        assert "deep" in answer.json()["message"]


def test_nesting_is_taken_up_to_a_bound(client: Client) -> None:
    def nested(levels: int) -> httpx.Response:
        text = "[" * levels + "]" * levels
        return client.post("alerts", raw=f'{{"data_object":{{"title":"x","deep":{text}}}}}'.encode())

    assert nested(50).status_code == 200
    assert nested(70).status_code == 400


# The gateway's other refusals.


def test_a_caller_without_permission_is_told_so_and_nothing_else(client: Client, own_desk: TestDesk) -> None:
    reader = own_desk.add_user("error-reader", identity.Role.READER)
    with Client(client.base, own_desk, key=reader) as one:
        for answer in (one.post("alerts", {"data_object": {"title": "x"}}), one.delete("alerts", {"batch_ids": ["x"]})):
            checked(answer)
            assert (answer.status_code, answer.json()) == (
                403, {"code": "SecMaster.90010015", "message": "Unauthorized request"},
            )  # fmt: skip
        answer = checked(one.post(f"/v1/{one.project_id}/workspaces", {}))
        assert (answer.status_code, set(answer.json())) == (403, BOTH)


def test_an_idempotency_key_that_is_none_is_the_requests_mistake(client: Client) -> None:
    create = operation_named("create_alert")
    for key in ("x" * 129, "a\tb"):
        answer = client.post("alerts", {"data_object": {"title": "x"}}, headers={"X-Idempotency-Key": key})
        refused(answer, create)
        assert "X-Idempotency-Key" in answer.json()["message"]


def test_what_is_no_http_at_all_is_refused_and_the_server_goes_on(client: Client) -> None:
    host, _, port = client.base.removeprefix("http://").partition(":")
    for raw in (
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0" * 100,
        b"A" * 70_000 + b"\r\n\r\n",
    ):
        with socket.create_connection((host, int(port)), timeout=120) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            try:
                answer = connection.recv(65536)
            except ConnectionResetError:
                answer = b""
            assert b"Traceback" not in answer
    assert client.get("/healthz").json() == {"status": "ok"}
