"""Alert search: every field and operator, paging, time window, refusals. The whole language against a plain evaluator
is in test_search_language.py.

Source: API reference notes, "Search"; what they leave open is decided there under OURS.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import pytest

from support import Client, TestDesk, copy_desk, serving
from tocsin.identity.records import Caller
from tocsin.objects import service
from tocsin.objects.records import ALERTS
from tocsin.objects.searching import SearchBody, parse_search, search_fields
from tocsin.storage.sqlite import SqliteDatabase, SqliteTransaction
from tocsin.times import parse_time
from tocsin.workspaces.records import Scope

NOW_MS = 1_772_000_000_000
EAST_8 = 480

TEXT_COLUMNS = ("title", "owner", "close_reason", "close_comment", "verification_state", "handle_status", "ipdrr_phase")
TEXT_MEMBERS = (
    "version", "domain_id", "region_id", "labels", "description", "source_url", "actor", "creator", "origin_id",
    "environment.vendor_type", "environment.domain_id", "environment.region_id", "environment.project_id",
    "environment.cross_workspace_id", "data_source.domain_id", "data_source.project_id", "data_source.region_id",
    "data_source.company_name", "data_source.product_name", "data_source.product_feature",
    "data_source.product_module", "alert_type.category", "alert_type.alert_type",
)  # fmt: skip
NUMBERS = ("count", "confidence", "criticality", "ttd", "ttr", "data_source.source_type")
TIMES = ("first_observed_time", "last_observed_time", "arrive_time", "sla", "close_time")
TEXT_ELEMENTS = (
    "network_list.src_ip", "network_list.dest_ip", "network_list.dest_port", "network_list.src_domain",
    "network_list.dest_domain", "resource_list.id", "resource_list.name", "file_info.file_sha256",
    "file_info.file_md5", "user_info.user_name", "process.process_name",
)  # fmt: skip
NUMBER_ELEMENTS = ("network_list.src_port",)
SERVER_FIELDS = ("id", "workspace_id", "create_time", "update_time", "severity", "simulation")
TEXT_OPERATORS = ("=", "!=", "contains", "not contains", "in", "not in", "<", "<=", ">", ">=")
ORDERED_OPERATORS = ("=", "!=", "in", "not in", "<", "<=", ">", ">=")
SEVERITIES = ("Tips", "Low", "Medium", "High", "Fatal")


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("search"))


@pytest.fixture(scope="module")
def shared(own_desk: TestDesk) -> Iterator[Client]:
    """A client of one server for all tests that leave its alerts alone."""
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


@pytest.fixture
def empty(shared: Client, own_desk: TestDesk) -> Iterator[Client]:
    """A client of the same server, in a new workspace."""
    with Client(shared.base, own_desk, workspace_id=own_desk.add_workspace("empty")) as one:
        yield one


def conditions(*data: list[str], logics: list[str] | None = None) -> dict[str, Any]:
    """Conditions named c0, c1, ..."""
    group: dict[str, Any] = {"conditions": [{"name": f"c{n}", "data": one} for n, one in enumerate(data)]}
    return group if logics is None else {**group, "logics": logics}


def in_turn(client: Client, **fields: Any) -> str:
    """A new alert of a later millisecond than all before: rows of one instant are ordered by their ids."""
    time.sleep(0.002)
    return client.create_alert(**fields)


def titles(client: Client, **body: Any) -> list[str]:
    body = {"limit": 1000, "order": "ASC", **body}
    return sorted(row["data_object"]["title"] for row in client.search(**body)["data"])


def refused(client: Client, code: str, named: str, **body: Any) -> None:
    answer = client.post("alerts/search", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert named in answer.json()["message"]


# The condition language.


def test_the_tables_of_this_file_name_every_searchable_field() -> None:
    named = (*TEXT_COLUMNS, *TEXT_MEMBERS, *NUMBERS, *TIMES, *TEXT_ELEMENTS, *NUMBER_ELEMENTS, *SERVER_FIELDS)
    assert sorted(named) == sorted(search_fields(ALERTS))


def nested(name: str, value: Any) -> dict[str, Any]:
    """An alert's members with this one set."""
    outer, _, inner = name.partition(".")
    if not inner:
        return {outer: value}
    lists = ("network_list", "resource_list", "file_info", "user_info", "process")
    return {outer: [{inner: value}] if outer in lists else {inner: value}}


@pytest.mark.parametrize(
    "name", [*TEXT_MEMBERS, "title", "owner", "close_comment", "verification_state", *TEXT_ELEMENTS]
)
def test_every_text_field_works_with_every_operator(empty: Client, name: str) -> None:
    one, two = ("1024", "2048") if name.endswith("port") else ("Ab%1", "Ab_2")
    first = empty.create_alert(**nested(name, one))
    second = empty.create_alert(**nested(name, two))
    filled = name in ("title", "creator", "verification_state")  # the server sees to it that it is never absent
    absent = None if filled else empty.create_alert()
    every = {first, second, absent} - {None}

    def found(operator: str, value: str) -> set[str]:
        return {row["id"] for row in empty.search(condition=conditions([name, operator, value]))["data"]}

    assert found("=", one) == {first}
    assert found("!=", one) == every - {first}
    assert found("contains", one[1:].upper()) == {first}
    assert found("not contains", one[1:].upper()) == every - {first}
    assert found("in", f" {one} ,nothing, {two}") == {first, second}
    assert found("not in", f"{one},{two}") == every - {first, second}
    assert found("<", two) == every - {second}
    assert found("<=", one) == every - {second}
    assert found(">", one) == {second}
    assert found(">=", one) == {first, second}
    if not filled:
        assert found("=", "") == {absent}
        assert found("!=", "") == {first, second}


@pytest.mark.parametrize("name", [*NUMBERS, *NUMBER_ELEMENTS])
def test_every_number_field_works_with_every_operator_that_fits(empty: Client, name: str) -> None:
    first, second = empty.create_alert(**nested(name, 2)), empty.create_alert(**nested(name, 3))
    absent = set() if name == "count" else {empty.create_alert()}

    def found(operator: str, value: str) -> set[str]:
        return {row["id"] for row in empty.search(condition=conditions([name, operator, value]))["data"]}

    assert found("=", "2") == found("=", "2.0") == found("=", "2e0") == {first}
    assert found("!=", "2") == {second} | absent
    assert found("in", "2, 7 ,3") == {first, second}
    assert found("not in", "2,7") == {second} | absent
    assert found("<", "3") == found("<=", "2") == {first}
    assert found(">", "2.5") == found(">=", "3") == {second}
    assert found("<", "20") == {first, second}
    assert found("=", "") == absent
    assert found("!=", "") == {first, second}
    refused(empty, "SecMaster.20030013", name, condition=conditions([name, "contains", "2"]))


@pytest.mark.parametrize("name", TIMES)
def test_every_time_field_compares_by_instant(empty: Client, name: str) -> None:
    first = empty.create_alert(**nested(name, "2026-03-01T08:15:00.000Z+0800"))
    second = empty.create_alert(**nested(name, "2026-03-01T00:15:00.001Z"))
    absent = set() if name == "arrive_time" else {empty.create_alert()}

    def found(operator: str, value: str) -> set[str]:
        return {row["id"] for row in empty.search(condition=conditions([name, operator, value]))["data"]}

    same = "2026-03-01T02:15:00+02:00"
    assert found("=", same) == {first}
    assert found("!=", same) == {second} | absent
    assert found("in", f"{same},2020-01-01T00:00:00Z") == {first}
    assert found("not in", same) == {second} | absent
    assert found("<=", same) == {first}
    assert found("<", "2026-03-01T00:15:00.001Z") == {first}
    assert found(">", same) == {second}
    assert found(">=", same) == {first, second}
    assert found("=", "") == absent
    refused(empty, "SecMaster.20030013", name, condition=conditions([name, "contains", "2026"]))


def test_severity_compares_by_rank_in_any_case(empty: Client) -> None:
    for severity in SEVERITIES:
        empty.create_alert(title=severity, severity=severity)
    for rank, severity in enumerate(SEVERITIES):
        for operator, expected in (
            ("=", SEVERITIES[rank : rank + 1]),
            ("!=", SEVERITIES[:rank] + SEVERITIES[rank + 1 :]),
            ("<", SEVERITIES[:rank]),
            ("<=", SEVERITIES[: rank + 1]),
            (">", SEVERITIES[rank + 1 :]),
            (">=", SEVERITIES[rank:]),
        ):
            found = titles(empty, condition=conditions(["severity", operator, severity.upper()]))
            assert found == sorted(expected), (operator, severity)
    assert titles(empty, condition=conditions(["severity", "in", "tips, FATAL"])) == ["Fatal", "Tips"]


def test_status_id_and_server_times_can_be_searched(empty: Client) -> None:
    one = empty.create_alert(title="one", handle_status="Block")
    empty.create_alert(title="two", handle_status="Closed", close_reason="Resolved")
    made = empty.show(f"alerts/{one}")
    for data, expected in (
        (["id", "=", one], ["one"]),
        (["id", "in", f"{one},nothing"], ["one"]),
        (["workspace_id", "=", empty.workspace_id], ["one", "two"]),
        (["handle_status", "=", "Block"], ["one"]),
        (["handle_status", "!=", "Closed"], ["one"]),
        (["handle_status", "in", "Block,Closed"], ["one", "two"]),
        (["close_reason", "=", "Resolved"], ["two"]),
        (["create_time", ">=", made["create_time"]], ["one", "two"]),
        (["create_time", "<", made["create_time"]], []),
        (["update_time", "=", made["update_time"]], ["one"]),
        (["ipdrr_phase", "=", ""], ["one", "two"]),
    ):
        assert titles(empty, condition=conditions(data)) == expected, data


def test_simulation_is_found_by_its_spelling_whatever_its_type(empty: Client) -> None:
    for title, value in (("bool", True), ("text", "true"), ("off", False), ("odd", 'a"b\\c é')):
        empty.create_alert(title=title, simulation=value)
    empty.create_alert(title="absent")
    assert titles(empty, condition=conditions(["simulation", "=", "true"])) == ["bool", "text"]
    assert titles(empty, condition=conditions(["simulation", "=", "false"])) == ["off"]
    assert titles(empty, condition=conditions(["simulation", "=", ""])) == ["absent"]
    assert titles(empty, condition=conditions(["simulation", "=", 'a"b\\c é'])) == ["odd"]


def test_any_element_of_a_list_may_match(empty: Client) -> None:
    empty.create_alert(title="both", network_list=[{"src_ip": "10.0.0.1"}, {"src_ip": "10.0.0.2", "src_port": "22"}])
    empty.create_alert(title="one", network_list=[{"src_ip": "10.0.0.2"}])
    empty.create_alert(title="none", network_list=[])
    assert titles(empty, condition=conditions(["network_list.src_ip", "=", "10.0.0.2"])) == ["both", "one"]
    assert titles(empty, condition=conditions(["network_list.src_ip", "!=", "10.0.0.1"])) == ["none", "one"]
    assert titles(empty, condition=conditions(["network_list.src_port", "=", "22"])) == ["both"]


def test_and_binds_tighter_than_or(empty: Client) -> None:
    for title in ("a", "b", "c"):
        for status in ("Open", "Block"):
            empty.create_alert(title=title, handle_status=status)
    group = [["title", "=", "a"], ["title", "=", "b"], ["handle_status", "=", "Block"]]

    def found(*logics: str) -> list[str]:
        return titles(empty, condition=conditions(*group, logics=list(logics)))

    assert found("c0", "or", "c1", "and", "c2") == ["a", "a", "b"]
    assert found("c2", "and", "c1", "or", "c0") == ["a", "a", "b"]
    assert found("c0", "and", "c1", "or", "c2") == ["a", "b", "c"]
    assert found("c0", "OR", "c1") == ["a", "a", "b", "b"]
    assert found("c0") == ["a", "a"]


def test_conditions_that_logics_does_not_name_are_ignored(empty: Client) -> None:
    empty.create_alert(title="a")
    group = [["title", "=", "a"], ["nonsense", "~", "b"]]
    assert titles(empty, condition=conditions(*group, logics=["c0"])) == ["a"]
    refused(empty, "SecMaster.20030013", "nonsense", condition=conditions(*group))


def test_without_logics_all_conditions_must_hold(empty: Client) -> None:
    empty.create_alert(title="a", labels="x")
    empty.create_alert(title="a", labels="y")
    group = conditions(["title", "=", "a"], ["labels", "=", "y"])
    assert titles(empty, condition=group) == ["a"]
    assert titles(empty, condition={**group, "logics": []}) == ["a"]
    assert titles(empty, condition={"conditions": []}) == ["a", "a"]
    assert titles(empty, condition={}) == ["a", "a"]
    assert titles(empty, condition=None) == ["a", "a"]


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        (conditions(["title", "=", "a"], logics=["c1"]), "c1"),
        (conditions(["title", "=", "a"], logics=["c0", "and"]), "logics"),
        (conditions(["title", "=", "a"], logics=["c0", "xor", "c0"]), "logics"),
        (conditions(["title", "=", "a"], logics=["and"]), "and"),
        ({"logics": ["c0"]}, "logics"),
        ({"conditions": [{"name": "n", "data": ["title", "=", "a"]}] * 2, "logics": ["n"]}, "n"),
        (conditions(["nonsense", "=", "a"]), "nonsense"),
        (conditions(["incident_type.category", "=", "a"]), "incident_type.category"),
        (conditions(["network_list", "=", "a"]), "network_list"),
        (conditions(["title'--", "=", "a"]), "title'--"),
        (conditions(["title", "like", "a"]), "like"),
        (conditions(["title", "", "a"]), "c0"),
        (conditions(["title", "="]), "c0"),
        (conditions(["title", "=", "a", "b"]), "c0"),
        (conditions([]), "c0"),
        (conditions(["count", "=", "many"]), "count"),
        (conditions(["count", "<", ""]), "c0"),
        (conditions(["count", "=", "nan"]), "count"),
        (conditions(["count", "=", "1_0"]), "count"),
        (conditions(["count", "in", "1,two"]), "count"),
        (conditions(["severity", "=", "Worst"]), "severity"),
        (conditions(["severity", "contains", "High"]), "severity"),
        (conditions(["create_time", ">", "yesterday"]), "create_time"),
        (conditions(["sla", "=", "2026-02-30T00:00:00Z"]), "sla"),
    ],
)
def test_a_wrong_condition_is_refused_and_named(shared: Client, condition: dict[str, Any], named: str) -> None:
    refused(shared, "SecMaster.20030013", named, condition=condition)


@pytest.mark.parametrize(
    "value", ["%", "_", "'", '"', "\\", "{}", "é", "漢字", "😀", "a' OR '1'='1", ":v0", "?", "$.x", "*", "--", " "]
)
def test_no_character_means_anything_but_itself(empty: Client, value: str) -> None:
    empty.create_alert(title=f"<{value}>", labels=value)
    empty.create_alert(title="other", labels="other")
    for data in (["title", "contains", value], ["labels", "=", value], ["title", "=", f"<{value}>"]):
        assert titles(empty, condition=conditions(data)) == [f"<{value}>"], data


def test_contains_ignores_the_case_of_ascii_only(empty: Client) -> None:
    empty.create_alert(title="Überfall AUF Web")
    assert len(titles(empty, condition=conditions(["title", "contains", "auf wEB"]))) == 1
    assert titles(empty, condition=conditions(["title", "contains", "über"])) == []
    assert titles(empty, condition=conditions(["title", "=", "überfall auf web"])) == []


@pytest.mark.parametrize("word", ["and", "or"])
def test_a_search_may_have_999_conditions(empty: Client, word: str) -> None:
    empty.create_alert(title="t7")
    operator = "!=" if word == "and" else "="
    for name in ("title", "network_list.src_ip", "environment.region_id"):
        group = [[name, operator, f"t{n}"] for n in range(999)]
        logics = [part for n in range(999) for part in (f"c{n}", word)][:-1]
        found = titles(empty, condition=conditions(*group, logics=logics))
        assert found == (["t7"] if (name == "title") == (word == "or") else []), name
    assert len(titles(empty, condition=conditions(*[["title", "!=", f"x{n}"] for n in range(999)]))) == 1


def test_a_thousandth_condition_is_refused(shared: Client) -> None:
    answer = shared.post("alerts/search", {"condition": conditions(*[["title", "=", "a"]] * 1000)})
    assert (answer.status_code, answer.json()["code"]) == (400, "SecMaster.20041002")


# Pages and order.


def test_sorting_takes_two_fields_and_two_directions(empty: Client) -> None:
    ids = [in_turn(empty, title=f"t{n}") for n in range(4)]
    answer = empty.put(f"alerts/{ids[1]}", {"data_object": {"title": "changed"}})
    assert answer.status_code == 200

    def order(**body: Any) -> list[str]:
        return [row["id"] for row in empty.search(**body)["data"]]

    assert order(sort_by="create_time", order="ASC") == ids
    assert order() == order(sort_by="create_time") == order(order="DESC") == ids[::-1]
    assert order(sort_by="update_time")[0] == ids[1]
    assert order(sort_by="update_time", order="ASC")[-1] == ids[1]


@pytest.mark.parametrize("sort_by", ["title", "nonsense", "create_time; DROP TABLE data_objects", "CREATE_TIME "])
def test_any_other_sort_field_is_refused(shared: Client, sort_by: str) -> None:
    refused(shared, "SecMaster.20030009", "sort_by", sort_by=sort_by)


@pytest.mark.parametrize("order", ["UP", "ASC, id", "1"])
def test_any_other_order_is_refused(shared: Client, order: str) -> None:
    refused(shared, "SecMaster.20030010", "order", order=order)


def test_a_page_says_how_many_there_are_in_both_generations_of_fields(empty: Client) -> None:
    ids = [in_turn(empty) for _ in range(12)][::-1]

    def page(**body: Any) -> tuple[list[str], dict[str, Any]]:
        answer = empty.search(**body)
        assert (answer["code"], answer["message"], answer["success"], answer["total"]) == ("00000000", "", True, 12)
        return [row["id"] for row in answer["data"]], answer

    rows, answer = page()
    assert rows == ids[:10]
    assert [answer[key] for key in ("size", "page", "limit", "offset")] == [10, 1, 10, 0]
    rows, answer = page(limit=5, offset=10)
    assert rows == ids[10:]
    assert [answer[key] for key in ("size", "page", "limit", "offset")] == [5, 3, 5, 10]
    rows, answer = page(limit=5, offset=7)
    assert (rows, answer["page"]) == (ids[7:], 2)
    rows, answer = page(limit=0)
    assert (rows, answer["limit"], answer["size"]) == ([], 0, 0)
    rows, answer = page(limit=0, offset=3)
    assert rows == []
    rows, answer = page(limit=1000, offset=2**53)
    assert (rows, answer["offset"]) == ([], 2**53)
    rows, answer = page(limit=1000, offset=5000)
    assert (rows, answer["page"]) == ([], 6)
    assert page(limit=None, offset=None)[0] == ids[:10]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"limit": 1001}, "limit"),
        ({"limit": -1}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"offset": -1}, "offset"),
        ({"offset": 10**30}, "offset"),
        ({"offset": []}, "offset"),
        ({"sort_by": 1}, "sort_by"),
        ({"order": {}}, "order"),
        ({"from_date": "soon"}, "from_date"),
        ({"to_date": "2026-13-01T00:00:00Z"}, "to_date"),
        ({"to_date": 5}, "to_date"),
        ({"to_date": "2" * 65}, "to_date"),
        ({"condition": []}, "condition"),
        ({"condition": {"conditions": {}}}, "condition.conditions"),
        ({"condition": {"conditions": ["title"]}}, "condition.conditions"),
        ({"condition": conditions(["title", "=", "a" * 101])}, "condition.conditions"),
        ({"condition": {"conditions": [{"name": "n" * 65, "data": ["title", "=", "a"]}]}}, "name"),
        ({"condition": {"logics": "c0"}}, "condition.logics"),
        ({"condition": conditions(["title", "=", "a"], logics=["c" * 101])}, "condition.logics"),
        ({"condition": conditions(["title", "=", "a\0"])}, ""),
    ],
)
def test_a_wrong_search_body_is_refused_with_the_searchs_own_code(
    shared: Client, body: dict[str, Any], named: str
) -> None:
    refused(shared, "SecMaster.20041002", named, **body)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"null", b"1", b"\xff\xfe", b'{"limit":1}x', b"{'limit':1}"])
def test_a_body_that_is_no_json_object_is_refused(shared: Client, raw: bytes) -> None:
    answer = shared.post("alerts/search", raw=raw)
    assert (answer.status_code, answer.json()["code"]) == (400, "SecMaster.20041002")


@pytest.mark.parametrize("raw", [b"", b" \n", b"{}", b'{"unknown": 1}'])
def test_an_absent_body_is_a_search_for_everything(empty: Client, raw: bytes) -> None:
    made = empty.create_alert()
    answer = empty.post("alerts/search", raw=raw)
    assert (answer.status_code, [row["id"] for row in answer.json()["data"]]) == (200, [made])


def test_the_time_window_includes_both_ends_in_every_spelling(empty: Client) -> None:
    for title in ("first", "second", "third"):
        in_turn(empty, title=title)
    made = empty.search(order="ASC", condition=conditions(["title", "=", "second"]))["data"][0]["create_time"]
    instant = parse_time(made, 0)
    local = made.partition("Z")[0]
    utc = parse_time(made, 0).ms
    spellings = [
        made,  # Z-form
        f"{local}+08:00",  # ISO-form
        f"{_utc_text(utc)}Z",  # plain UTC
        local,  # no zone: GMT+8
    ]
    for text in spellings:
        assert parse_time(text, EAST_8).ms == instant.ms
        assert "second" in titles(empty, from_date=text, to_date=text), text
        assert "second" in titles(empty, from_date=text)
        assert "second" in titles(empty, to_date=text)
        assert "third" in titles(empty, from_date=text)
        assert "first" in titles(empty, to_date=text)
    assert titles(empty, from_date=f"{_utc_text(utc + 60_000)}Z") == []
    assert titles(empty, to_date=f"{_utc_text(utc - 60_000)}Z") == []
    assert len(titles(empty, from_date="", to_date="")) == 3
    # the spelling without milliseconds is the whole second's beginning
    whole = f"{_utc_text(utc // 1000 * 1000)[:-4]}Z+0000"
    assert "second" in titles(empty, from_date=whole)


def _utc_text(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ms % 1000:03d}"


def scope_in(workspace_id: str, project_id: str, request_id: str = "r") -> Scope:
    caller = Caller(user_id="u", user_name="tester", domain_id="d", domain_name="d")
    return Scope(
        workspace_id=workspace_id, project_id=project_id, caller=caller, operation="test", request_id=request_id,
        now_ms=NOW_MS, offset_min=EAST_8,
    )  # fmt: skip


def fill(desk: TestDesk, workspace_id: str, rows: int) -> None:
    """So many alerts, all of one instant."""
    scope = scope_in(workspace_id, desk.made.project_id)

    def work(tx: Any) -> None:
        for n in range(rows):
            raw = json.dumps({"title": f"t{n}", "network_list": [{"src_ip": f"10.0.0.{n % 250}"}]}).encode()
            service.create_object(tx, msgspec.structs.replace(scope, request_id=f"r{n}"), ALERTS, service.Draft(raw))

    with desk.database() as database:
        database.write(work).result()


def test_terraforms_loop_reads_every_alert_once(empty: Client, own_desk: TestDesk) -> None:
    fill(own_desk, empty.workspace_id, 2345)
    read: list[str] = []
    total, calls = 1, 0
    while len(read) < total:
        answer = empty.search(limit=1000, offset=len(read), sort_by="create_time", order="DESC")
        total = answer["total"]
        read += [row["id"] for row in answer["data"]]
        calls += 1
        assert calls < 5
    assert (total, len(read), len(set(read)), calls) == (2345, 2345, 2345, 3)


def test_deleted_alerts_and_those_of_other_workspaces_never_appear(
    empty: Client, own_desk: TestDesk, shared: Client
) -> None:
    kept, gone = empty.create_alert(title="same"), empty.create_alert(title="same")
    shared.create_alert(title="same")
    assert empty.delete("alerts", {"batch_ids": [gone]}).status_code == 200
    everything = [
        {},
        {"condition": conditions(["title", "=", "same"])},
        {"condition": conditions(["title", "=", "x"], ["title", "=", "same"], logics=["c0", "or", "c1"])},
        {"condition": conditions(["title", "=", "same"], ["title", "!=", "x"], logics=["c0", "or", "c1"])},
        {
            "condition": conditions(
                ["workspace_id", "=", shared.workspace_id], ["id", "!=", ""], logics=["c0", "or", "c1"]
            )
        },
    ]
    for body in everything:
        answer = empty.search(limit=1000, **body)
        assert ([row["id"] for row in answer["data"]], answer["total"]) == ([kept], 1), body
    assert empty.search(condition=conditions(["workspace_id", "=", shared.workspace_id]))["total"] == 0


def _search_all(scope: Scope, tx: Any) -> Any:
    return service.search_objects(tx, scope, ALERTS, parse_search(ALERTS, SearchBody(limit=1000), EAST_8))


def test_a_search_costs_the_same_number_of_statements_whatever_it_finds(own_desk: TestDesk) -> None:
    counts: list[str] = []

    class Counting(SqliteTransaction):
        def rows(self, statement: Any, record: Any, params: Any) -> Any:
            counts.append(statement.name)
            return super().rows(statement, record, params)

        def values(self, statement: Any, params: Any) -> Any:
            counts.append(statement.name)
            return super().values(statement, params)

    used = {}
    for rows in (1, 1000):
        workspace_id = own_desk.add_workspace(f"rows-{rows}")
        fill(own_desk, workspace_id, rows)
        scope = scope_in(workspace_id, own_desk.made.project_id)
        search = partial(_search_all, scope)
        with closing(
            SqliteDatabase(own_desk.path, busy_timeout_ms=5000, read_timeout_s=30, transaction=Counting)
        ) as database:
            counts.clear()
            page = database.read(search).result()
            used[rows] = list(counts)
        assert (len(page.rows), page.total) == (rows, rows)
    assert used[1] == used[1000]
    assert len(used[1]) == 3


def test_the_engine_is_the_one_that_these_tests_were_written_for() -> None:
    assert sqlite3.sqlite_version_info >= (3, 38)
