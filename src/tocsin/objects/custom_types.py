"""Types that a workspace makes for itself: made, switched on and off, and deleted when nothing uses them."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.object_types import service as object_types
from tocsin.object_types.records import ObjectType
from tocsin.object_types.service import TypeForm
from tocsin.objects.records import DataClass
from tocsin.objects.service import SQL
from tocsin.storage.database import Transaction
from tocsin.workspaces.records import Scope

AUDIT_CLASS = "types"
_SHOWN_USERS = 100  # the published maximum
_ENCODER = msgspec.json.Encoder()


class TypeUser(msgspec.Struct, frozen=True):
    """An object that uses a type, or a child type of a parent."""

    name: str
    id: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a type was not deleted."""

    type_id: str
    reason: Literal["in_use", "built_in", "has_children"]
    count: int
    users: Sequence[TypeUser]


class _Texts(msgspec.Struct, frozen=True):
    category: str | None
    sub_category: str | None
    objects: int


class _Example(msgspec.Struct, frozen=True):
    category: str | None
    sub_category: str | None
    id: str
    title: str


def make_type(tx: Transaction, scope: Scope, dataclass: DataClass, form: TypeForm) -> ObjectType:
    """Raises InvalidRequest when the workspace has made this type before."""
    made = object_types.create_type(tx, scope, dataclass.name, form)
    record_changes(tx, scope, (Change(AUDIT_CLASS, one.id, {"type": (None, one.shown)}) for one in made))
    return made[0]


def set_enabled(tx: Transaction, scope: Scope, dataclass: DataClass, ids: Sequence[str], *, enabled: bool) -> None:
    """All of them or none. Raises InvalidRequest for an unknown type, and for disabling a built-in one."""
    before = {one.id: one.enabled for one in object_types.get_types(tx, scope, dataclass.name, ids)}
    object_types.enable_types(tx, scope, dataclass.name, ids, enabled=enabled)
    record_changes(
        tx, scope, (Change(AUDIT_CLASS, one, {"enabled": (before[one], enabled)}) for one in dict.fromkeys(ids))
    )


def delete_types(
    tx: Transaction, scope: Scope, dataclass: DataClass, ids: Sequence[str], *, really: bool
) -> list[Refusal]:
    """Delete the types that nothing needs, unless this is only a look (`really` is false); returns what stays, and why.

    Objects, child types that are not among `ids`, and being built in keep a type. An unknown id is not there already.
    """
    every = object_types.list_types(tx, scope, dataclass.name)
    wanted = [one for one in every if one.id in ids]
    refusals = _refusals(tx, scope, dataclass, wanted, every)
    if really:
        kept = {one.type_id for one in refusals}
        gone = [one for one in wanted if one.id not in kept]
        object_types.remove_types(tx, scope, dataclass.name, [one.id for one in gone])
        record_changes(tx, scope, (Change(AUDIT_CLASS, one.id, {"type": (one.shown, None)}) for one in gone))
    return refusals


def _refusals(
    tx: Transaction, scope: Scope, dataclass: DataClass, wanted: Sequence[ObjectType], every: Sequence[ObjectType]
) -> list[Refusal]:
    params = {"workspace_id": scope.workspace_id, "dataclass": dataclass.name}
    used = [
        (one, texts)
        for texts in tx.rows(SQL.count_type_texts, _Texts, params)
        for one in wanted
        if _uses(dataclass, one, texts.category, texts.sub_category)
    ]
    pairs = [[texts.category or "", texts.sub_category or ""] for _, texts in used]
    examples = tx.rows(
        SQL.list_objects_of_texts,
        _Example,
        {**params, "texts": _ENCODER.encode(pairs).decode(), "limit": _SHOWN_USERS},
    )
    refusals: list[Refusal] = []
    # Children first: one that stays keeps its parent.
    for one in sorted(wanted, key=lambda one: -one.level):
        count = sum(texts.objects for user, texts in used if user is one)
        users = [
            TypeUser(row.title, row.id) for row in examples if _uses(dataclass, one, row.category, row.sub_category)
        ]
        going = [other for other in wanted if other.id not in {refusal.type_id for refusal in refusals}]
        children = _children(one, going, every)
        if one.is_built_in:
            refusals.append(Refusal(type_id=one.id, reason="built_in", count=count, users=users[:_SHOWN_USERS]))
        elif count:
            refusals.append(Refusal(type_id=one.id, reason="in_use", count=count, users=users[:_SHOWN_USERS]))
        elif children:
            named = [TypeUser(child.shown, child.id) for child in children[:_SHOWN_USERS]]
            refusals.append(Refusal(type_id=one.id, reason="has_children", count=len(children), users=named))
    return refusals


def _uses(dataclass: DataClass, one: ObjectType, category: str | None, child: str | None) -> bool:
    """Whether an object with these texts is of a type. Indicators name a type of one level by either text."""
    return one.fits(category, child) or (not dataclass.handled and child is not None and one.fits(child, None))


def _children(parent: ObjectType, going: Sequence[ObjectType], every: Sequence[ObjectType]) -> list[ObjectType]:
    """The child types that would lose their parent."""
    others = [one for one in every if one.level == 1 and one is not parent and one not in going]
    code = parent.category_code.casefold()
    if parent.level != 1 or any(one.category_code.casefold() == code for one in others):
        return []
    return [one for one in every if one.level == 2 and one.category_code.casefold() == code and one not in going]
