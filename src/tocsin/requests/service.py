"""Idempotency: a call that carries a key takes effect once; its answer is kept in the transaction of the effect."""

from collections.abc import Callable

import msgspec

from tocsin.errors import InvalidRequest
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)

HEADER = "X-Idempotency-Key"
MAX_KEY_LENGTH = 128


class StoredAnswer(msgspec.Struct, frozen=True):
    """A 2xx status and the body that went with it."""

    status: int
    body: bytes


class _Claim(msgspec.Struct, frozen=True):
    body_hash: str
    status: int | None
    answer: bytes | None


def checked_key(key: str) -> str:
    """Raises InvalidRequest unless the key is 1 to 128 printable ASCII characters."""
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise InvalidRequest(f"must be 1 to {MAX_KEY_LENGTH} printable ASCII characters", field=HEADER)
    return key


class Once(msgspec.Struct, frozen=True, kw_only=True):
    """A call that is to take effect once: its key belongs to workspace, user and operation."""

    scope: Scope
    key: str
    body_hash: str


def find_answer(tx: Transaction, once: Once, lifetime_ms: int) -> StoredAnswer | None:
    """The answer of an earlier call with this key. Raises InvalidRequest when that had another body."""
    owner = _owner(once)
    earlier = tx.row(SQL.find_answer, _Claim, {**owner, "oldest": once.scope.now_ms - lifetime_ms})
    if earlier is None:
        return None
    if earlier.status is None or earlier.body_hash != once.body_hash:
        raise InvalidRequest("was used before with another request body; a new request needs a new key", field=HEADER)
    return StoredAnswer(earlier.status, earlier.answer or b"")


def answer_once(tx: Transaction, once: Once, lifetime_ms: int, answer: Callable[[], StoredAnswer]) -> StoredAnswer:
    """The stored answer of an earlier call with this key, or that of `answer`, which is stored.

    Raises InvalidRequest when the key was used with another body. An error that `answer` raises ends the transaction,
    so that nothing is stored and the key is free again.
    """
    scope, owner = once.scope, _owner(once)
    tx.run(SQL.forget_expired, {"workspace_id": scope.workspace_id, "oldest": scope.now_ms - lifetime_ms})
    if not tx.run(SQL.claim_key, {**owner, "body_hash": once.body_hash, "now": scope.now_ms}):
        earlier = find_answer(tx, once, lifetime_ms)
        if earlier is not None:
            return earlier
    result = answer()
    tx.run(SQL.store_answer, {**owner, "status": result.status, "answer": result.body})
    return result


def _owner(once: Once) -> dict[str, str]:
    return {
        "workspace_id": once.scope.workspace_id,
        "user_id": once.scope.caller.user_id,
        "operation": once.scope.operation,
        "key": once.key,
    }
