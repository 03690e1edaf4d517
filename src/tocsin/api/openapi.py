"""The OpenAPI 3.1 document, made from the table of operations and the types that decode and encode its bodies."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tocsin.api.operations import JSON, ErrorStyle, Operation
from tocsin.identity.records import Permission
from tocsin.objects.models import MODELS

_PARAMETER = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/{name}"


class SocError(msgspec.Struct):
    """An error of a SOC operation."""

    code: str
    message: str


class PlainError(msgspec.Struct):
    """An error of a workspace or type operation: both spellings."""

    code: str
    message: str
    error_code: str
    error_msg: str


class GatewayError(msgspec.Struct):
    """An error from before the operation: credentials, unknown path, body too large."""

    error_code: str
    error_msg: str
    request_id: str


class IamErrorDetail(msgspec.Struct):
    code: int
    message: str
    title: str


class IamError(msgspec.Struct):
    """An error of an identity operation."""

    error: IamErrorDetail


class FlaggedError(msgspec.Struct):
    """An error where the success body has `success` and `data`."""

    code: str
    message: str
    success: bool
    data: None


_ERRORS: dict[ErrorStyle, type] = {
    ErrorStyle.SOC: SocError,
    ErrorStyle.FLAGGED: FlaggedError,
    ErrorStyle.BOTH: PlainError,
    ErrorStyle.IAM: IamError,
    ErrorStyle.GATEWAY: GatewayError,
}


def openapi_document(operations: Sequence[Operation], *, version: str) -> bytes:
    """JSON text of the document."""
    types: list[Any] = [*MODELS.values(), GatewayError, *_ERRORS.values()]
    types += [one for operation in operations for one in (operation.body, operation.answer, operation.query) if one]
    schemas, components = msgspec.json.schema_components(dict.fromkeys(types), ref_template=_REF)
    known = dict(zip(dict.fromkeys(types), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, known, components)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Tocsin",
            "version": version,
            "description": "The SOC part of the SecMaster API, self-hosted.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "SDK-HMAC-SHA256 request signature",
                },
            },
        },
    }
    return msgspec.json.encode(document)


def _operation(operation: Operation, known: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": ["SecMaster" if operation.vendor else "Identity and server"],
        "parameters": _parameters(operation, known, components),
        "responses": _responses(operation, known),
    }
    if operation.body is not None:
        entry["requestBody"] = {
            "required": operation.body_required,
            "content": {"application/json": {"schema": known[operation.body]}},
        }
    if operation.form:
        parts = {"uploadFile": {"type": "string", "format": "binary"}}
        parts |= {name: {"type": "string"} for name in operation.form_fields}
        form = {"type": "object", "properties": parts, "required": ["uploadFile"]}
        entry["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    if operation.permission is not None:
        entry["security"] = [{"token": []}, {"signature": []}]
        entry["description"] = f"Role: {_role(operation.permission)}."
    return entry


def _role(permission: Permission) -> str:
    return {
        Permission.NOTHING: "any, or none: valid credentials are enough",
        Permission.READ: "reader or higher",
        Permission.WRITE: "operator or higher",
        Permission.ADMINISTER: "administrator",
    }[permission]


def _parameters(operation: Operation, known: dict[Any, Any], components: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(operation.path)
    ]
    if operation.query is not None:
        schema = components[known[operation.query]["$ref"].rpartition("/")[2]]
        found += [
            {"name": name, "in": "query", "required": False, "schema": member}
            for name, member in schema["properties"].items()
        ]
    found += [
        {"name": name, "in": "header", "required": True, "schema": {"type": "string"}, "description": text}
        for name, text in operation.request_headers.items()
    ]
    if operation.takes_idempotency_key:
        found.append(
            {
                "name": "X-Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 128},
            }
        )
    return found


def _responses(operation: Operation, known: dict[Any, Any]) -> dict[str, Any]:
    request_id = _headers({"X-request-id": "The id of this request"})

    def response(description: str, schema: Any) -> dict[str, Any]:
        return {
            "description": description,
            "headers": request_id,
            "content": {"application/json": {"schema": schema}},
        }

    own = known[_ERRORS[operation.error_style]]
    gateway = known[GatewayError]
    errors = {
        "400": response("The request is wrong", own),
        "401": response("No valid credentials", {"anyOf": [gateway, own]}),
        "403": response("Not allowed, or not visible", own),
        "404": response("Not found", {"anyOf": [gateway, own]}),
        "413": response("The body is too large", gateway),
        "500": response("A defect of the server", own),
        "503": response("The database is busy, full or gone", own),
    }
    errors["503"]["headers"] = {**request_id, **_headers({"Retry-After": "Seconds to wait before the next attempt"})}
    success: dict[str, Any] = {"description": "Success"}
    if operation.media != JSON:
        success["content"] = {operation.media: {"schema": {"type": "string", "format": "binary"}}}
    elif operation.answer is not None:
        success = response("Success", known[operation.answer])
    success["headers"] = {**request_id, **_headers(operation.answer_headers)}
    return {str(operation.success_status): success, **errors}


def _headers(described: Mapping[str, str]) -> dict[str, Any]:
    """Headers that an answer always has."""
    return {
        name: {"required": True, "schema": {"type": "string"}, "description": text} for name, text in described.items()
    }
