"""Removing for good, in portions: each is one transaction and complete in itself. `runner.py` puts them in a row.

What a conversion holds together goes together: alerts, incidents, relations and the conversion's record. So no
conversion is ever without its incident, no alert names one that is gone, and no relation lacks an end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from tocsin.ids import derived_id
from tocsin.objects.records import ALERTS, INCIDENTS
from tocsin.retention.records import (
    PAGE,
    PORTION,
    Candidate,
    Counts,
    Group,
    Member,
    Membership,
    Plan,
    Run,
    Target,
    grouped,
)
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries

SQL = load_queries(__package__ or __name__)
_ENCODER = msgspec.json.Encoder()

# What goes with objects, by statements that take workspace_id, dataclass and ids: what refers to them goes before them,
# what only names them after. A new table of things that hang on objects is named here, and in _OF_WORKSPACE.
_BEFORE_OBJECTS = (
    ("relations", SQL.remove_relations),
    ("relations", SQL.remove_relations_backwards),
    ("source_events", SQL.remove_source_events),
)
_AFTER_OBJECTS = (("notes", SQL.remove_notes),)
# Everything that a workspace holds, in an order that leaves whole what is left at any point.
_OF_WORKSPACE = (
    ("relations", SQL.count_all_relations, SQL.clear_relations),
    ("conversions", SQL.count_all_conversions, SQL.clear_conversions),
    ("source_events", SQL.count_all_source_events, SQL.clear_source_events),
    ("objects", SQL.count_all_objects, SQL.clear_objects),
    ("notes", SQL.count_all_notes, SQL.clear_notes),
    ("attachments", SQL.count_all_attachments, SQL.clear_attachments),
    ("types", SQL.count_all_types, SQL.clear_types),
    ("answers", SQL.count_answers, SQL.remove_answers),
    ("audit", SQL.count_audit, SQL.remove_audit),
)
# What can be deleted without the object it belongs to.
_DELETED = (
    ("notes", SQL.count_deleted_notes, SQL.remove_deleted_notes),
    ("relations", SQL.count_deleted_relations, SQL.remove_deleted_relations),
)
_ALL_TIME = 2**63 - 1

# Conversions that only their own record leads to, by object: see `list_hidden`.
Hidden = Mapping[Member, set[str]]


class _HiddenLink(msgspec.Struct, frozen=True):
    conversion_id: str
    alert_id: str
    incident_id: str


def list_targets(tx: Transaction) -> list[Target]:
    """Every workspace, deleted ones too, oldest first."""
    return tx.rows(SQL.list_targets, Target, {})


def list_candidates(tx: Transaction, workspace_id: str, dataclass: str, plan: Plan, *, after: str) -> list[Candidate]:
    """The next page of a class, by id; objects that are not old enough are among them."""
    params = {"workspace_id": workspace_id, "dataclass": dataclass, "cutoff": plan.cutoff_ms}
    return tx.rows(SQL.list_page, Candidate, {**params, "after": after, "page": PAGE})


def list_conversions(tx: Transaction, workspace_id: str, plan: Plan, *, after: str) -> list[str]:
    """The next page of conversions that are old enough, by id."""
    params = {"workspace_id": workspace_id, "cutoff": plan.cutoff_ms, "after": after, "page": PORTION}
    return tx.values(SQL.list_conversions, params)


def list_hidden(tx: Transaction, workspace_id: str, conversion_ids: Sequence[str]) -> list[tuple[Member, str]]:
    """Objects of these conversions that no relation leads back from, each with its conversion."""
    found = tx.rows(SQL.list_hidden, _HiddenLink, {"workspace_id": workspace_id, "ids": _json(conversion_ids)})
    return [
        (member, one.conversion_id)
        for one in found
        for member in (Member(ALERTS.name, one.alert_id), Member(INCIDENTS.name, one.incident_id))
    ]


def find_groups(
    tx: Transaction, workspace_id: str, conversion_ids: Iterable[str], plan: Plan, hidden: Hidden
) -> list[Group]:
    """What hangs together with these conversions, step by step; nothing is looked for behind a younger object."""
    conversions: dict[str, set[Member]] = {}
    younger: set[Member] = set()
    known: set[Member] = set()
    asked: set[str] = set()
    frontier = set(conversion_ids)
    while frontier:
        asked |= frontier
        params = {"workspace_id": workspace_id, "ids": _json(frontier)}
        found = set()
        for one in tx.rows(SQL.list_members, Membership, params):
            member = Member(one.dataclass, one.id)
            conversions.setdefault(one.conversion_id, set()).add(member)
            found.add(member)
        found -= known
        known |= found
        younger |= _younger(tx, workspace_id, found, plan)
        frontier = _holders(tx, workspace_id, found - younger, hidden) - asked
    return grouped(conversions, younger)


def remove_groups(
    tx: Transaction, workspace_id: str, conversion_ids: Sequence[str], plan: Plan, hidden: Hidden
) -> Counts:
    """Remove what hangs together with these conversions, unless part of it became younger meanwhile."""
    groups = [one for one in find_groups(tx, workspace_id, conversion_ids, plan, hidden) if one.expired]
    ids = {name: [one for group in groups for one in group.ids(name)] for name in (ALERTS.name, INCIDENTS.name)}
    return _remove(tx, workspace_id, ids, [one for group in groups for one in sorted(group.conversions)])


def remove_loose(tx: Transaction, workspace_id: str, dataclass: str, object_ids: Sequence[str], plan: Plan) -> Counts:
    """Remove those of these objects that are still old enough and in no conversion."""
    params = {"workspace_id": workspace_id, "dataclass": dataclass, "cutoff": plan.cutoff_ms, "ids": _json(object_ids)}
    return _remove(tx, workspace_id, {dataclass: tx.values(SQL.lock_loose, params)}, ())


def count_old_audit(tx: Transaction, workspace_id: str, plan: Plan) -> int:
    return int(tx.values(SQL.count_audit, {"workspace_id": workspace_id, "until": plan.cutoff_ms})[0])


def remove_old_audit(tx: Transaction, workspace_id: str, plan: Plan) -> Counts:
    params = {"workspace_id": workspace_id, "until": plan.cutoff_ms, "portion": PORTION}
    return Counts(audit=tx.run(SQL.remove_audit, params))


def count_old_answers(tx: Transaction, workspace_id: str, plan: Plan) -> int:
    return int(tx.values(SQL.count_answers, {"workspace_id": workspace_id, "until": plan.answers_ms})[0])


def remove_old_answers(tx: Transaction, workspace_id: str, plan: Plan) -> Counts:
    params = {"workspace_id": workspace_id, "until": plan.answers_ms, "portion": PORTION}
    return Counts(answers=tx.run(SQL.remove_answers, params))


def count_deleted(tx: Transaction, workspace_id: str, plan: Plan) -> Counts:
    """Notes, and relations of no conversion, that people deleted."""
    params = {"workspace_id": workspace_id, "until": plan.cutoff_ms}
    return +Counts({name: int(tx.values(count, params)[0]) for name, count, _ in _DELETED})


def remove_deleted(tx: Transaction, workspace_id: str, plan: Plan) -> Counts:
    params = {"workspace_id": workspace_id, "until": plan.cutoff_ms, "portion": PORTION}
    return +Counts({name: tx.run(remove, params) for name, _, remove in _DELETED})


def count_expired_tokens(tx: Transaction, now_ms: int) -> int:
    return int(tx.values(SQL.count_tokens, {"now": now_ms})[0])


def remove_expired_tokens(tx: Transaction, now_ms: int) -> int:
    return tx.run(SQL.remove_tokens, {"now": now_ms, "portion": PORTION})


def count_whole(tx: Transaction, workspace_id: str) -> Counts:
    """Everything that a workspace holds."""
    params = {"workspace_id": workspace_id, "until": _ALL_TIME}
    return +Counts({name: int(tx.values(count, params)[0]) for name, count, _ in _OF_WORKSPACE})


def remove_whole(tx: Transaction, workspace_id: str, plan: Plan) -> Counts:
    """A portion of what a workspace holds that was deleted before the cutoff; the workspace itself comes last."""
    where = {"workspace_id": workspace_id, "cutoff": plan.cutoff_ms}
    if not tx.values(SQL.is_deleted, where):
        return Counts()
    for name, _, clear in _OF_WORKSPACE:
        removed = tx.run(clear, {"workspace_id": workspace_id, "portion": PORTION, "until": _ALL_TIME})
        if removed:
            return Counts({name: removed})
    return Counts(workspaces=tx.run(SQL.remove_workspace, where))


def record_run(tx: Transaction, workspace_id: str, run: Run, removed: Counts, *, whole: bool) -> None:
    """The one audit row of a run in a workspace, brought up to date in the transaction of each portion.

    It is the administration's when the workspace goes itself.
    """
    values = {
        "workspace_id": workspace_id,
        "now": run.now_ms,
        "request_id": run.request_id,
        "user_id": run.actor.user_id,
        "user_name": run.actor.user_name,
        "changes": _ENCODER.encode({f"{name} removed": (None, number) for name, number in removed.items()}).decode(),
    }
    if whole:
        tx.run(SQL.record_whole, {**values, "id": derived_id(run.request_id.encode(), workspace_id.encode())})
    else:
        tx.run(SQL.record_run, values)


def recorded(
    work: Callable[[Transaction], Counts], workspace_id: str, run: Run, so_far: Counts, *, whole: bool = False
) -> Callable[[Transaction], Counts]:
    """A portion together with its audit row, which counts what earlier portions of the run removed."""

    def portion(tx: Transaction) -> Counts:
        removed = work(tx)
        if removed.total():
            record_run(tx, workspace_id, run, so_far + removed, whole=whole)
        return removed

    return portion


def _younger(tx: Transaction, workspace_id: str, members: Iterable[Member], plan: Plan) -> set[Member]:
    younger = set()
    for dataclass, ids in _by_class(members).items():
        params = {"workspace_id": workspace_id, "dataclass": dataclass, "cutoff": plan.cutoff_ms, "ids": _json(ids)}
        younger |= {Member(dataclass, one) for one in tx.values(SQL.list_younger, params)}
    return younger


def _holders(tx: Transaction, workspace_id: str, members: set[Member], hidden: Hidden) -> set[str]:
    """The conversions that these objects are part of."""
    ids = _by_class(members)
    params = {"workspace_id": workspace_id, **{name: _json(ids[name]) for name in (ALERTS.name, INCIDENTS.name)}}
    found = set(tx.values(SQL.list_holders, params))
    return found.union(*(hidden[one] for one in members & hidden.keys()))


def _by_class(members: Iterable[Member]) -> dict[str, list[str]]:
    ids: dict[str, list[str]] = {ALERTS.name: [], INCIDENTS.name: []}
    for one in members:
        ids[one.dataclass].append(one.id)
    return ids


def _remove(
    tx: Transaction, workspace_id: str, ids: Mapping[str, Sequence[str]], conversion_ids: Sequence[str]
) -> Counts:
    """Objects by class, what goes with them, and the records of conversions that have nobody left."""
    removed = Counts()
    params: list[tuple[str, dict[str, Any]]] = [
        (dataclass, {"workspace_id": workspace_id, "dataclass": dataclass, "ids": _json(some)})
        for dataclass, some in ids.items()
        if some
    ]
    for _, values in params:
        for name, statement in _BEFORE_OBJECTS:
            removed[name] += tx.run(statement, values)
    if conversion_ids:
        values = {"workspace_id": workspace_id, "ids": _json(conversion_ids)}
        removed["conversions"] += tx.run(SQL.remove_conversions, values)
    for dataclass, values in params:
        removed[dataclass] += tx.run(SQL.remove_objects, values)
        for name, statement in _AFTER_OBJECTS:
            removed[name] += tx.run(statement, values)
    return +removed


def _json(ids: Iterable[str]) -> str:
    return _ENCODER.encode(list(ids)).decode()
