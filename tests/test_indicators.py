"""Indicators of a threat: created, shown, searched, changed and deleted.

Source: API reference notes, "Indicators"; which published ranges not to enforce is decided there.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conversion_cases import contents, rows
from support import Client, TestDesk, copy_desk, serving

WRONG, UNKNOWN, NO_CLASS = "SecMaster.20030001", "SecMaster.20030005", "SecMaster.20030022"
IPV4 = {"indicator_type": "IPv4", "id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "category": "IPv4"}
SMALLEST = {"name": "bad host", "value": "198.51.100.7", "indicator_type": IPV4}
ISO_FORM = r"[-0-9]{10}T[:0-9]{8}\.\d{3}\+08:00"


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("indicators"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


@pytest.fixture
def fresh(client: Client, own_desk: TestDesk) -> Iterator[Client]:
    """A client of a workspace without any indicators."""
    body = {"region_id": "r", "name": "fresh", "project_name": "p"}
    made_now = client.post(f"/v1/{client.project_id}/workspaces", body).json()
    with Client(client.base, own_desk, workspace_id=made_now["id"]) as one:
        yield one


def refused(answer: httpx.Response, code: str, named: str = "") -> None:
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert set(answer.json()) == {"code", "message"}
    assert named in answer.json()["message"]


def create(client: Client, **fields: Any) -> httpx.Response:
    return client.post("indicators", {"data_object": {**SMALLEST, **fields}})


def made(client: Client, **fields: Any) -> dict[str, Any]:
    """A new indicator with these fields as it is shown afterwards."""
    answer = create(client, **fields)
    assert answer.status_code == 200, answer.text
    shown = client.show(f"indicators/{answer.json()['data']['id']}")
    assert answer.json()["data"]["data_object"] == shown
    return shown


def in_turn(client: Client, **fields: Any) -> str:
    """The id of a new indicator of a later millisecond than all before."""
    time.sleep(0.002)
    return str(made(client, **fields)["id"])


def change(client: Client, indicator_id: str, **fields: Any) -> dict[str, Any]:
    answer = client.put(f"indicators/{indicator_id}", {"data_object": fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["data"]["data_object"])


def found(client: Client, *data: Any, **body: Any) -> list[str]:
    """Ids of the indicators for which a condition holds, oldest first."""
    condition = {"conditions": [{"name": "c", "data": list(data)}]} if data else {}
    answer = client.search("indicators", condition=condition, offset=0, limit=100, order="ASC", **body)
    assert answer["total"] == len(answer["data"])
    return [row["id"] for row in answer["data"]]


# Create and show.


def test_the_smallest_indicator_gets_its_defaults(client: Client, own_desk: TestDesk) -> None:
    answer = create(client)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["code"], answer.json()["message"]) == ("00000000", "")
    assert answer.headers["X-request-id"]
    detail = {key: value for key, value in answer.json()["data"].items() if key != "event_id"}
    indicator = detail["data_object"]
    assert detail["id"] == indicator["id"]
    assert detail["name"] == indicator["name"] == "bad host"
    assert detail["dataclass_ref"] == {"id": indicator["dataclass_id"], "name": "Indicator"}
    for one in (detail, indicator):
        assert (one["project_id"], one["workspace_id"]) == (own_desk.made.project_id, own_desk.made.workspace_id)
    expected = {**SMALLEST, "status": "Open", "revoked": False, "defanged": False, "is_deleted": False}
    assert {key: indicator[key] for key in expected} == expected
    assert not {"handle_status", "severity", "title", "close_time", "confidence", "verdict"} & indicator.keys()
    assert client.get(f"indicators/{detail['id']}").json()["data"] == detail
    assert client.search("indicators", ids=[detail["id"]])["data"] == [detail]


def test_the_example_of_the_reference_comes_back(client: Client) -> None:
    place = {"domain_id": "1bf1c2d3e4f5061728394a5b6c7d8e9f", "project_id": "0af1c2d3e4f5061728394a5b6c7d8e9f"}
    sent = {
        **SMALLEST, "verdict": "Black", "confidence": 90, "status": "Open", "granular_marking": "1", "defanged": False,
        "first_report_time": "2026-03-01T08:00:00.000Z+0800", "labels": "a,b",
        "data_source": {**place, "source_type": 1, "product_name": "SecMaster", "product_feature": "SecMaster",
                        "region_id": "region-1"},
        "environment": {**place, "vendor_type": "HWC", "region_id": "region-1"},
    }  # fmt: skip
    expected = {**sent, "granular_marking": 1, "first_report_time": "2026-03-01T08:00:00.000+08:00"}
    indicator = made(client, **sent, workspace_id="7c9e6679-7425-40de-944b-e07fc1f90ae7")
    assert {key: indicator[key] for key in sent} == expected
    assert indicator["workspace_id"] == client.workspace_id
    assert {key: change(client, indicator["id"], **sent)[key] for key in sent} == expected


def test_what_terraform_leaves_out_may_be_absent(client: Client) -> None:
    """It sends no vendor type and no workspace, and the granularity as a number."""
    fields = {"granular_marking": 1, "environment": {"region_id": "r"}, "verdict": "Gray", "defanged": True}
    assert {key: made(client, **fields)[key] for key in fields} == fields


@pytest.mark.parametrize("field", SMALLEST)
@pytest.mark.parametrize("bad", [None, "", 5, []])
def test_name_value_and_type_are_needed(client: Client, field: str, bad: Any) -> None:
    without = {key: value for key, value in SMALLEST.items() if key != field}
    refused(client.post("indicators", {"data_object": without}), WRONG, field)
    refused(create(client, **{field: bad}), WRONG, field)
    indicator = made(client)
    refused(client.put(f"indicators/{indicator['id']}", {"data_object": {field: bad}}), WRONG, field)
    assert client.show(f"indicators/{indicator['id']}") == indicator


def test_a_type_that_says_nothing_is_no_type(client: Client) -> None:
    refused(create(client, indicator_type={}), WRONG, "indicator_type")


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", ["x", "漢" * 64], ["x" * 65]),
        ("value", ["x", "x" * 256, "http://例え.jp/?q=%00#', --"], ["x" * 257, {}]),
        ("confidence", [0, 80, 100], [-1, 101, "90", 1.5, True]),
        ("granular_marking", [1, 4], [0, 5, "0", "5", "one", "01", 1.5, True, []]),
        ("verdict", ["Black", "White", "Gray"], ["Grey", "x", 1, "Black "]),
        ("status", ["Open", "Closed", "Revoked"], ["Block", "x", False]),
        ("defanged", [True, False], ["true", 1]),
        ("revoked", [True, False], ["true", 0]),
        ("labels", ["", "a,b"], [["a"], 1]),
        ("first_report_time", ["2026-03-01T08:00:00.000+08:00"], ["soon", 5, "2026-02-30T00:00:00Z"]),
        ("last_report_time", ["2026-03-01T08:00:00.000+08:00"], ["soon", 5]),
        ("data_source", [{}, {"source_type": 0}, {"source_type": 9999}], [[], "x", {"source_type": 10000}]),
        ("environment", [{}, {"vendor_type": "x" * 1024}], [[], {"vendor_type": "x" * 1025}]),
        ("indicator_type", [{"indicator_type": "x"}], ["IPv4", ["IPv4"], {"indicator_type": 5}, {"id": "x" * 65}]),
        ("id", ["own", "x" * 36], ["x" * 37, 5]),
    ],
)
def test_values_are_checked_by_type_and_range(client: Client, field: str, good: list[Any], bad: list[Any]) -> None:
    for value in good:
        assert made(client, **{field: value})[field] == value
    for value in bad:
        refused(create(client, **{field: value}), WRONG, field)


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("2", 2), ("3", 3), ("4", 4)])
def test_the_granularity_comes_as_text_and_is_answered_as_a_number(client: Client, text: str, number: int) -> None:
    indicator = made(client, granular_marking=text)
    assert type(indicator["granular_marking"]) is int
    assert indicator["granular_marking"] == number
    assert change(client, made(client)["id"], granular_marking=text)["granular_marking"] == number


def test_an_empty_granularity_counts_as_absent(client: Client) -> None:
    assert "granular_marking" not in made(client, granular_marking="")
    assert "granular_marking" not in change(client, made(client, granular_marking=2)["id"], granular_marking="")


@pytest.mark.parametrize(
    ("field", "listed"),
    [("verdict", ("Black", "White", "Gray")), ("status", ("Open", "Closed", "Revoked"))],
)
def test_verdict_and_status_are_read_in_any_case_and_stored_as_listed(
    client: Client, field: str, listed: tuple[str, ...]
) -> None:
    for value in listed:
        for spelling in (value, value.upper(), value.lower(), value.swapcase()):
            indicator = made(client, **{field: spelling})
            assert indicator[field] == value
            assert change(client, indicator["id"], **{field: spelling})[field] == value


@pytest.mark.parametrize(
    ("status", "revoked"), [("Open", False), ("Closed", False), ("Revoked", True), ("revoked", True)]
)
def test_revoked_follows_the_status(client: Client, status: str, revoked: bool) -> None:
    indicator = made(client, status=status)
    assert indicator["revoked"] is revoked
    other = made(client, status="Revoked" if not revoked else "Open")
    assert change(client, other["id"], status=status)["revoked"] is revoked
    assert change(client, indicator["id"], labels="x")["revoked"] is revoked


@pytest.mark.parametrize("revoked", [True, False])
def test_revoked_that_is_given_with_the_status_is_kept(client: Client, revoked: bool) -> None:
    assert made(client, status="Open", revoked=revoked)["revoked"] is revoked
    assert change(client, made(client)["id"], status="Revoked", revoked=revoked)["revoked"] is revoked


def test_times_are_iso_in_the_object_and_without_milliseconds_in_the_wrapper(client: Client) -> None:
    answer = create(client)
    after = client.put(f"indicators/{answer.json()['data']['id']}", {"data_object": {"labels": "x"}})
    searched = client.search("indicators", ids=[answer.json()["data"]["id"]])["data"][0]
    for detail in (answer.json()["data"], after.json()["data"], searched):
        for key in ("create_time", "update_time"):
            inner, outer = detail["data_object"][key], detail[key]
            assert re.fullmatch(ISO_FORM, inner)
            assert outer == f"{inner[:19]}Z+0800"


@pytest.mark.parametrize(
    ("sent", "iso"),
    [
        ("2023-02-25T12:00:29.623Z+0800", "2023-02-25T12:00:29.623+08:00"),
        ("2021-01-30T23:00:00Z+0530", "2021-01-30T23:00:00.000+05:30"),
        ("2022-11-12T14:14:09.098-03:30", "2022-11-12T14:14:09.098-03:30"),
        ("2023-02-20T00:00:00.000Z", "2023-02-20T00:00:00.000+00:00"),
        ("2023-02-20T00:00:00", "2023-02-20T00:00:00.000+08:00"),
    ],
)
def test_report_times_come_back_in_the_iso_form(client: Client, sent: str, iso: str) -> None:
    fields = dict.fromkeys(("first_report_time", "last_report_time"), sent)
    for indicator in (made(client, **fields), change(client, made(client)["id"], **fields)):
        assert indicator["first_report_time"] == indicator["last_report_time"] == iso


def test_unknown_members_are_kept_and_members_of_the_server_overwritten(client: Client, own_desk: TestDesk) -> None:
    odd = '"zebra":1.0,"apple":{"big":12345678901234567890,"n":null}'
    text = json.dumps({**SMALLEST, "is_deleted": True, "project_id": "p", "create_time": "x", "alert_list": ["a"]})
    answer = client.post("indicators", raw=f'{{"data_object":{text[:-1]},{odd}}}}}'.encode())
    assert answer.status_code == 200, answer.text
    assert odd in client.get(f"indicators/{answer.json()['data']['id']}").text
    indicator = answer.json()["data"]["data_object"]
    assert (indicator["is_deleted"], indicator["project_id"]) == (False, own_desk.made.project_id)
    assert re.fullmatch(ISO_FORM, indicator["create_time"])
    assert indicator["alert_list"] == []


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b"[]", b"null", b"{", b'{"data_object":null}', b'{"data_object":[]}', b'{"data_object":{}}',
            b'{"data_object":{"name":"a\\u0000"}}', b'{"data_object":{"name":"\\ud800"}}'],
)  # fmt: skip
def test_a_body_without_an_indicator_is_refused(client: Client, raw: bytes) -> None:
    refused(client.post("indicators", raw=raw), WRONG)


def test_a_client_may_bring_an_id_once(client: Client) -> None:
    before = made(client, id="ioc-1")
    refused(create(client, id="ioc-1", name="second"), WRONG, "id")
    assert client.show("indicators/ioc-1") == before
    assert client.delete("indicators", {"batch_ids": ["ioc-1"]}).status_code == 200
    refused(create(client, id="ioc-1"), WRONG, "id")


@pytest.mark.parametrize("indicator_id", ["5b0c7c1e-6f1a-4a53-9d0e-2f8d9a7c1b19", "x", "x" * 200, "%00", "%FF"])
def test_an_unknown_indicator_is_not_found(client: Client, indicator_id: str) -> None:
    refused(client.get(f"indicators/{indicator_id}"), UNKNOWN)
    refused(client.put(f"indicators/{indicator_id}", {"data_object": {"name": "x"}}), UNKNOWN)


def test_an_indicator_of_another_workspace_is_unknown(client: Client, fresh: Client) -> None:
    foreign = made(fresh)["id"]
    refused(client.get(f"indicators/{foreign}"), UNKNOWN)
    refused(client.put(f"indicators/{foreign}", {"data_object": {"name": "x"}}), UNKNOWN)
    assert client.delete("indicators", {"batch_ids": [foreign]}).json()["data"]["error_ids"] == [foreign]
    assert client.search("indicators", ids=[foreign])["total"] == 0
    assert fresh.show(f"indicators/{foreign}")["name"] == "bad host"


# Search.


def test_a_search_gives_rows_and_both_generations_of_paging(fresh: Client) -> None:
    ids = [in_turn(fresh, name=f"n{n}") for n in range(5)]
    fresh.create_alert()
    body = fresh.search("indicators", condition={}, offset=2, limit=2)
    assert [row["id"] for row in body["data"]] == ids[2:0:-1]
    assert [row["name"] for row in body["data"]] == ["n2", "n1"]
    assert {key: body[key] for key in ("code", "total", "size", "page", "limit", "offset")} == {
        "code": "00000000", "total": 5, "size": 2, "page": 2, "limit": 2, "offset": 2,
    }  # fmt: skip
    for row in body["data"]:
        assert row == fresh.get(f"indicators/{row['id']}").json()["data"]
    assert fresh.search("indicators", offset=9)["data"] == []


@pytest.mark.parametrize("raw", [b"", b"{}", b'{"condition":null,"offset":null,"limit":null}'])
def test_nothing_of_a_search_is_needed(fresh: Client, raw: bytes) -> None:
    made(fresh)
    answer = fresh.post("indicators/search", raw=raw)
    assert (answer.status_code, answer.json()["total"], answer.json()["size"]) == (200, 1, 10)


@pytest.mark.parametrize("limit", [1, 1000, 1001, 999_999])
def test_a_page_has_up_to_999999_rows(fresh: Client, limit: int) -> None:
    ids = [in_turn(fresh), in_turn(fresh)]
    body = fresh.search("indicators", limit=limit)
    assert [row["id"] for row in body["data"]] == ids[::-1][:limit]
    assert (body["total"], body["size"]) == (2, limit)


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"limit": 1_000_000}, WRONG, "limit"),
        ({"limit": -1}, WRONG, "limit"),
        ({"limit": "10"}, WRONG, "limit"),
        ({"offset": -1}, WRONG, "offset"),
        ({"ids": 5}, WRONG, "ids"),
        ({"ids": [5]}, WRONG, "ids"),
        ({"dataclass_id": "nothing"}, NO_CLASS, ""),
        ({"sort_by": "name"}, "SecMaster.20030009", "sort_by"),
        ({"order": "UP"}, "SecMaster.20030010", "order"),
        ({"from_date": "soon"}, WRONG, "from_date"),
        ({"condition": {"conditions": [{"name": "x", "data": ["severity", "=", "High"]}]}}, "SecMaster.20030013", "x"),
        ({"condition": {"conditions": [{"name": "x", "data": ["title", "=", "y"]}]}}, "SecMaster.20030013", "x"),
        ({"condition": {"conditions": [{"name": "x", "data": ["confidence", ">", "y"]}]}}, "SecMaster.20030013", "x"),
    ],
)
def test_a_wrong_search_is_refused_and_named(client: Client, body: dict[str, Any], code: str, named: str) -> None:
    refused(client.post("indicators/search", body), code, named)


def test_ids_narrow_a_search(fresh: Client) -> None:
    ids = [in_turn(fresh, verdict=verdict) for verdict in ("Black", "White", "Black")]
    assert found(fresh, ids=[ids[2], ids[0], "nobody", ids[0]]) == [ids[0], ids[2]]
    assert found(fresh, ids=["nobody"]) == []
    assert found(fresh, "verdict", "=", "Black", ids=ids[1:]) == ids[2:]
    assert fresh.search("indicators", ids=ids, limit=1)["total"] == 3


def test_the_data_class_of_a_search_is_that_of_indicators(client: Client) -> None:
    one = made(client)
    assert found(client, dataclass_id=one["dataclass_id"], ids=[one["id"]]) == [one["id"]]


def test_indicators_are_found_by_their_fields(fresh: Client) -> None:
    first = in_turn(
        fresh, name="first", value="198.51.100.7", verdict="Black", status="Revoked", confidence=95, labels="c2,botnet",
        granular_marking="3", defanged=True, first_report_time="2026-03-01T08:00:00.000Z+0800",
        last_report_time="2026-03-02T08:00:00.000Z+0800", environment={"region_id": "north", "vendor_type": "HWC"},
        data_source={"source_type": 4, "product_name": "feed"},
    )  # fmt: skip
    second = in_turn(
        fresh, name="second", value="evil.example", verdict="White", confidence=80, granular_marking=1,
        indicator_type={"indicator_type": "Domain", "id": "d", "category": "Domain"},
        first_report_time="2026-02-01T08:00:00.000Z+0800",
    )  # fmt: skip
    for data in (
        ("name", "=", "first"), ("name", "contains", "IRS"), ("value", "=", "198.51.100.7"),
        ("value", "contains", "100.7"), ("verdict", "=", "Black"), ("verdict", "!=", "White"),
        ("status", "=", "Revoked"), ("labels", "contains", "botnet"), ("confidence", ">", "80"),
        ("confidence", "in", "95,96"), ("granular_marking", ">=", "2"), ("defanged", "=", "true"),
        ("revoked", "=", "true"), ("indicator_type.indicator_type", "=", "IPv4"), ("indicator_type.id", "=", IPV4["id"]),
        ("indicator_type.category", "!=", "Domain"), ("first_report_time", ">", "2026-02-15T00:00:00Z+0800"),
        ("last_report_time", "=", "2026-03-02T00:00:00.000Z"), ("environment.region_id", "=", "north"),
        ("environment.vendor_type", "=", "HWC"), ("data_source.source_type", "=", "4"),
        ("data_source.product_name", "=", "feed"), ("id", "=", first),
    ):  # fmt: skip
        assert found(fresh, *data) == [first], data
    for data in (("revoked", "=", "false"), ("defanged", "!=", "true"), ("last_report_time", "=", "")):
        assert found(fresh, *data) == [second], data
    assert found(fresh, "name", "in", "second,first") == found(fresh) == [first, second]


def test_a_search_finds_what_a_change_wrote(fresh: Client) -> None:
    one = in_turn(fresh)
    change(
        fresh, one, name="renamed", indicator_type={"indicator_type": "URL"}, last_report_time="2026-03-02T00:00:00Z"
    )
    for data in (("name", "=", "renamed"), ("indicator_type.indicator_type", "=", "URL"),
                 ("last_report_time", ">=", "2026-03-02T00:00:00Z")):  # fmt: skip
        assert found(fresh, *data) == [one], data
    assert found(fresh, "indicator_type.category", "=", "IPv4") == []


def test_a_window_of_time_is_of_the_creation(fresh: Client) -> None:
    one = in_turn(fresh)
    made_at = fresh.show(f"indicators/{one}")["create_time"]
    assert found(fresh, from_date=made_at, to_date=made_at) == [one]
    assert found(fresh, to_date="2020-01-20T00:00:00.000Z+0800") == []


# Change and delete.


def test_a_change_touches_only_what_it_names(client: Client) -> None:
    fields = {"verdict": "Black", "confidence": 90, "labels": "a", "environment": {"region_id": "r"}, "unknown": [1]}
    before = made(client, **fields)
    time.sleep(0.002)
    answer = client.put(f"indicators/{before['id']}", {"data_object": {"name": "renamed", "value": "evil.example"}})
    after = answer.json()["data"]
    assert (after["name"], after["version"]) == ("renamed", 2)
    expected = {
        **before,
        "name": "renamed",
        "value": "evil.example",
        "update_time": after["data_object"]["update_time"],
    }
    assert after["data_object"] == expected == client.show(f"indicators/{before['id']}")
    assert after["data_object"]["update_time"] > before["update_time"]
    assert change(client, before["id"]) | {"update_time": ""} == expected | {"update_time": ""}


def test_null_clears_a_field_and_empty_text_is_stored(client: Client) -> None:
    fields = {
        "verdict": "Black", "confidence": 90, "labels": "a", "granular_marking": 2, "environment": {"region_id": "r"},
        "data_source": {"source_type": 1}, "first_report_time": "2026-03-01T08:00:00Z",
        "last_report_time": "2026-03-01T08:00:00Z", "unknown": 1,
    }  # fmt: skip
    indicator = made(client, **fields)
    assert change(client, indicator["id"], labels="")["labels"] == ""
    cleared = change(client, indicator["id"], **dict.fromkeys(fields))
    assert not fields.keys() & cleared.keys()
    assert found(client, "last_report_time", "=", "", ids=[indicator["id"]]) == [indicator["id"]]


def test_the_id_in_a_change_is_ignored(client: Client) -> None:
    indicator = made(client)
    assert change(client, indicator["id"], id="stolen", labels="x")["id"] == indicator["id"]
    refused(client.get("indicators/stolen"), UNKNOWN)


def test_deleting_says_which_were_there(client: Client) -> None:
    one, two = made(client)["id"], made(client)["id"]
    answer = client.delete("indicators", {"batch_ids": ["nobody", two, one, two]})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"] == {"error_ids": ["nobody"], "success_ids": [two, one]}
    for gone in (one, two):
        refused(client.get(f"indicators/{gone}"), UNKNOWN)
        refused(client.put(f"indicators/{gone}", {"data_object": {"name": "x"}}), UNKNOWN)
    assert found(client, ids=[one, two]) == []
    again = client.delete("indicators", {"batch_ids": one})
    assert (again.status_code, again.json()["data"]) == (200, {"error_ids": [one], "success_ids": []})


@pytest.mark.parametrize(
    "body", [{}, {"batch_ids": []}, {"batch_ids": None}, {"batch_ids": [5]}, {"batch_ids": ["x"] * 1000}, [], None]
)
def test_a_delete_that_names_nothing_or_too_much_is_refused(client: Client, body: Any) -> None:
    refused(client.delete("indicators", body), WRONG)


def test_every_change_leaves_who_and_before_and_after(client: Client, own_desk: TestDesk) -> None:
    indicator_id = made(client, status="Open")["id"]
    change(client, indicator_id, status="Revoked")
    client.delete("indicators", {"batch_ids": [indicator_id]})
    found = rows(own_desk, "SELECT * FROM audit WHERE object_id = ?", [indicator_id])
    assert {(row["object_class"], row["user_name"]) for row in found} == {("indicators", own_desk.made.user_name)}
    changes = {row["operation"]: json.loads(row["changes"]) for row in found}
    assert changes.keys() == {"create_indicator", "update_indicator", "delete_indicator"}
    assert changes["create_indicator"]["value"] == [None, SMALLEST["value"]]
    assert changes["update_indicator"] == {"status": ["Open", "Revoked"], "revoked": [False, True]}
    assert changes["delete_indicator"] == {"deleted": [False, True]}


def test_a_repeat_with_its_key_makes_one_indicator(fresh: Client) -> None:
    key = {"X-Idempotency-Key": "ioc"}
    answers = [fresh.post("indicators", {"data_object": SMALLEST}, headers=key) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert fresh.search("indicators")["total"] == 1


def test_a_refused_indicator_leaves_no_trace(client: Client, own_desk: TestDesk) -> None:
    before = contents(own_desk)
    refused(create(client, verdict="Purple"), WRONG, "verdict")
    assert contents(own_desk) == before
