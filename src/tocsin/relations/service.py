"""Links between data objects: symmetric, stored once for a pair, marked rather than removed when deleted."""

from collections.abc import Iterable, Sequence

import msgspec

from tocsin.relations.records import ObjectKey, RelatedId, RelationMark, ordered
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)
_ENCODER = msgspec.json.Encoder()


def relate(
    tx: Transaction,
    scope: Scope,
    pairs: Iterable[tuple[ObjectKey, ObjectKey]],
    *,
    conversion_id: str | None = None,
    evidence: bool = False,
) -> None:
    """Link each pair; the objects exist. A link that stands already is kept, and may gain the evidence mark."""
    rows = []
    for one, other in pairs:
        first, second = ordered(one, other)
        rows.append(
            {
                "workspace_id": scope.workspace_id,
                "from_class": first.dataclass,
                "from_id": first.id,
                "to_class": second.dataclass,
                "to_id": second.id,
                "conversion_id": conversion_id,
                "evidence": evidence,
                "creator_id": scope.caller.user_id,
                "now": scope.now_ms,
            }
        )
    tx.run_many(SQL.upsert_relation, rows)


def drop_relations(tx: Transaction, scope: Scope, dataclass: str, ids: Sequence[str]) -> None:
    """Mark every link of these objects as deleted."""
    rows = [{"workspace_id": scope.workspace_id, "dataclass": dataclass, "id": one, "now": scope.now_ms} for one in ids]
    tx.run_many(SQL.mark_relations_deleted, rows)
    tx.run_many(SQL.mark_relations_deleted_backwards, rows)


def drop_pairs(tx: Transaction, scope: Scope, pairs: Iterable[tuple[ObjectKey, ObjectKey]]) -> None:
    """Mark the links of these pairs as deleted; one that does not stand is left alone."""
    rows = []
    for one, other in pairs:
        first, second = ordered(one, other)
        rows.append(
            {
                "workspace_id": scope.workspace_id,
                "from_class": first.dataclass,
                "from_id": first.id,
                "to_class": second.dataclass,
                "to_id": second.id,
                "now": scope.now_ms,
            }
        )
    tx.run_many(SQL.mark_pair_deleted, rows)


def list_pairs(
    tx: Transaction, workspace_id: str, mains: Sequence[ObjectKey], related_class: str, related_ids: Sequence[str]
) -> list[RelatedId]:
    """Which of some objects, all of one class, are related to which of some others."""
    params = {
        "workspace_id": workspace_id,
        "dataclass": mains[0].dataclass,
        "ids": _ENCODER.encode([main.id for main in mains]).decode(),
        "related_class": related_class,
        "related_ids": _ENCODER.encode(related_ids).decode(),
    }
    return tx.rows(SQL.list_pairs, RelatedId, params)


def list_related_ids(tx: Transaction, workspace_id: str, dataclass: str, ids: Sequence[str]) -> list[RelatedId]:
    """Every object that is related to one of these, of whatever class, in one statement for a whole page."""
    params = {"workspace_id": workspace_id, "dataclass": dataclass, "ids": _ENCODER.encode(ids).decode()}
    return tx.rows(SQL.list_related_ids, RelatedId, params)


def list_marks(
    tx: Transaction, workspace_id: str, main: ObjectKey, related_class: str, related_ids: Sequence[str]
) -> list[RelationMark]:
    """What the links between one object and some objects of another class say: evidence, conversion, age."""
    params = {
        "workspace_id": workspace_id,
        "dataclass": main.dataclass,
        "id": main.id,
        "related_class": related_class,
        "ids": _ENCODER.encode(related_ids).decode(),
    }
    return tx.rows(SQL.list_marks, RelationMark, params)
