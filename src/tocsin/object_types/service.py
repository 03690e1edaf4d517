"""The types of data objects: the built-in catalogue and what a workspace added."""

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from tocsin.errors import InvalidRequest
from tocsin.ids import new_id
from tocsin.object_types.catalogue import BUILT_IN
from tocsin.object_types.records import ObjectType, unusable
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)
_ENCODER = msgspec.json.Encoder()

# The data classes that use the built-in catalogue. Of other classes only custom types are known.
CATALOGUED_CLASSES = ("alerts", "incidents")
_CATALOGUE_COLUMNS = (
    "id", "level", "category", "category_code", "category_zh", "sub_category", "sub_category_code", "sub_category_zh",
)  # fmt: skip


class TypeForm(msgspec.Struct, frozen=True, kw_only=True):
    """A type to be made: a parent, or (with `sub_category`) a child together with its parent's names."""

    category: str
    category_code: str
    sub_category: str | None = None
    sub_category_code: str | None = None
    description: str = ""
    enabled: bool = True
    sla_ms: int = 0


def list_types(tx: Transaction, scope: Scope, dataclass: str) -> list[ObjectType]:
    """Every type of a data class that the workspace has, built-in ones included, in no particular order."""
    return tx.rows(SQL.list_types, ObjectType, _of_class(scope, dataclass))


def list_candidates(
    tx: Transaction, scope: Scope, dataclass: str, *, type_id: str | None, category: str | None, child: str | None
) -> list[ObjectType]:
    """The types that an id or some names may mean: all that `records.resolve_type` needs of `list_types`.

    Built-in names are ASCII or Chinese, so the database can fold their case; the workspace's own come all.
    """
    params = {
        **_of_class(scope, dataclass),
        "type_id": type_id,
        "category": (category or "").casefold(),
        "child": (child or "").casefold(),
    }
    return tx.rows(SQL.list_candidates, ObjectType, params)


def unusable_types(
    tx: Transaction,
    scope: Scope,
    dataclass: str,
    texts: Collection[tuple[str | None, str | None]],
    *,
    strict: bool,
) -> dict[tuple[str | None, str | None] | None, str]:
    """Which of some category and child texts may not be used, and why.

    Only a workspace's own types can be disabled, so mostly one look at those is enough.
    """
    flat = dataclass not in CATALOGUED_CLASSES
    strict = strict and not flat
    if not texts or not (strict or tx.values(SQL.any_disabled_type, _of_class(scope, dataclass))):
        return {}
    types = list_types(tx, scope, dataclass)
    reasons = {pair: unusable(types, category=pair[0], child=pair[1], strict=strict, flat=flat) for pair in texts}
    return {pair: reason for pair, reason in reasons.items() if reason is not None}


def create_type(tx: Transaction, scope: Scope, dataclass: str, form: TypeForm) -> list[ObjectType]:
    """Make a custom type, and its parent where no type is that yet; returns what was made, the type asked for first.

    Raises InvalidRequest when the workspace has made this type before.
    """
    parents = [one for one in list_types(tx, scope, dataclass) if one.level == 1]
    folded = form.category_code.casefold()
    parent = next((one for one in parents if one.category_code.casefold() == folded), None)
    row = _row(scope, dataclass, form)
    ids = [row["id"]]
    if form.sub_category is not None:
        if parent is None:
            alone = _row(scope, dataclass, TypeForm(category=form.category, category_code=form.category_code))
            tx.run(SQL.insert_type, alone)
            ids.append(alone["id"])
        else:
            row |= {"category": parent.category, "category_code": parent.category_code}
    if not tx.run(SQL.insert_type, row):
        raise InvalidRequest(
            "this workspace has a type with this code",
            field="category_code" if form.sub_category is None else "sub_category_code",
        )
    return get_types(tx, scope, dataclass, ids)


def get_types(tx: Transaction, scope: Scope, dataclass: str, ids: Sequence[str]) -> list[ObjectType]:
    """The types with these ids that exist, in the order of the ids."""
    found = {one.id: one for one in list_types(tx, scope, dataclass)}
    return [found[one] for one in dict.fromkeys(ids) if one in found]


def enable_types(tx: Transaction, scope: Scope, dataclass: str, ids: Sequence[str], *, enabled: bool) -> None:
    """Enable or disable custom types, all of them or none. Raises InvalidRequest for an unknown or built-in type."""
    types = get_types(tx, scope, dataclass, ids)
    if missing := set(ids) - {one.id for one in types}:
        raise InvalidRequest(f"there is no type {min(missing)!r}", field="ids")
    if not enabled and any(one.is_built_in for one in types):
        raise InvalidRequest("a built-in type cannot be disabled", field="ids")
    tx.run(
        SQL.enable_types,
        {
            **_of_class(scope, dataclass),
            "ids": _ENCODER.encode(ids).decode(),
            "enabled": enabled,
            "modifier_id": scope.caller.user_id,
            "modifier_name": scope.caller.user_name,
            "now": scope.now_ms,
        },
    )


def remove_types(tx: Transaction, scope: Scope, dataclass: str, ids: Sequence[str]) -> None:
    """Remove custom types; whether something uses them, the caller has looked."""
    tx.run(SQL.delete_types, {**_of_class(scope, dataclass), "ids": _ENCODER.encode(ids).decode()})


def store_catalogue(tx: Transaction) -> None:
    """Bring the stored built-in types up to the catalogue of this program."""
    rows = [
        {"dataclass": dataclass} | {name: getattr(row, name) for name in _CATALOGUE_COLUMNS}
        for dataclass in CATALOGUED_CLASSES
        for row in BUILT_IN
    ]
    tx.run_many(SQL.upsert_built_in_type, rows)


def _row(scope: Scope, dataclass: str, form: TypeForm) -> dict[str, Any]:
    codes = [form.category_code.casefold(), (form.sub_category_code or "").casefold()]
    return {
        **_of_class(scope, dataclass),
        **msgspec.structs.asdict(form),
        "id": new_id(),
        # A key, so that the same type is refused from two places at once too.
        "codes": _ENCODER.encode(codes).decode(),
        "level": 1 if form.sub_category is None else 2,
        "creator_id": scope.caller.user_id,
        "creator_name": scope.caller.user_name,
        "now": scope.now_ms,
    }


def _of_class(scope: Scope, dataclass: str) -> dict[str, Any]:
    return {"workspace_id": scope.workspace_id, "dataclass": dataclass}
