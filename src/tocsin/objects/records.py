"""Data objects: what alerts, incidents and indicators share, and the rules that hold without a database."""

import hashlib
import uuid
from typing import Any

import msgspec

from tocsin.errors import DataClassNotFound, InvalidRequest

SEVERITIES = ("Tips", "Low", "Medium", "High", "Fatal")  # from no problem found to must be handled at once
STATUSES = ("Open", "Block", "Closed")
VERDICTS = ("Black", "White", "Gray")
INDICATOR_STATUSES = ("Open", "Closed", "Revoked")
CLOSE_REASONS = ("False detection", "Resolved", "Repeated", "Other")
DIRECTIONS = ("IN", "OUT")
# Every spelling that the vendor's documents, SDKs and Terraform use; compared without case, stored as given.
PHASES = (
    "Preparation",
    "Prepartion",
    "Detection and Analysis",
    "Contain,Eradication& Recovery",
    "Contain，Eradication& Recovery",
    "Containm,Eradication& Recovery",
    "Post-Incident-Activity",
)
MAX_OBJECT_BYTES = 256 * 1024
MAX_ID_LENGTH = 36


class DataClass(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of data object."""

    # The lower-case plural of paths and relations; also the key of stored rows.
    name: str
    # The name in `dataclass_ref`.
    title: str
    # The object that holds category and child type, and the key of the child in it.
    type_field: str
    # What the ids of this class in a workspace are computed from.
    item_id: str
    # The member that names an object; every object has one.
    title_field: str = "title"
    # Members that an object cannot be without.
    required: tuple[str, ...] = ("title",)
    # Whether people work on its objects: they have a handling status, an owner, an end.
    handled: bool = True

    @property
    def singular(self) -> str:
        return self.title.lower()

    @property
    def list_field(self) -> str:
        """The field of other objects that lists related objects of this class."""
        return f"{self.singular}_list"

    def id_in(self, project_id: str, workspace_id: str) -> str:
        """The data class id in a workspace: a name-based UUID without a namespace, as the cloud computes it."""
        digest = hashlib.md5(f"{project_id}{workspace_id}{self.item_id}".encode(), usedforsecurity=False).digest()
        return str(uuid.UUID(bytes=digest, version=3))


ALERTS = DataClass(
    name="alerts", title="Alert", type_field="alert_type", item_id="369def57-75c3-4cc4-988c-22263ece4b17"
)
INCIDENTS = DataClass(
    name="incidents", title="Incident", type_field="incident_type", item_id="369def57-75c3-4cc4-988c-22263ece4b18"
)
INDICATORS = DataClass(
    name="indicators",
    title="Indicator",
    type_field="indicator_type",
    item_id="369def57-75c3-4cc4-988c-22263ece4b30",
    title_field="name",
    required=("name", "value", "indicator_type"),
    handled=False,
)
DATA_CLASSES = (ALERTS, INCIDENTS, INDICATORS)


def data_class_named(name: str) -> DataClass:
    """Raises DataClassNotFound."""
    for dataclass in DATA_CLASSES:
        if dataclass.name == name:
            return dataclass
    raise DataClassNotFound(f"there is no data class {name!r}; known are {', '.join(d.name for d in DATA_CLASSES)}")


def data_class_with_id(dataclass_id: str, project_id: str, workspace_id: str) -> DataClass:
    """Raises DataClassNotFound."""
    for dataclass in DATA_CLASSES:
        if dataclass.id_in(project_id, workspace_id) == dataclass_id:
            return dataclass
    raise DataClassNotFound("Failed to find one dataclass.")


class ObjectRow(msgspec.Struct, frozen=True):
    """A data object as it is stored: the document, and what lies over it when it is served. Times are UTC ms."""

    id: str
    dataclass: str
    origin: str
    version: int
    create_time: int
    update_time: int
    handle_status: str
    owner: str | None
    close_time: int | None
    # Minutes east of UTC in which close_time was given.
    close_offset: int | None
    close_reason: str | None
    close_comment: str | None
    incident_id: str | None
    title: str
    document: str


class Handling(msgspec.Struct, frozen=True, kw_only=True):
    """The part of an object that changes as people work on it."""

    handle_status: str = "Open"
    owner: str | None = None
    close_time: int | None = None
    close_offset: int | None = None
    close_reason: str | None = None
    close_comment: str | None = None


def handling_of(row: ObjectRow) -> Handling:
    return Handling(
        handle_status=row.handle_status,
        owner=row.owner,
        close_time=row.close_time,
        close_offset=row.close_offset,
        close_reason=row.close_reason,
        close_comment=row.close_comment,
    )


def with_status(before: Handling, status: str, given: dict[str, Any], *, now_ms: int, offset_min: int) -> Handling:
    """What handling looks like after a change of status; `given` holds the fields that the request names itself.

    Closing sets the time. Leaving Closed clears what closing set. An object that was closed stays as it was closed.
    """
    cleared: dict[str, Any] = {}
    if status == "Closed" and before.handle_status != "Closed":
        cleared = {"close_time": now_ms, "close_offset": offset_min}
    elif status != "Closed" and before.handle_status == "Closed":
        cleared = {"close_time": None, "close_offset": None, "close_reason": None, "close_comment": None}
    return msgspec.structs.replace(before, handle_status=status, **(cleared | given))


def listed(value: str, allowed: tuple[str, ...], field: str) -> str:
    """The listed spelling of a value, whatever its case. Raises InvalidRequest naming the field and the choices."""
    folded = value.casefold()
    for choice in allowed:
        if choice.casefold() == folded:
            return choice
    raise InvalidRequest(f"must be one of {', '.join(allowed)}", field=field)


def severity_rank(severity: str) -> int:
    """0 for Tips up to 4 for Fatal."""
    return SEVERITIES.index(severity)
