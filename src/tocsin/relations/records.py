"""Links between two data objects, known here by class name and id only."""

from typing import NamedTuple

import msgspec


class ObjectKey(NamedTuple):
    """A data object within its workspace."""

    dataclass: str
    id: str


class RelatedId(msgspec.Struct, frozen=True):
    """An object of a page, and one that it is related to."""

    object_id: str
    related_class: str
    related_id: str


class RelationMark(msgspec.Struct, frozen=True):
    """What a relation says about itself beside the two objects that it links."""

    object_id: str
    evidence: bool
    conversion_id: str | None
    create_time: int


def ordered(one: ObjectKey, other: ObjectKey) -> tuple[ObjectKey, ObjectKey]:
    """The pair in the order in which it is stored."""
    return (one, other) if one <= other else (other, one)
