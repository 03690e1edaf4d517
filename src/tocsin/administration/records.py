"""What an operator's commands say and answer, and the rules for names."""

from typing import Any

import msgspec

from tocsin.errors import InvalidRequest
from tocsin.identity.records import Caller

MAX_NAME = 64
# The audit calls whoever sits at the command line `local:NAME`: no user of the API may pass for them.
RESERVED_PREFIX = "local:"


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Who administers, by which command, when: what every audit row of it says."""

    actor: Caller
    # The command's name, such as `user create`.
    operation: str
    request_id: str
    # UTC milliseconds.
    now_ms: int


class RoleIn(msgspec.Struct, frozen=True, kw_only=True):
    """A user's role in a project."""

    project_id: str
    project_name: str
    role: str


class UserEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A user as they are listed. `create_time` is UTC milliseconds."""

    id: str
    name: str
    domain_name: str
    enabled: bool
    create_time: int
    roles: list[RoleIn]


class LostKey(msgspec.Struct, frozen=True, kw_only=True):
    """An access key that has to be made anew; `was_enabled` says whether anybody could use it until now."""

    access_key: str
    user_name: str
    was_enabled: bool


def checked_name(name: str, *, field: str) -> str:
    """A name of a user or project. Raises InvalidRequest unless it can be typed, read and compared."""
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or name != name.strip():
        raise InvalidRequest(f"must have 1 to {MAX_NAME} printable characters, without blanks at its ends", field=field)
    return name


def checked_user_name(name: str, *, field: str) -> str:
    """The same for a user. Raises InvalidRequest."""
    if name.startswith(RESERVED_PREFIX):
        raise InvalidRequest(f"must not begin with {RESERVED_PREFIX!r}, which is for the command line", field=field)
    return checked_name(name, field=field)


def switched(*, enabled: bool) -> dict[str, tuple[Any, Any]]:
    """What the audit says when something is enabled or disabled."""
    return {"enabled": (not enabled, enabled)}
