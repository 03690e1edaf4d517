"""What is to be removed for good, and what was: plans, portions and counts."""

from collections import Counter
from typing import NamedTuple

import msgspec

from tocsin.identity.records import Caller

PORTION = 500  # rows of a transaction: a server that writes beside it waits for milliseconds
PAGE = 2_000  # objects that are looked at in one read

# How many rows of which kind: `alerts`, `relations`, `conversions`, `audit`, `answers`, ...
Counts = Counter[str]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What may go. Times are UTC milliseconds."""

    # Rows that were last changed before this are old enough.
    cutoff_ms: int
    # Answers by idempotency key that were stored before this; never one that a client may still ask for.
    answers_ms: int
    # Names of data classes.
    classes: tuple[str, ...] = ()
    audit: bool = False
    # Workspaces that were deleted before the cutoff, with everything in them.
    workspaces: bool = False


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Who prunes, when: what the audit row of a run says."""

    actor: Caller
    request_id: str
    now_ms: int


class Target(msgspec.Struct, frozen=True):
    """A workspace, deleted ones included."""

    id: str
    name: str
    deleted_time: int | None


class Candidate(msgspec.Struct, frozen=True):
    """An object: is it old enough, and, if so, does a conversion hold it?"""

    id: str
    expired: bool
    linked: bool


class Member(NamedTuple):
    """An object within its workspace."""

    dataclass: str
    id: str


class Membership(msgspec.Struct, frozen=True):
    """A conversion, and an object that it names."""

    conversion_id: str
    dataclass: str
    id: str


class Group(msgspec.Struct, frozen=True):
    """What hangs together by conversions, and so goes together or stays."""

    conversions: frozenset[str]
    members: frozenset[Member]
    # Every member is old enough.
    expired: bool

    def ids(self, dataclass: str) -> list[str]:
        return sorted(one.id for one in self.members if one.dataclass == dataclass)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a run removed, or would remove, from one workspace."""

    target: Target
    removed: Counts
    # Objects that are old enough, but part of a conversion with something that is younger or was not asked for.
    kept: Counts
    # The workspace itself went too.
    whole: bool = False


def grouped(conversions: dict[str, set[Member]], younger: set[Member]) -> list[Group]:
    """Conversions that share an object, over any number of steps, as one group each."""
    holders: dict[Member, list[str]] = {}
    for conversion_id, named in conversions.items():
        for one in named:
            holders.setdefault(one, []).append(conversion_id)
    groups = []
    seen: set[str] = set()
    for first in conversions:
        if first in seen:
            continue
        together, waiting = {first}, [first]
        while waiting:
            for member in conversions[waiting.pop()]:
                fresh = [one for one in holders[member] if one not in together]
                together.update(fresh)
                waiting.extend(fresh)
        seen |= together
        members = frozenset(member for one in together for member in conversions[one])
        groups.append(Group(frozenset(together), members, members.isdisjoint(younger)))
    return groups
