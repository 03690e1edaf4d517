"""The one table from what went wrong to how it is spelled on the wire, and the one function that writes the body.

Source: API reference, error codes; API gateway error codes; which code for which mistake is ours.
"""

from http import HTTPStatus
from typing import Any

import msgspec

from tocsin import errors
from tocsin.api.operations import ErrorStyle, Operation
from tocsin.identity.signing import BadSignature

MAX_MESSAGE = 1024
RETRY_AFTER_S = 1
_GATEWAY_WORDS = "Incorrect IAM authentication information"
_ENCODER = msgspec.json.Encoder()


class Spelling(msgspec.Struct, frozen=True, kw_only=True):
    """How a class of errors is answered."""

    status: int
    # None: the operation's own code.
    code: str | None
    # None: the style of the operation.
    style: ErrorStyle | None = None
    # A text that replaces the error's own, which is for the log.
    message: str | None = None


SPELLINGS: dict[type[Exception], Spelling] = {
    errors.ServiceError: Spelling(status=400, code=None),
    errors.InvalidRequest: Spelling(status=400, code=None),
    errors.InvalidSort: Spelling(status=400, code="SecMaster.20030009"),
    errors.InvalidOrder: Spelling(status=400, code="SecMaster.20030010"),
    errors.InvalidCondition: Spelling(status=400, code="SecMaster.20030013"),
    errors.QuotaExceeded: Spelling(status=400, code="SecMaster.20041509"),
    errors.NothingNamed: Spelling(status=400, code="SecMaster.20041033"),
    errors.Unauthenticated: Spelling(status=401, code="APIGW.0301", style=ErrorStyle.GATEWAY),
    errors.LoginFailed: Spelling(status=401, code="IAM.0001"),
    BadSignature: Spelling(status=401, code="APIGW.0301", style=ErrorStyle.GATEWAY),
    errors.Forbidden: Spelling(status=403, code="SecMaster.90010015"),
    errors.NotFound: Spelling(status=404, code="SecMaster.20030005"),
    errors.ObjectNotFound: Spelling(status=400, code="SecMaster.20030005"),
    errors.DataClassNotFound: Spelling(status=400, code="SecMaster.20030022"),
    # On a path that names a workspace itself, Terraform expects another status and code: see `spelling_of`.
    errors.WorkspaceNotFound: Spelling(status=403, code="SecMaster.20010001"),
    errors.ConversionNotFound: Spelling(status=400, code="SecMaster.20030005"),
    errors.ClientGone: Spelling(status=400, code=None),
    errors.TooLarge: Spelling(status=413, code="APIGW.0201", style=ErrorStyle.GATEWAY),
    errors.Unavailable: Spelling(status=503, code="SecMaster.20040000"),
    errors.Busy: Spelling(status=503, code="SecMaster.20040000"),
    errors.NotYet: Spelling(status=503, code="SecMaster.20040000"),
    errors.SetupError: Spelling(
        status=503, code="SecMaster.20040000", message="The server is not set up; its log says what is missing."
    ),
}
UNKNOWN_PATH = Spelling(
    status=404,
    code="APIGW.0101",
    style=ErrorStyle.GATEWAY,
    message="The API does not exist or has not been published in the environment",
)
UNEXPECTED = Spelling(status=500, code="SecMaster.20040000", message="Unknown Error.")
_WORKSPACE_ITSELF = Spelling(status=400, code="SecMaster.20011003")


def spelling_of(error: Exception, operation: Operation | None) -> Spelling:
    """The row of the nearest class; UNEXPECTED for an error that nobody is meant to see."""
    on_workspace = operation is not None and operation.in_workspace and "/soc/" not in operation.path
    if on_workspace and isinstance(error, errors.WorkspaceNotFound):
        return _WORKSPACE_ITSELF
    for ancestor in type(error).__mro__:
        if ancestor in SPELLINGS:
            return SPELLINGS[ancestor]
    return UNEXPECTED


def code_of(spelling: Spelling, operation: Operation | None) -> str:
    return spelling.code or (operation.error_code if operation else "SecMaster.20030001")


def error_body(spelling: Spelling, message: str, operation: Operation | None, request_id: str) -> bytes:
    """The body in the style of the gateway or of the operation's family."""
    code = code_of(spelling, operation)
    text = (spelling.message or message or HTTPStatus(spelling.status).phrase)[:MAX_MESSAGE]
    style = spelling.style or (operation.error_style if operation else ErrorStyle.SOC)
    if style is ErrorStyle.GATEWAY and spelling.status == HTTPStatus.UNAUTHORIZED:
        text = f"{_GATEWAY_WORDS}: {text}"[:MAX_MESSAGE]
    return _ENCODER.encode(_members(style, spelling.status, code, text, request_id))


def _members(style: ErrorStyle, status: int, code: str, text: str, request_id: str) -> dict[str, Any]:
    if style is ErrorStyle.GATEWAY:
        return {"error_code": code, "error_msg": text, "request_id": request_id}
    if style is ErrorStyle.IAM:
        return {"error": {"code": status, "message": text, "title": HTTPStatus(status).phrase}}
    if style is ErrorStyle.FLAGGED:
        return {"code": code, "message": text, "success": False, "data": None}
    if style is ErrorStyle.BOTH:
        return {"code": code, "message": text, "error_code": code, "error_msg": text}
    return {"code": code, "message": text}
