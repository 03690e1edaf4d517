"""Relations that people make and drop between objects; those of conversions are `conversion/`'s."""

from collections.abc import Iterable, Sequence
from typing import Any

from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.errors import NothingNamed, ObjectNotFound
from tocsin.objects.records import ALERTS, INCIDENTS, DataClass, data_class_named
from tocsin.objects.service import end_conversion, lock_objects
from tocsin.relations.records import ObjectKey, ordered
from tocsin.relations.service import drop_pairs, list_pairs, relate
from tocsin.storage.database import Transaction
from tocsin.workspaces.records import Scope

Done = tuple[list[str], list[str]]


def relate_objects(
    tx: Transaction,
    scope: Scope,
    mains: Sequence[ObjectKey],
    related: DataClass,
    ids: Sequence[str],
    *,
    several: bool = False,
) -> Done:
    """Relate every main object, all of one class, to every object of `ids`; returns the ids done and not done.

    Unknown objects are not done, nor is an object to itself; a relation that stands already is done. A main object
    that does not exist raises ObjectNotFound, or, of `several`, is told with the ids that are not done. Raises
    NothingNamed when a list is empty.
    """
    mains, wanted, known = _locked(tx, scope, mains, related, ids, several=several)
    pairs = [
        (main, other)
        for main in mains
        if main.id in known[main.dataclass]
        for one in wanted
        if one in known[related.name] and (other := ObjectKey(related.name, one)) != main
    ]
    standing = _standing(tx, scope, mains, related, wanted)
    # Within one class a pair may be there both ways round.
    new = dict.fromkeys(ordered(*pair) for pair in pairs if pair not in standing)
    relate(tx, scope, new)
    _record(tx, scope, list(new), made=True)
    return _outcome(mains, wanted, known, {other.id for _, other in pairs})


def unrelate_objects(tx: Transaction, scope: Scope, main: ObjectKey, related: DataClass, ids: Sequence[str]) -> Done:
    """Drop the relations of one object to others; one that does not stand is done.

    Dropping the relation of a conversion ends that conversion for the alert: the alert stays as it is, and may be
    converted again. Raises NothingNamed, ObjectNotFound for the main object.
    """
    mains, wanted, known = _locked(tx, scope, [main], related, ids)
    others = (ObjectKey(related.name, one) for one in wanted if one in known[related.name])
    existing = [other for other in others if other != main]
    standing = _standing(tx, scope, mains, related, wanted)
    dropped = [(main, other) for other in existing if (main, other) in standing]
    drop_pairs(tx, scope, dropped)
    end_conversion(tx, scope, _conversions(dropped))
    _record(tx, scope, dropped, made=False)
    return _outcome(mains, wanted, known, {one.id for one in existing})


def _locked(
    tx: Transaction,
    scope: Scope,
    mains: Sequence[ObjectKey],
    related: DataClass,
    ids: Sequence[str],
    *,
    several: bool = False,
) -> tuple[list[ObjectKey], list[str], dict[str, set[str]]]:
    """Distinct mains and ids, and which of them exist, held until the end.

    Classes are locked in the order of their names, which is the order of a conversion.
    """
    wanted = list(dict.fromkeys(ids))
    mains = list(dict.fromkeys(mains))
    if not wanted or not mains:
        raise NothingNamed("name 1 to 100 objects to relate", field="ids")
    asked: dict[str, set[str]] = {related.name: set(wanted)}
    asked.setdefault(mains[0].dataclass, set()).update(main.id for main in mains)
    known = {name: set(lock_objects(tx, scope, data_class_named(name), sorted(asked[name]))) for name in sorted(asked)}
    if not several and mains[0].id not in known[mains[0].dataclass]:
        raise ObjectNotFound("Failed to obtain the data object.")
    return mains, wanted, known


def _standing(
    tx: Transaction, scope: Scope, mains: Sequence[ObjectKey], related: DataClass, ids: Sequence[str]
) -> set[tuple[ObjectKey, ObjectKey]]:
    return {
        (ObjectKey(mains[0].dataclass, pair.object_id), ObjectKey(pair.related_class, pair.related_id))
        for pair in list_pairs(tx, scope.workspace_id, mains, related.name, ids)
    }


def _outcome(mains: Sequence[ObjectKey], wanted: Sequence[str], known: dict[str, set[str]], done: set[str]) -> Done:
    unknown = [main.id for main in mains if main.id not in known[main.dataclass]]
    failed = [one for one in wanted if one not in done]
    return [one for one in wanted if one in done], list(dict.fromkeys([*unknown, *failed]))


def _conversions(pairs: Iterable[tuple[ObjectKey, ObjectKey]]) -> list[tuple[str, str]]:
    """Of some pairs, those of an alert and an incident, in this order."""
    ordered = (sorted(pair) for pair in pairs)
    return [
        (one.id, other.id)
        for one, other in ordered
        if (one.dataclass, other.dataclass) == (ALERTS.name, INCIDENTS.name)
    ]


def _record(tx: Transaction, scope: Scope, pairs: Sequence[tuple[ObjectKey, ObjectKey]], *, made: bool) -> None:
    """A row for each object that gained or lost relations, naming the others."""
    gained: dict[ObjectKey, dict[str, list[str]]] = {}
    for pair in pairs:
        for one, other in (pair, pair[::-1]):
            field = data_class_named(other.dataclass).list_field
            gained.setdefault(one, {}).setdefault(field, []).append(other.id)
    record_changes(
        tx, scope, (Change(one.dataclass, one.id, _fields(lists, made=made)) for one, lists in gained.items())
    )


def _fields(lists: dict[str, list[str]], *, made: bool) -> dict[str, tuple[Any, Any]]:
    return {field: (None, ids) if made else (ids, None) for field, ids in lists.items()}
