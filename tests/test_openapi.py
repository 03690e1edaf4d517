"""The API description: OpenAPI 3.1, complete, and true to the table of operations."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from samples import SAMPLES
from support import Client, TestDesk, copy_desk, serving
from tocsin.api.openapi import openapi_document
from tocsin.api.operations import JSON, Operation
from tocsin.api.table import OPERATIONS
from world import World, made_world

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
TYPES = {"string", "number", "integer", "boolean", "array", "object", "null"}


@pytest.fixture(scope="module")
def client(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    desk = copy_desk(template, tmp_path_factory.mktemp("openapi"))
    with serving(desk) as url, Client(url, desk) as one:
        yield one


@pytest.fixture(scope="module")
def world(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made_world(copy_desk(template, tmp_path_factory.mktemp("described"))) as made:
        yield made


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return dict(json.loads(openapi_document(OPERATIONS, version="1.2.3")))


def entry(document: dict[str, Any], operation: Operation) -> dict[str, Any]:
    return dict(document["paths"][operation.path][operation.method.lower()])


def walk(node: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object of the document, with where it stands."""
    if isinstance(node, dict):
        yield place, node
        for key, value in node.items():
            yield from walk(value, f"{place}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{place}/{index}")


def resolve(document: dict[str, Any], ref: str) -> Any:
    node: Any = document
    for part in ref.removeprefix("#/").split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def test_everybody_may_read_it(client: Client) -> None:
    answer = client.http.get(f"{client.base}/openapi.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.headers["x-request-id"]
    served = answer.json()
    assert served["paths"] == json.loads(openapi_document(OPERATIONS, version="x"))["paths"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", served["info"]["version"])


def test_it_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"]
    assert document["info"]["version"] == "1.2.3"
    assert set(document) <= {"openapi", "info", "servers", "paths", "components", "security", "tags", "externalDocs"}
    assert set(document["components"]) <= {"schemas", "securitySchemes", "responses", "parameters", "headers"}
    for scheme in document["components"]["securitySchemes"].values():
        assert scheme["type"] == "apiKey"
        assert scheme["in"] == "header"
        assert scheme["name"]


def test_it_lists_exactly_the_table(document: dict[str, Any]) -> None:
    listed = {(path, method) for path, item in document["paths"].items() for method in item}
    assert listed == {(one.path, one.method.lower()) for one in OPERATIONS}
    assert len(listed) == len(OPERATIONS)
    assert {method for _, method in listed} <= METHODS


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [item[method]["operationId"] for item in document["paths"].values() for method in item]
    assert sorted(names) == sorted({one.name for one in OPERATIONS})


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_is_described_in_full(document: dict[str, Any], operation: Operation) -> None:
    described = entry(document, operation)
    assert described["operationId"] == operation.name
    assert described["summary"]
    in_path = [one["name"] for one in described["parameters"] if one["in"] == "path"]
    assert in_path == re.findall(r"\{(\w+)\}", operation.path)
    assert all(one["required"] for one in described["parameters"] if one["in"] == "path")
    keys = [(one["in"], one["name"]) for one in described["parameters"]]
    assert len(keys) == len(set(keys))
    assert all("schema" in one for one in described["parameters"])
    assert ("requestBody" in described) == (operation.body is not None or operation.form)
    if operation.body is not None:
        assert described["requestBody"]["required"] is operation.body_required
        assert list(described["requestBody"]["content"]) == ["application/json"]
    if operation.form:
        assert described["requestBody"]["required"] is True
        assert list(described["requestBody"]["content"]) == ["multipart/form-data"]
        schema = described["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert set(schema["properties"]) == {"uploadFile", *operation.form_fields}
        assert schema["required"] == ["uploadFile"]
    assert ("security" in described) == (operation.permission is not None)
    successes = [status for status in described["responses"] if status.startswith("2")]
    assert len(successes) == 1
    assert {"400", "500"} <= set(described["responses"])
    for status, response in described["responses"].items():
        assert re.fullmatch(r"[1-5]\d\d", status)
        assert response["description"]
        if status not in successes:
            assert response["content"]["application/json"]["schema"]
        elif operation.answer is not None or operation.media != JSON:
            assert response["content"][operation.media]["schema"]
        else:
            assert "content" not in response


def test_a_query_is_described_with_every_parameter(document: dict[str, Any]) -> None:
    for operation in OPERATIONS:
        in_query = {one["name"] for one in entry(document, operation)["parameters"] if one["in"] == "query"}
        expected = set() if operation.query is None else set(operation.query.__struct_encode_fields__)
        assert in_query == expected, operation.name


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    used = set()
    for place, node in walk(document):
        if "$ref" in node:
            assert node["$ref"].startswith("#/components/schemas/"), place
            assert isinstance(resolve(document, node["$ref"]), dict)
            used.add(node["$ref"].rpartition("/")[2])
    assert used <= set(document["components"]["schemas"])


def test_schemas_are_json_schema(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name), name
        for place, node in walk(schema, name):
            kinds = node.get("type")
            if isinstance(kinds, str) and not place.endswith("/properties"):
                assert kinds in TYPES, place
            for required in node.get("required", ()) if isinstance(node.get("required"), list) else ():
                assert required in node["properties"], place
            assert node.get("nullable") is None, f"{place}: nullable is OpenAPI 3.0"
            if isinstance(pattern := node.get("pattern"), str):
                re.compile(pattern)


def test_nothing_private_is_in_it(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for word in ("password_hash", "msgspec", "/tocsin/", "sqlite", "Traceback"):
        assert word not in text


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_answers_are_what_is_described(world: World, document: dict[str, Any], operation: Operation) -> None:
    """The answer to a request that is right, and a refusal."""
    ids = world.fresh(SAMPLES[operation.name].fresh)
    answers = [world.send(operation, ids, key="administrator")]
    assert answers[0].status_code == operation.success_status, answers[0].text
    if operation.permission is not None:
        answers += [world.send(operation, ids), world.send(operation, {**ids, "workspace": "x", "project": "x"})]
    for answer in answers:
        described = entry(document, operation)["responses"][str(answer.status_code)]
        content = described.get("content", {})
        assert [answer.headers["content-type"]] == list(content) if content else not answer.content
        if "application/json" in content:
            matches(document, content["application/json"]["schema"], answer.json(), operation.name)


def matches(document: dict[str, Any], schema: dict[str, Any], value: Any, place: str) -> None:
    """Enough of JSON Schema for our answers: references, alternatives, types, members, elements."""
    if "$ref" in schema:
        matches(document, resolve(document, schema["$ref"]), value, place)
        return
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            try:
                matches(document, choice, value, place)
            except AssertionError:
                continue
            return
        raise AssertionError(f"{place}: fits none of the alternatives")
    kind = schema.get("type")
    if kind is not None:
        python = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None)}
        assert isinstance(value, python[kind]), place
    if isinstance(value, dict):
        for name in schema.get("required", ()):
            assert name in value, f"{place}.{name}"
        if "properties" in schema:
            assert set(value) <= set(schema["properties"]), place
        for name, member in schema.get("properties", {}).items():
            if name in value:
                matches(document, member, value[name], f"{place}.{name}")
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        for index, element in enumerate(value):
            matches(document, schema["items"], element, f"{place}[{index}]")
