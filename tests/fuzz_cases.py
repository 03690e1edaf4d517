"""Requests made from the OpenAPI document, with ids that exist: what `test_fuzz.py` sends.

Schemathesis draws every part of a request. An id that it made up would end at 403 or 400 most of the time, so the parts
that name things are often taken from the operation's sample; there they are names in braces, filled in just before a
request is sent, because a request may use up what it names.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import schemathesis
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.core import NotSet

from samples import INDICATOR, SAMPLES, TITLE, Sample, spreadsheet
from tocsin.api.operations import Operation
from tocsin.api.table import OPERATIONS

_NAME = re.compile(r"\{(\w+)\}")
# How the parameters of a path are drawn: all from the sample; any that exist, in the right workspace; or made up.
_PATHS = ("sample", "sample", "sample", "sample", "any", "made up")
_OWN = ("project_id", "workspace_id")
_KNOWN = ("alert", "incident", "indicator", "note", "type", "dataclass", "attachment", "project", "workspace")
# Members that take one of a few texts: a text that is drawn fits none of them.
_CHOSEN = {
    "id": "{new}", "severity": "High", "handle_status": "Block", "close_reason": "Resolved", "ipdrr_phase": "Preparation",
    "verdict": "Black", "status": "Closed", "granular_marking": "2", "network_list": [], "process": [],
    **dict.fromkeys(
        ("first_observed_time", "last_observed_time", "arrive_time", "close_time", "sla", "first_report_time",
         "last_report_time"), "2026-03-01T08:15:00.000Z+0800",
    ),
}  # fmt: skip
_CLASSES = ("alerts", "incidents", "indicators", "dataclasses", "notes", "ALERTS")


def described(schema: BaseSchema, operation: Operation) -> APIOperation:
    return schema[operation.path][operation.method]


def sample_case(one: APIOperation, operation: Operation) -> Case:
    """The valid request of an operation."""
    sample = SAMPLES[operation.name]
    path, _, query = sample.path.partition("?")
    body: dict[str, Any] = {}
    if sample.form:
        body = {"body": _form(sample), "media_type": "multipart/form-data"}
    elif sample.body is not None:
        body = {"body": sample.body, "media_type": "application/json"}
    return one.Case(
        path_parameters=_in_path(operation, path),
        query=dict(pair.split("=", 1) for pair in query.split("&")) if query else {},
        headers=CaseInsensitiveDict(sample.headers),
        **body,
    )


@st.composite
def drawn_cases(draw: st.DrawFn, one: APIOperation, operation: Operation) -> Case:
    """A request that fits the document, or one that does not, with ids that exist in most of them."""
    modes = [GenerationMode.POSITIVE, *GenerationMode] if _can_be_wrong(one) else [GenerationMode.POSITIVE]
    case: Case = draw(one.as_strategy(generation_mode=draw(st.sampled_from(modes))))
    sample = SAMPLES[operation.name]
    known = _in_path(operation, sample.path.partition("?")[0])
    way = draw(st.sampled_from(_PATHS))
    for name in known if way != "made up" else ():
        if way == "sample" or name in _OWN:
            case.path_parameters[name] = known[name]
        else:
            case.path_parameters[name] = draw(st.sampled_from([*(f"{{{one}}}" for one in _KNOWN), *_CLASSES]))
    if draw(st.booleans()):
        _complete(case, sample, known)
    if draw(st.booleans()) and "link" in case.query:
        case.query["link"] = "{link}"
    return case


def edge_cases(schema: BaseSchema, one: APIOperation, operation: Operation, count: int) -> Iterator[Case]:
    """Requests at the edges of what the document allows and just behind them, spread over all there are."""
    found = [
        case
        for case in schema.iter_coverage_cases(
            one,
            generation_modes=list(GenerationMode),
            generation_config=schema.config.generation_for(operation=one, phase="coverage"),
        )
        if case.method == one.method.upper() and not isinstance(case.path_parameters, NotSet)
    ]
    sample = SAMPLES[operation.name]
    known = _in_path(operation, sample.path.partition("?")[0])
    for number, case in enumerate(found[:: max(1, -(-len(found) // max(count, 1)))]):
        case.path_parameters |= known
        if number % 2:
            _complete(case, sample, known)
        yield case


def fill(case: Case, ids: Mapping[str, Any]) -> None:
    """Put ids in place of their names."""
    ids = {**ids, "new": str(uuid.uuid4())}
    case.path_parameters = _filled(dict(case.path_parameters), ids)
    case.query = _filled(dict(case.query), ids)
    case.headers = CaseInsensitiveDict(_filled(dict(case.headers), ids))
    case.body = _filled(case.body, ids)


def unthrottled(case: Case) -> None:
    """Give every attempt to log in another user's name: a few failures with one name, and the next ones have to wait."""
    user: Any = case.body
    for name in ("auth", "identity", "password", "user"):
        user = user.get(name) if isinstance(user, dict) else None
    for name in ("id", "name") if isinstance(user, dict) else ():
        if isinstance(user.get(name), str) and 0 < len(user[name]) < 200:
            user[name] += uuid.uuid4().hex


def answered_by(schema: BaseSchema, operation: Operation, case: Case) -> Case:
    """The same request, of the operation whose it is: OpenAPI gives a path with fixed words the precedence over one
    with parameters, so a generic path with the name of a known class is that of the class."""
    for other in OPERATIONS:
        found = re.fullmatch(_pattern(other), case.formatted_path) if other.method == operation.method else None
        if other is operation:
            break
        if found is not None:
            body = {} if isinstance(case.body, NotSet) else {"body": case.body, "media_type": case.media_type}
            return described(schema, other).Case(
                path_parameters=found.groupdict(), query=case.query, headers=case.headers, cookies=case.cookies, **body
            )
    return case


def load(url: str, document: Mapping[str, Any]) -> BaseSchema:
    """The API that a server has by a document. Requests are printed with all they hold."""
    config = schemathesis.Config()
    config.output.sanitization.update(enabled=False)
    schema = schemathesis.openapi.from_dict(dict(document), config=config)
    schema.config.update(base_url=url)
    return schema


def with_objects(document: dict[str, Any]) -> dict[str, Any]:
    """The document with the members of data objects, where it leaves open of which class an object is."""
    schemas = document["components"]["schemas"]
    any_object = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Alert", "Incident", "Indicator")]}
    for name in ("CreateBody", "ChangeBody"):
        schemas[name]["properties"]["data_object"] = any_object
    schemas["BatchCreateBody"]["properties"]["data_object_list"]["items"] = any_object
    return document


def _can_be_wrong(one: APIOperation) -> bool:
    """Whether anything but a path can break its schema: every text is a path."""
    return bool(one.body.items or one.query.items or any(not _secret(parameter.name) for parameter in one.headers))


def _secret(name: str) -> bool:
    return name in ("X-Auth-Token", "Authorization")


def _pattern(operation: Operation) -> str:
    return _NAME.sub(lambda match: f"(?P<{match[1]}>[^/]+)", operation.path)


def _in_path(operation: Operation, path: str) -> dict[str, str]:
    found = re.fullmatch(_pattern(operation), path)
    assert found is not None, (operation.path, path)
    return found.groupdict()


def _objects_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    listed = body.get("data_object_list")
    found = [body.get("data_object"), *(listed if isinstance(listed, list) else [])]
    return [one for one in found if isinstance(one, dict)]


def _complete(case: Case, sample: Sample, known: Mapping[str, str]) -> None:
    """Give a body what the sample has: all that an operation needs, and ids that exist."""
    if not isinstance(case.body, dict):
        return
    needed: dict[str, Any] = _form(sample) if sample.form else sample.body or {}
    of_object = next(iter(_objects_in(needed)), {})
    if "dataclass_name" in known:  # of whichever class
        of_object = {**INDICATOR, **of_object, **TITLE}
    objects = _objects_in(case.body)
    for data_object in objects:
        data_object.update({key: value for key, value in _CHOSEN.items() if key in data_object} | of_object)
    case.body |= {key: value for key, value in needed.items() if not (objects and key.startswith("data_object"))}


def _form(sample: Sample) -> dict[str, Any]:
    return {"uploadFile": b"what was found" if sample.form == "file" else spreadsheet(sample.form)}


def _filled(value: Any, ids: Mapping[str, Any]) -> Any:
    """As in the samples, but a name that stands for nothing stays: it may have been drawn."""
    if isinstance(value, str):
        return _NAME.sub(lambda match: str(ids.get(match[1], match[0])), value)
    if isinstance(value, dict):
        return {key: _filled(member, ids) for key, member in value.items()}
    if isinstance(value, list):
        return [_filled(member, ids) for member in value]
    return value
