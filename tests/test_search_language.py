"""The search language against a plain reading of it: drawn objects, drawn conditions, and the ids that must be found.

Source: docs/reference/search.md. Objects are stored and searched in one transaction, which is taken back.
"""

import json
import operator
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fuzz_settings import drawing
from support import TestDesk, copy_desk
from test_alert_search import (
    EAST_8,
    NOW_MS,
    NUMBER_ELEMENTS,
    NUMBERS,
    ORDERED_OPERATORS,
    SERVER_FIELDS,
    SEVERITIES,
    TEXT_COLUMNS,
    TEXT_ELEMENTS,
    TEXT_MEMBERS,
    TEXT_OPERATORS,
    TIMES,
    conditions,
    scope_in,
)
from tocsin.objects import service
from tocsin.objects.records import ALERTS, INDICATORS, DataClass
from tocsin.objects.searching import IndicatorSearchBody, SearchBody, parse_search, search_fields
from tocsin.paging import Search
from tocsin.storage.sqlite import SqliteDatabase
from tocsin.times import parse_time
from tocsin.workspaces.records import Scope

TEXT, NUMBER, TIME, SEVERITY = "text", "number", "time", "severity"
SERVER_TIMES = ("create_time", "update_time")
INDICATOR_TEXTS = (
    "name", "value", "verdict", "status", "labels", "defanged", "revoked", "indicator_type.id",
    "indicator_type.category", "indicator_type.indicator_type", "environment.vendor_type", "environment.domain_id",
    "environment.region_id", "environment.project_id", "data_source.domain_id", "data_source.project_id",
    "data_source.region_id", "data_source.product_name", "data_source.product_feature",
)  # fmt: skip
INDICATOR_NUMBERS = ("confidence", "granular_marking", "data_source.source_type")
INDICATOR_TIMES = ("first_report_time", "last_report_time")

# What SQL, JSON paths, LIKE, templates and case folding make something of.
_LETTERS = st.sampled_from(
    [
        *"abAB%_'\"\\{}[]$:?*-,;. \n\t",
        "\x01",
        "\x1f",
        "\x7f",
        "é",
        "É",
        "漢",
        "ß",
        "İ",
        "\u212a",
        "\u2028",
        "\U0001f600",
    ]
)
_TEXT = st.text(_LETTERS, max_size=3)
_NAME = st.text(_LETTERS, min_size=1, max_size=3)
_INSTANTS = st.sampled_from(
    ["2026-03-01T08:15:00.000Z+0800", "2026-03-01T00:15:00Z", "2026-03-01T08:15:00.001+08:00",
     "2026-03-01T01:15:00.000Z+0100", "1969-12-31T23:59:59.999Z", "2026-03-01", "2026-02-25T06:13:20Z",
     "2026-02-25T14:13:20.001+08:00"]
)  # fmt: skip
_COUNTS = st.sampled_from([0, 1, 2, 3, 2**53])
_WANTED_NUMBERS = st.sampled_from(
    ["0", "1", "2.0", "1.5", " 3 ", "+7", "1e2", "65535", "-1", "9007199254740992", "9007199254740991", "9" * 20]
)


def _some(members: dict[str, Any], **always: Any) -> Any:
    return st.fixed_dictionaries(always, optional=members)


def _lists(members: dict[str, Any]) -> Any:
    return st.lists(_some(members), max_size=3)


_ALERT = _some(
    {
        "handle_status": st.sampled_from(["Open", "Block", "Closed"]),
        "close_reason": st.sampled_from(["Resolved", "Other"]),
        "severity": st.sampled_from(SEVERITIES),
        "ipdrr_phase": st.sampled_from(["Preparation", ""]),
        "simulation": st.one_of(st.booleans(), _TEXT, st.sampled_from(["true", "false"])),
        **dict.fromkeys(
            ("owner", "close_comment", "verification_state", "version", "domain_id", "region_id", "labels",
             "description", "source_url", "actor", "creator", "origin_id"),
            _TEXT,
        ),
        **dict.fromkeys(("count", "ttd", "ttr"), _COUNTS),
        **dict.fromkeys(("confidence", "criticality"), st.sampled_from([0, 1, 100, None])),
        **dict.fromkeys(TIMES, _INSTANTS),
        "environment": _some(
            dict.fromkeys(("vendor_type", "domain_id", "region_id", "project_id", "cross_workspace_id"), _TEXT)
        ),
        "data_source": _some(
            {
                "source_type": st.integers(1, 3),
                "region_id": st.none(),
                **dict.fromkeys(
                    ("domain_id", "project_id", "company_name", "product_name", "product_feature", "product_module"), _TEXT
                ),
            }
        ),
        "alert_type": _some({"category": _TEXT, "alert_type": _TEXT}),
        "network_list": _lists(
            {
                "src_ip": st.one_of(_TEXT, st.none()),
                **dict.fromkeys(("dest_ip", "src_domain", "dest_domain"), _TEXT),
                "src_port": st.sampled_from([0, 7, 65535, "7", "", None]),
                "dest_port": st.sampled_from(["7", 7, "", None]),
            }
        ),
        "resource_list": _lists({"id": _TEXT, "name": _TEXT}),
        "file_info": _lists({"file_md5": _TEXT, "file_sha256": _TEXT}),
        "user_info": _lists({"user_name": _TEXT}),
        "process": _lists({"process_name": _TEXT}),
    },
    title=_NAME,
)  # fmt: skip
_INDICATOR = _some(
    {
        "verdict": st.sampled_from(["Black", "White", "Gray"]),
        "status": st.sampled_from(["Open", "Closed", "Revoked"]),
        "labels": _TEXT,
        "defanged": st.booleans(),
        "revoked": st.booleans(),
        "confidence": st.sampled_from([0, 1, 100, None]),
        "granular_marking": st.sampled_from([1, 2, "3", "4", "", None]),
        **dict.fromkeys(INDICATOR_TIMES, _INSTANTS),
        "environment": _some(dict.fromkeys(("vendor_type", "domain_id", "region_id", "project_id"), _TEXT)),
        "data_source": _some(
            {
                "source_type": st.sampled_from([0, 1, 9999]),
                **dict.fromkeys(("domain_id", "project_id", "region_id", "product_name", "product_feature"), _TEXT),
            }
        ),
    },
    name=_NAME,
    value=_NAME,
    indicator_type=_some({"id": _TEXT, "category": _TEXT}, indicator_type=_NAME),
)  # fmt: skip


class Language(NamedTuple):
    """What can be said of a data class: its objects, and the kind of each field."""

    dataclass: DataClass
    objects: Any
    kinds: dict[str, str]
    body: type[SearchBody]


ABOUT_ALERTS = Language(
    ALERTS,
    _ALERT,
    {
        **dict.fromkeys([*TEXT_COLUMNS, *TEXT_MEMBERS, *TEXT_ELEMENTS, "simulation", "id", "workspace_id"], TEXT),
        **dict.fromkeys([*NUMBERS, *NUMBER_ELEMENTS], NUMBER),
        **dict.fromkeys([*TIMES, *SERVER_TIMES], TIME),
        "severity": SEVERITY,
    },
    SearchBody,
)
ABOUT_INDICATORS = Language(
    INDICATORS,
    _INDICATOR,
    {
        **dict.fromkeys([*INDICATOR_TEXTS, "id", "workspace_id"], TEXT),
        **dict.fromkeys(INDICATOR_NUMBERS, NUMBER),
        **dict.fromkeys([*INDICATOR_TIMES, *SERVER_TIMES], TIME),
    },
    IndicatorSearchBody,
)


class Stored(NamedTuple):
    """An object as a client sent it, with the id it asked for, the time of its making and that of its last change."""

    id: str
    made: int
    changed: int
    sent: dict[str, Any]


_MOMENTS = st.sampled_from([NOW_MS, NOW_MS + 1, NOW_MS + 60_000])


@st.composite
def stored_objects(draw: st.DrawFn, objects: Any, *, least: int, most: int) -> list[Stored]:
    ids = draw(st.lists(_NAME.filter(lambda one: one.strip() == one), min_size=least, max_size=most, unique=True))
    made = [draw(_MOMENTS) for _ in ids]
    return [Stored(one, at, max(at, draw(_MOMENTS)), draw(objects)) for one, at in zip(ids, made, strict=True)]


@st.composite
def drawn_condition(draw: st.DrawFn, kinds: dict[str, str], seen: Sequence[Any]) -> list[str]:
    """Of any field and operator that fit; a text is often one that stands in an object."""
    name = draw(st.sampled_from(sorted(kinds)))
    kind = kinds[name]
    values: Any = {
        TEXT: st.one_of(_TEXT, st.just(""), st.sampled_from([*seen, "true", "Open", "7", "tester", "Unknown"])),
        NUMBER: _WANTED_NUMBERS,
        TIME: _INSTANTS,
        SEVERITY: st.sampled_from(["Tips", "low", "HIGH", "Fatal"]),
    }[kind]
    word = draw(st.sampled_from(TEXT_OPERATORS if kind == TEXT else ORDERED_OPERATORS))
    if kind != TEXT and word not in ("<", "<=", ">", ">="):
        values = st.one_of(values, st.just(""))
    if "in" in word.split():
        values = st.lists(values, min_size=1, max_size=3).map(",".join)
    return [name, word, draw(values)]


def texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from texts_in(one)


# The plain reading.


def complete(language: Language, one: Stored, workspace_id: str) -> dict[str, Any]:
    """The object with what the server fills in."""
    made = "2026-02-25T06:13:20.000Z" if one.made == NOW_MS else one.made
    full: dict[str, Any] = {
        "id": one.id, "workspace_id": workspace_id, "create_time": one.made, "update_time": one.changed,
    }  # fmt: skip
    if language.dataclass is INDICATORS:
        status = one.sent.get("status")
        full |= {"status": "Open", "defanged": False, "revoked": status == "Revoked", "first_report_time": made}
        return full | one.sent
    full |= {
        "severity": "Tips", "verification_state": "Unknown", "count": 1, "creator": "tester", "arrive_time": made,
        "handle_status": "Open",
    } | one.sent  # fmt: skip
    if full["handle_status"] == "Closed":
        full.setdefault("close_time", made)
    return full


def values_at(full: dict[str, Any], name: str) -> list[Any]:
    """The values that a condition on a field looks at; one absent value where there is none."""
    outer, _, inner = name.partition(".")
    value = full.get(outer)
    if not inner:
        return [value]
    if isinstance(value, list):
        return [one.get(inner) for one in value] or [None]
    return [(value or {}).get(inner)]


def as_compared(kind: str, value: Any) -> Any:
    """A value of an object, or a wanted one, as something that compares; None is absent."""
    if kind == TEXT:
        return "" if value is None else json.dumps(value) if isinstance(value, bool) else str(value)
    if value is None or value == "":
        return None
    if kind == TIME:
        return value if isinstance(value, int) else parse_time(value, EAST_8).ms
    if kind == SEVERITY:
        return [one.lower() for one in SEVERITIES].index(value.lower())
    return Decimal(str(value).strip())


def ascii_lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def in_order(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def holds(kinds: dict[str, str], full: dict[str, Any], data: list[str]) -> bool:
    name, word, text = data
    kind = kinds[name]
    positive = {"!=": "=", "not in": "in", "not contains": "contains"}.get(word, word)
    parts = [part.strip() for part in text.split(",")] if positive == "in" else [text]
    wanted = [as_compared(kind, part) for part in parts]

    def matches(value: Any) -> bool:
        if positive in ("=", "in"):
            return value in wanted
        if positive == "contains":
            return ascii_lower(wanted[0]) in ascii_lower(value)
        return value is not None and _COMPARED[positive](in_order(value), in_order(wanted[0]))

    found = any(matches(as_compared(kind, value)) for value in values_at(full, name))
    return found != (positive != word)


def fits(kinds: dict[str, str], full: dict[str, Any], group: Sequence[list[str]], logics: list[str] | None) -> bool:
    if logics is None:
        return all(holds(kinds, full, data) for data in group)
    alternatives: list[list[int]] = [[]]
    for word in logics:
        if word == "or":
            alternatives.append([])
        elif word != "and":
            alternatives[-1].append(int(word[1:]))
    return any(all(holds(kinds, full, group[n]) for n in names) for names in alternatives)


# The server's reading.


class Bench(NamedTuple):
    database: SqliteDatabase
    scope: Scope

    def run(self, language: Language, objects: Sequence[Stored], work: Callable[["Searching"], None]) -> None:
        """Store objects, let `work` search them, take everything back."""

        def stored(tx: Any) -> None:
            for number, one in enumerate(objects):
                scope = msgspec.structs.replace(self.scope, request_id=f"r{number}", now_ms=one.made)
                draft = service.Draft(json.dumps(one.sent).encode(), one.id)
                service.create_object(tx, scope, language.dataclass, draft)
                if one.changed != one.made:
                    scope = msgspec.structs.replace(scope, request_id=f"c{number}", now_ms=one.changed)
                    service.change_object(tx, scope, language.dataclass, one.id, b"{}")
            work(Searching(language, tx, self.scope))
            raise _RollBack

        with pytest.raises(_RollBack):
            self.database.write(stored).result()


class _RollBack(Exception):
    pass


class Searching(NamedTuple):
    language: Language
    tx: Any
    scope: Scope

    def parsed(self, **body: Any) -> Search:
        return parse_search(self.language.dataclass, msgspec.convert(body, self.language.body), EAST_8)

    def found(self, **body: Any) -> list[str]:
        page = service.search_objects(self.tx, self.scope, self.language.dataclass, self.parsed(limit=1000, **body))
        assert page.total == len(page.rows)
        return [row.id for row in page.rows]


@pytest.fixture(scope="module")
def bench(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    desk = copy_desk(template, tmp_path_factory.mktemp("language"))
    with desk.database() as database:
        yield Bench(database, scope_in(desk.made.workspace_id or "", desk.made.project_id))


@pytest.mark.parametrize("language", [ABOUT_ALERTS, ABOUT_INDICATORS], ids=lambda one: one.dataclass.name)
def test_this_file_knows_the_kind_of_every_searchable_field(language: Language) -> None:
    assert language.kinds.keys() == search_fields(language.dataclass).keys()
    assert {name: field.kind.value for name, field in search_fields(language.dataclass).items()} == language.kinds
    assert language is ABOUT_INDICATORS or set(SERVER_FIELDS) < set(language.kinds)


@st.composite
def questions(draw: st.DrawFn, language: Language) -> tuple[list[Stored], list[list[str]], list[list[str]]]:
    """Some objects, some conditions, and some ways to join the conditions."""
    objects = draw(stored_objects(language.objects, least=1, most=5))
    seen = sorted({text for one in objects for text in texts_in([one.sent, one.id])})
    group = draw(st.lists(drawn_condition(language.kinds, seen), min_size=10, max_size=14))
    names = st.sampled_from([f"c{n}" for n in range(len(group))])
    joined = st.lists(st.tuples(names, st.sampled_from(["and", "or"])), min_size=1, max_size=6)
    logics = [[part for pair in pairs for part in pair][:-1] for pairs in draw(st.lists(joined, max_size=4))]
    return objects, group, logics


def ask(
    bench: Bench, language: Language, objects: list[Stored], group: list[list[str]], logics: list[list[str]]
) -> None:
    full = {one.id: complete(language, one, bench.scope.workspace_id) for one in objects}

    def work(searching: Searching) -> None:
        for data in group:
            found = searching.found(condition=conditions(data))
            assert sorted(found) == sorted(key for key, one in full.items() if holds(language.kinds, one, data)), data
        for joined in (None, *logics):
            found = searching.found(condition=conditions(*group, logics=joined))
            expected = [key for key, one in full.items() if fits(language.kinds, one, group, joined)]
            assert sorted(found) == sorted(expected), (group, joined)

    bench.run(language, objects, work)


@drawing(140)
@given(asked=questions(ABOUT_ALERTS))
@example(asked=([Stored("a", NOW_MS, NOW_MS, {"title": "a", "simulation": 'a"'})], [["simulation", "=", 'a"']], []))
@example(asked=([Stored("a", NOW_MS, NOW_MS, {"title": "a", "simulation": "\\"})], [["simulation", "=", "\\"]], []))
def test_a_search_of_alerts_finds_what_a_plain_reading_finds(bench: Bench, asked: Any) -> None:
    ask(bench, ABOUT_ALERTS, *asked)


@drawing(140)
@given(asked=questions(ABOUT_INDICATORS))
def test_a_search_of_indicators_finds_what_a_plain_reading_finds(bench: Bench, asked: Any) -> None:
    ask(bench, ABOUT_INDICATORS, *asked)


# Order, window and pages.


class Ordered(NamedTuple):
    """Which rows are asked for, and in which order; wire words."""

    sort_by: str
    order: str
    from_date: str | None
    to_date: str | None
    page: int
    # Positions of the objects that are named; None: whichever.
    named: list[int] | None

    def body(self, objects: Sequence[Stored]) -> dict[str, Any]:
        body: dict[str, Any] = {name: getattr(self, name) for name in ("sort_by", "order", "from_date", "to_date")}
        if self.named is not None:
            body["ids"] = [objects[n].id for n in self.named if n < len(objects)] + ["nobody"]
        return body

    def expected(self, objects: Sequence[Stored]) -> list[str]:
        first = 0 if self.from_date is None else parse_time(self.from_date, EAST_8).ms
        last = 2**60 if self.to_date is None else parse_time(self.to_date, EAST_8).ms
        rows = [
            one
            for n, one in enumerate(objects)
            if first <= one.made <= last and (self.named is None or n in self.named)
        ]
        at = {"create_time": lambda one: one.made, "update_time": lambda one: one.changed}[self.sort_by]
        rows.sort(key=lambda one: (at(one), one.id.encode()), reverse=self.order == "DESC")
        return [one.id for one in rows]


_BOUNDS = st.sampled_from(
    [None, None, "2026-02-25T06:13:20Z", "2026-02-25T14:13:20.001+08:00", "2026-02-25T06:14:20.000Z+0000",
     "2026-02-25T06:13:19.999Z"]
)  # fmt: skip


def _orders(named: Any) -> Any:
    return st.builds(
        Ordered,
        sort_by=st.sampled_from(SERVER_TIMES),
        order=st.sampled_from(["ASC", "DESC"]),
        from_date=_BOUNDS,
        to_date=_BOUNDS,
        page=st.integers(1, 9),
        named=named,
    )


_POSITIONS = st.one_of(st.none(), st.lists(st.integers(0, 11), max_size=8))
_NAMED_ONLY = st.just({"name": "n", "value": "v", "indicator_type": {"indicator_type": "t"}})


def by_offset(searching: Searching, body: dict[str, Any], page: int) -> list[str]:
    """All pages put together, as a client asks for them."""
    rows: list[str] = []
    while True:
        search = searching.parsed(limit=page, offset=len(rows), **body)
        found = service.search_objects(searching.tx, searching.scope, searching.language.dataclass, search)
        rows += [row.id for row in found.rows]
        if not found.rows:
            assert found.total == len(rows)
            return rows
        assert len(set(rows)) == len(rows), "a row came twice"
        assert len(found.rows) == page or len(rows) == found.total


def by_continuation(searching: Searching, body: dict[str, Any], page: int) -> list[str]:
    """The same, each page behind the last row of the one before, as an export asks for them."""
    search = searching.parsed(limit=page, **body)
    rows: list[str] = []
    while True:
        found = list(service.page_rows(searching.tx, searching.scope, searching.language.dataclass, search))
        rows += [row.id for row in found]
        if not found:
            return rows
        assert len(set(rows)) == len(rows), "a row came twice"
        search = msgspec.structs.replace(search, after=(getattr(found[-1], search.sort_by), found[-1].id))


def put_together(bench: Bench, language: Language, objects: list[Stored], orders: Sequence[Ordered]) -> None:
    def work(searching: Searching) -> None:
        for one in orders:
            body, expected = one.body(objects), one.expected(objects)
            assert searching.found(**body) == expected, one
            assert by_offset(searching, body, one.page) == expected, one
            assert by_continuation(searching, body, one.page) == expected, one

    bench.run(language, objects, work)


@drawing(100)
@given(
    objects=stored_objects(st.just({"title": "t"}), least=0, most=12),
    orders=st.lists(_orders(st.none()), min_size=1, max_size=4),
)
def test_pages_of_alerts_put_together_are_the_whole_in_order(
    bench: Bench, objects: list[Stored], orders: list[Ordered]
) -> None:
    put_together(bench, ABOUT_ALERTS, objects, orders)


@drawing(100)
@given(
    objects=stored_objects(_NAMED_ONLY, least=0, most=12), orders=st.lists(_orders(_POSITIONS), min_size=1, max_size=4)
)
def test_pages_of_named_indicators_put_together_are_the_whole_in_order(
    bench: Bench, objects: list[Stored], orders: list[Ordered]
) -> None:
    put_together(bench, ABOUT_INDICATORS, objects, orders)


@drawing(60)
@given(
    objects=stored_objects(_ALERT, least=2, most=8),
    data=drawn_condition(ABOUT_ALERTS.kinds, []),
    order=_orders(st.none()),
)
def test_pages_of_what_a_condition_finds_put_together_are_the_whole_in_order(
    bench: Bench, objects: list[Stored], data: list[str], order: Ordered
) -> None:
    full = {one.id: complete(ABOUT_ALERTS, one, bench.scope.workspace_id) for one in objects}
    expected = [one for one in order.expected(objects) if holds(ABOUT_ALERTS.kinds, full[one], data)]

    def work(searching: Searching) -> None:
        body = {**order.body(objects), "condition": conditions(data)}
        assert by_offset(searching, body, order.page) == expected
        assert by_continuation(searching, body, order.page) == expected

    bench.run(ABOUT_ALERTS, objects, work)
