"""The one place where SQL is put together: searches, from a whitelist of fields and operators.

Values never become part of a text; they are parameters. Every condition is true or false, never NULL: an absent value
counts as the empty text.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tocsin.paging import Condition, Kind, Search, SearchField
from tocsin.storage.queries import Statement

_COLUMNS = {"create_time", "update_time"}
_ENGINE = "sqlite"  # whose functions the helpers below write


class Composed(msgspec.Struct, frozen=True):
    """A search as statements over the same rows, with their parameters."""

    page: Statement
    total: Statement
    # Characters of the documents on the page.
    weight: Statement
    params: dict[str, Any]


class _Parameters:
    """Hands out names for values; an equal value gets its name back."""

    def __init__(self, *, behind: bool) -> None:
        # Whether the page continues behind a row: its place in the index must then be the only one that is offered.
        self.behind = behind
        self.values: dict[str, Any] = {}
        self._names: dict[tuple[type, Any], str] = {}

    def add(self, value: Any) -> str:
        name = self._names.setdefault((type(value), value), f"v{len(self._names)}")
        self.values[name] = value
        return f":{name}"


def compose_search(base: Statement, search: Search, params: dict[str, Any]) -> Composed:
    """Statements for one page, its size, and the exact total.

    `base` selects from a table with the alias o and ends in a WHERE that names the workspace; `params` are its own.
    The order always ends in the id, which is unique.
    """
    if search.sort_by not in _COLUMNS:
        raise ValueError(f"no order by {search.sort_by}")
    parameters = _Parameters(behind=search.after is not None)
    text = base.text(_ENGINE).rstrip().rstrip(";")
    clauses = [text[text.index("FROM ") :]]
    # The row to continue behind lies within the window, so it stands for one end of it: of two bounds on the same side
    # SQLite takes the first, and would walk from there.
    passed = None if search.after is None or search.sort_by != "create_time" else search.descending
    if search.from_ms is not None and passed is not False:
        clauses.append(f"o.create_time >= {parameters.add(search.from_ms)}")
    if search.to_ms is not None and passed is not True:
        clauses.append(f"o.create_time <= {parameters.add(search.to_ms)}")
    if search.ids is not None:
        clauses.append(f"o.id IN (SELECT value FROM json_each({parameters.add(_json(search.ids))}))")
    if search.alternatives:
        alternatives = [
            _balanced([_condition(condition, parameters) for condition in conditions], "AND")
            for conditions in search.alternatives
        ]
        clauses.append(_balanced(alternatives, "OR"))
    rows = "\nAND    ".join(clauses)
    page = f"{rows}{_behind(search, parameters)}\n{_cut_out(search, parameters)}"
    weighed = f"SELECT COALESCE(sum(length(w.document)), 0) AS weight\nFROM   (SELECT o.document\n{page}) AS w"
    return Composed(
        page=Statement("search_page", {_ENGINE: text[: text.index("FROM ")] + page}),
        total=Statement("search_total", {_ENGINE: f"SELECT count(*) AS total\n{rows}"}),
        weight=Statement("search_weight", {_ENGINE: weighed}),
        params=params | parameters.values,
    )


def _behind(search: Search, parameters: _Parameters) -> str:
    if search.after is None:
        return ""
    time, row_id = search.after
    sign = "<" if search.descending else ">"
    return f"\nAND    (o.{search.sort_by}, o.id) {sign} ({parameters.add(time)}, {parameters.add(row_id)})"


def _cut_out(search: Search, parameters: _Parameters) -> str:
    direction = "DESC" if search.descending else "ASC"
    # A sign keeps SQLite from walking through all rows in their order only to spare itself sorting a few.
    sign = "+" if _names_rows(search) else ""
    return (
        f"ORDER BY {sign}o.{search.sort_by} {direction}, o.id {direction}\n"
        f"LIMIT  {parameters.add(search.limit)} OFFSET {parameters.add(search.offset)}"
    )


def _names_rows(search: Search) -> bool:
    """Whether only rows with listed ids are wanted."""
    return search.ids is not None or (
        len(search.alternatives) == 1
        and any(one.field.column == "id" and one.operator == "in" and not one.negated for one in search.alternatives[0])
    )


def _balanced(terms: Sequence[str], word: str) -> str:
    """Terms joined as a tree: a chain of a thousand would be deeper than engines accept."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({_balanced(terms[:middle], word)} {word} {_balanced(terms[middle:], word)})"


def _condition(condition: Condition, parameters: _Parameters) -> str:
    field = condition.field
    if field.each is None:
        positive = _comparison(condition, _expression(field, "o.document"), parameters)
    else:
        positive = _any_element(condition, field, parameters)
    return f"NOT ({positive})" if condition.negated else positive


def _expression(field: SearchField, document: str) -> str:
    if field.column is not None:
        value = f"o.{field.column}"
    elif field.spelling:
        path = f"'$.{'.'.join(field.path)}'"
        value = (
            f"CASE json_type({document}, {path}) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "
            f"ELSE {document} ->> {path} END"
        )
    else:
        value = f"{document} ->> '$.{'.'.join(field.path)}'"
    if field.required:
        return value
    return f"COALESCE({value}, '')" if field.kind is Kind.TEXT else f"({value})"


def _any_element(condition: Condition, field: SearchField, parameters: _Parameters) -> str:
    """Whether any element of a list matches; a list that is absent or empty counts as one empty value."""
    comparison = _comparison(condition, _expression(field, "e.value"), parameters)
    found = f"EXISTS (SELECT 1 FROM json_each(o.document, '$.{field.each}') AS e WHERE {comparison})"
    if not _matches_absence(condition):
        return found
    empty = f"NOT EXISTS (SELECT 1 FROM json_each(o.document, '$.{field.each}') AS e)"
    return f"({found} OR {empty})"


def _matches_absence(condition: Condition) -> bool:
    """Whether the positive form of a condition holds for an absent value."""
    if condition.field.kind is not Kind.TEXT:
        return None in condition.values
    value = str(condition.values[0]) if condition.values else None
    return {
        "=": value == "",
        "in": "" in condition.values,
        "contains": value == "",
        ">=": value == "",
        "<=": True,
        "<": value != "",
        ">": False,
    }[condition.operator]


def _comparison(condition: Condition, value: str, parameters: _Parameters) -> str:
    kind = condition.field.kind
    build: Callable[..., str] = _text_comparison if kind is Kind.TEXT else _ordered_comparison
    return build(condition, value, parameters)


def _text_comparison(condition: Condition, value: str, parameters: _Parameters) -> str:
    if condition.operator == "in":
        return f"{value} IN (SELECT value FROM json_each({parameters.add(_json(condition.values))}))"
    wanted = condition.values[0]
    if condition.operator == "contains":
        # SQLite's lower() knows ASCII only, which is what is wanted; instr() has no wildcards.
        return f"instr(lower({value}), {parameters.add(_ascii_lower(str(wanted)))}) > 0"
    return f"{value} {condition.operator} {parameters.add(wanted)}"


def _ordered_comparison(condition: Condition, value: str, parameters: _Parameters) -> str:
    """Numbers, times and severities. None stands for the empty text: it equals an absent value, nothing else does."""
    present = [one for one in condition.values if one is not None]
    terms = []
    if None in condition.values:
        terms.append(f"{value} IS NULL")
    if condition.operator == "in" and present:
        listed = f"{value} IN (SELECT value FROM json_each({parameters.add(_json(present))}))"
        terms.append(f"COALESCE({listed}, false)")
    elif present:
        compared = f"{value} {condition.operator} {parameters.add(present[0])}"
        terms.append(compared if condition.field.required and not parameters.behind else f"COALESCE({compared}, false)")
    return _balanced(terms, "OR") if terms else "false"


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode(values).decode()


def _ascii_lower(text: str) -> str:
    return "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)
