"""Types of data objects, and which of them the texts of a request mean."""

from collections.abc import Sequence

import msgspec

from tocsin.errors import InvalidRequest

# Candidates that the message about an ambiguous text names; an operator may have made hundreds.
_NAMED_CANDIDATES = 5
_NO_SUCH_TYPE = "no type has these texts; see the list of types"


class ObjectType(msgspec.Struct, frozen=True):
    """One row of the type list: a parent (its `sub_*` are None), or a child together with its parent's names."""

    # 32 hexadecimal digits for a built-in type, a dashed UUID for a custom one.
    id: str
    # 1 parent, 2 child.
    level: int
    category: str
    category_code: str
    category_zh: str | None = None
    sub_category: str | None = None
    sub_category_code: str | None = None
    sub_category_zh: str | None = None
    enabled: bool = True
    is_built_in: bool = True
    # Time to respond in ms, 0 for none.
    sla_ms: int = 0
    description: str = ""
    # 0 for a built-in type, which nobody made; UTC milliseconds.
    create_time: int = 0
    update_time: int = 0
    creator_id: str = ""
    creator_name: str = ""
    modifier_id: str = ""
    modifier_name: str = ""

    @property
    def shown(self) -> str:
        """How messages name it."""
        parent, child = self.category_code, self.sub_category_code
        return parent if child is None else f"{parent} / {child}"

    def fits(self, category: str | None, child: str | None) -> bool:
        """Whether an object with these texts is of this type."""
        fits_category = category is None or _place_of_category(self, category) is not None
        if self.sub_category_code is None:
            return category is not None and fits_category
        return fits_category and child is not None and _place_of_child(self, child) is not None


class TypeTexts(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert or incident stores of its type."""

    category: str | None
    child: str | None
    sla_ms: int = 0
    # None where the texts name no type that we know.
    type_id: str | None = None


def resolve_type(
    types: Sequence[ObjectType],
    *,
    type_id: str | None,
    category: str | None,
    child: str | None,
    strict: bool,
    field: str,
) -> TypeTexts | None:
    """The type that a request means (API reference, conversion, "Type input"); None if it names none at all.

    `types` are those of one data class in one workspace, each parent a row of its own. Empty counts as absent.

    - A known id decides, and the texts must be names of that same type. Ids are compared exactly.
    - Otherwise the texts decide, by code, then English name, then Chinese name, ignoring case. The category alone
      means the parent; with both given, both must fit one row, so a known child under a foreign category is unknown.
    - Of equals, an enabled type goes before a disabled one, and a custom type before the built-in that it repeats.
    - Texts are stored as sent, the type's codes where none were; those that fit nothing too, unless `strict`.

    InvalidRequest (of `field`, or of its `id`): a lone unknown id, an id and texts that disagree, texts that fit
    several types equally well, a disabled type, or unknown texts when `strict`.
    """
    type_id, category, child = type_id or None, category or None, child or None
    if type_id is None and category is None and child is None:
        return None
    found = _by_id(types, type_id, category=category, child=child, field=f"{field}.id")
    if found is None:
        found = _by_texts(types, category=category, child=child, field=field)
    if found is None:
        return _unknown(category, child, strict=strict, field=field)
    if not found.enabled:
        raise InvalidRequest(f"the type {found.shown} is disabled", field=field)
    return TypeTexts(
        category=category or found.category_code,
        child=child or found.sub_category_code,
        sla_ms=found.sla_ms,
        type_id=found.id,
    )


def unusable(
    types: Sequence[ObjectType], *, category: str | None, child: str | None, strict: bool, flat: bool
) -> str | None:
    """Why an object may not have these texts: they mean a disabled type, or, when `strict`, none at all.

    None for texts that may be stored as they are. `flat` is of a class whose types may have one level: the child text
    may then name a type by itself.
    """
    level = 1 if not child else 2
    fitting = [row for row in types if row.level == level and row.fits(category or None, child or None)]
    if flat and not fitting:
        fitting = [row for row in types if row.level == 1 and row.fits(child or None, None)]
    if fitting and not any(row.enabled for row in fitting):
        return f"the type {fitting[0].shown} is disabled"
    return _NO_SUCH_TYPE if strict and not fitting else None


def _by_id(
    types: Sequence[ObjectType], type_id: str | None, *, category: str | None, child: str | None, field: str
) -> ObjectType | None:
    """None leaves the decision to the texts."""
    found = next((row for row in types if row.id == type_id), None)
    if found is None:
        if category is None and child is None:
            raise InvalidRequest("no type has this id; give a known one, or the type's texts", field=field)
        return None
    if _place_of_category(found, category) is None or _place_of_child(found, child) is None:
        raise InvalidRequest(f"this is {found.shown}, and the texts name another type; leave one out", field=field)
    return found


def _by_texts(types: Sequence[ObjectType], *, category: str | None, child: str | None, field: str) -> ObjectType | None:
    level = 1 if child is None else 2
    fitting: dict[tuple[int, int], list[ObjectType]] = {}
    for row in types:
        places = _place_of_category(row, category), _place_of_child(row, child)
        if row.level == level and places[0] is not None and places[1] is not None:
            fitting.setdefault((places[0], places[1]), []).append(row)
    if not fitting:
        return None
    equals = _preferred(fitting[min(fitting)], any_parent=category is not None)
    if len(equals) > 1:
        missing = "`category` or `id`" if category is None else "`id`"
        raise InvalidRequest(f"this may be {_listed(equals)}; add {missing}", field=field)
    return equals[0]


def _preferred(equals: list[ObjectType], *, any_parent: bool) -> list[ObjectType]:
    """Without a category, a custom row goes first only under the same parent: elsewhere the parent is in doubt."""
    enabled = [row for row in equals if row.enabled] or equals
    custom = [row for row in enabled if not row.is_built_in]
    one_parent = len({row.category_code.casefold() for row in enabled}) == 1
    return custom if custom and (any_parent or one_parent) else enabled


def _unknown(category: str | None, child: str | None, *, strict: bool, field: str) -> TypeTexts:
    if strict:
        raise InvalidRequest(_NO_SUCH_TYPE, field=field)
    return TypeTexts(category=category, child=child)


def _place_of_category(row: ObjectType, text: str | None) -> int | None:
    return _place(text, (row.category_code, row.category, row.category_zh))


def _place_of_child(row: ObjectType, text: str | None) -> int | None:
    return _place(text, (row.sub_category_code, row.sub_category, row.sub_category_zh))


def _place(text: str | None, names: tuple[str | None, ...]) -> int | None:
    """How early the text stands among the names; no text fits at once, and None is no fit."""
    if text is None:
        return 0
    folded = text.casefold()
    return next((place for place, name in enumerate(names) if name is not None and name.casefold() == folded), None)


def _listed(rows: list[ObjectType]) -> str:
    named = [f"{row.shown} ({row.id})" for row in rows[:_NAMED_CANDIDATES]]
    more = len(rows) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
