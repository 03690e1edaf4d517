"""Requests made from the OpenAPI document, right ones and wrong ones: no operation breaks, and every answer is one that
the document describes.

How many requests are drawn for each operation: fuzz_settings.py.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from schemathesis import BaseSchema, Case, CheckContext, Response, checks
from schemathesis.core.failures import FailureGroup

from fuzz_cases import (
    answered_by,
    described,
    drawn_cases,
    edge_cases,
    fill,
    load,
    sample_case,
    unthrottled,
    with_objects,
)
from fuzz_settings import EXAMPLES, USUAL, drawing
from samples import SAMPLES
from support import TestDesk, copy_desk
from tocsin.api.operations import Operation
from tocsin.api.table import OPERATIONS
from world import World, made_world

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "ignored_auth",
)  # fmt: skip


@pytest.fixture(scope="module")
def world(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch, made_world(copy_desk(template, tmp_path_factory.mktemp("fuzz"))) as one:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield one


@pytest.fixture(scope="module")
def schema(world: World) -> BaseSchema:
    return load(world.base, with_objects(document(world)))


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as one:
        one.trust_env = False
        yield one


def document(world: World) -> dict[str, Any]:
    answer = world.client().http.get(f"{world.base}/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


class Caller:
    """The administrator, who sends requests and has every answer checked."""

    def __init__(self, world: World, session: requests.Session, schema: BaseSchema) -> None:
        self._world = world
        self._schema = schema
        self._session = session
        self.statuses: list[int] = []
        # How often an operation was seen to refuse requests without credentials and with wrong ones.
        self.refusals = 0

    def send(self, operation: Operation, case: Case) -> None:
        """Raises what schemathesis raises: the failed checks, and a command that repeats the request."""
        used_up = SAMPLES[operation.name].fresh
        ids = self._world.fresh(used_up) if used_up else self._world.own
        token = self._world.tokens["administrator"]
        fill(case, {**ids, "token": token})
        unthrottled(case)
        case = answered_by(self._schema, operation, case)
        headers = {"X-Auth-Token": token}
        answer = case.call_and_validate(session=self._session, headers=headers, checks=self._checks(), timeout=60)
        self.statuses.append(answer.status_code)

    def _checks(self) -> list[Callable[..., Any]]:
        return [self._ignored_auth() if name == "ignored_auth" else getattr(checks, name) for name in CHECKS]

    def _ignored_auth(self) -> Callable[..., Any]:
        """Schemathesis' own check, and a count of the times that it sent its further requests."""

        def ignored_auth(context: CheckContext, response: Response, case: Case) -> bool | None:
            refusing: set[str] = set()
            context.auth_enforced_operations = refusing
            result = checks.ignored_auth(context, response, case)
            self.refusals += len(refusing)
            return result

        return ignored_auth


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_every_answer_is_one_that_the_document_describes(
    world: World, schema: BaseSchema, session: requests.Session, operation: Operation
) -> None:
    caller, one = Caller(world, session, schema), described(schema, operation)
    caller.send(operation, sample_case(one, operation))
    assert 200 <= caller.statuses[0] < 300

    for case in edge_cases(schema, one, operation, EXAMPLES // 3):
        caller.send(operation, case)

    @drawing(USUAL)
    @given(case=drawn_cases(one, operation))
    def drawn(case: Case) -> None:
        caller.send(operation, case)

    drawn()
    if operation.permission is not None:
        assert caller.refusals


def without_status(entry: dict[str, Any]) -> None:
    del entry["responses"]["200"]


def with_another_type(entry: dict[str, Any]) -> None:
    entry["responses"]["200"]["content"] = {"text/plain": {}}


def with_another_header(entry: dict[str, Any]) -> None:
    entry["responses"]["200"]["headers"]["X-request-id"] = {"schema": {"type": "integer"}}


def with_another_schema(entry: dict[str, Any]) -> None:
    entry["responses"]["200"]["content"]["application/json"]["schema"] = {"type": "array"}


def with_credentials(entry: dict[str, Any]) -> None:
    entry["security"] = [{"token": []}]


@pytest.mark.parametrize(
    ("falsify", "failure"),
    [
        (without_status, "UndefinedStatusCode"),
        (with_another_type, "UndefinedContentType"),
        (with_another_header, "JsonSchemaError"),
        (with_another_schema, "JsonSchemaError"),
        (with_credentials, "IgnoredAuth"),
    ],
)
def test_a_document_that_says_something_else_than_the_server_does_is_found(
    world: World, session: requests.Session, falsify: Callable[[dict[str, Any]], None], failure: str
) -> None:
    """Nobody has to log in to see that the server is well, so a document that asks for credentials there is wrong."""
    health = next(one for one in OPERATIONS if one.name == "show_health")
    wrong = document(world)
    falsify(wrong["paths"][health.path]["get"])
    schema = load(world.base, wrong)
    with pytest.raises(FailureGroup, match=r"curl -X GET .*/healthz") as failed:
        Caller(world, session, schema).send(health, sample_case(described(schema, health), health))
    assert [type(one).__name__ for one in failed.value.exceptions] == [failure]


def test_the_document_asks_for_credentials_wherever_the_table_does(schema: BaseSchema) -> None:
    """The check takes the word of the document for it, so the document must not leave any out."""
    for operation in OPERATIONS:
        asked = [one.name for one in described(schema, operation).security.iter_parameters()]
        assert asked == ([] if operation.permission is None else ["X-Auth-Token", "Authorization"]), operation.name
