"""What an operation is. The list of all of them (`api/table.py`) is the one table of the whole surface."""

import enum
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import msgspec

from tocsin.api.forms import Form
from tocsin.api.hashing import Hashing
from tocsin.api.turns import Turns
from tocsin.attachments.files import AttachmentFiles
from tocsin.conversion.records import Rules
from tocsin.identity.records import Permission
from tocsin.identity.secrets import KeyBox
from tocsin.identity.signing import SignedRequest
from tocsin.identity.throttle import LoginThrottle
from tocsin.settings import Settings
from tocsin.storage.database import Database
from tocsin.workspaces.records import Scope

B = TypeVar("B")

SUCCESS = "00000000"


class ErrorStyle(enum.Enum):
    """How a family of operations spells an error."""

    SOC = "code, message"
    # Clients disagree on the keys of workspace and type operations, so all four are sent.
    BOTH = "code, message, error_code, error_msg"
    # Where the success body has `success` and `data`, a failure says so there too.
    FLAGGED = "code, message, success, data"
    IAM = "error {code, message, title}"
    GATEWAY = "error_code, error_msg, request_id"


class Run(enum.Enum):
    """Where a handler runs."""

    # In a transaction that may not write; in one that commits; or as a coroutine that opens its own.
    READ = "read"
    WRITE = "write"
    OWN = "own"


JSON = "application/json"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BYTES = "application/octet-stream"


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What every request needs, built once by `app.py`."""

    settings: Settings
    database: Database
    key_box: KeyBox
    throttle: LoginThrottle
    hashing: Hashing
    # Reads that one user has under way: a few slow searches must not keep everybody else from reading.
    reading: Turns
    # Imports and exports that one user has under way.
    importing: Turns
    exporting: Turns
    # Reads workbooks; a few at once, beside the threads that everything else shares.
    import_threads: ThreadPoolExecutor
    files: AttachmentFiles
    rules: Rules
    # Minutes east of UTC of server times.
    offset_min: int
    hostname: str
    now_ms: Callable[[], int]
    openapi: bytes


class Call(msgspec.Struct, Generic[B], frozen=True, kw_only=True):
    """One request, authenticated, authorised and decoded."""

    services: Services
    # None for an operation that asks for no credentials.
    scope: Scope | None
    path: Mapping[str, str]
    query: Any
    body: B
    request: SignedRequest
    request_id: str
    peer: str
    now_ms: int
    # Of an operation that takes a form.
    form: Form | None = None
    # What the operation's `prepare` gave.
    prepared: Any = None

    @property
    def acting(self) -> Scope:
        """The scope of an operation that has one."""
        if self.scope is None:
            raise TypeError("this operation has no scope")
        return self.scope


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is more than a body: another status, headers, a file, or no body at all."""

    body: Any = None
    # Pieces of a body that leaves while it is made; instead of `body`.
    stream: AsyncIterator[bytes] | None = None
    # None: the operation's own.
    status: int | None = None
    headers: Mapping[str, str] = {}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table: routing, permission, codes and documentation are read from it."""

    # The name in the vendor's SDK, or ours where it has none.
    name: str
    method: str
    path: str
    summary: str
    # Run.READ and Run.WRITE: (transaction, call) -> answer; Run.OWN: (call) -> awaitable answer.
    handler: Callable[..., Any]
    run: Run
    # The type of the body; None for an answer without one, and for files.
    answer: Any
    media: str = JSON
    # Work before the transaction, with files say: what it gives is there as `call.prepared`, and is left afterwards.
    prepare: Callable[[Call[Any]], AbstractAsyncContextManager[Any]] | None = None
    # Whether the body is a multipart form with one file, and other parts by these names.
    form: bool = False
    form_fields: tuple[str, ...] = ()
    body: Any = None
    body_required: bool = True
    query: Any = None
    # None: no credentials are asked for.
    permission: Permission | None
    # The code of every mistake in the request that has none of its own.
    error_code: str = "SecMaster.20030001"
    error_style: ErrorStyle = ErrorStyle.SOC
    # Whether the operation is one of the vendor's.
    vendor: bool = True
    success_status: int = 200
    # Headers of its own, by name, with what they hold: those that a request must have, and those of a success.
    request_headers: Mapping[str, str] = {}
    answer_headers: Mapping[str, str] = {}
    # Bytes of a body at most, below the setting: for what anybody may send without credentials.
    body_limit_bytes: int | None = None

    @property
    def in_workspace(self) -> bool:
        return "{workspace_id}" in self.path

    @property
    def takes_idempotency_key(self) -> bool:
        """An answer that is a file is made anew each time: nothing is changed by it."""
        return self.in_workspace and self.method in ("POST", "PUT", "DELETE") and self.run is not Run.OWN

    @property
    def in_project(self) -> bool:
        return "{project_id}" in self.path
