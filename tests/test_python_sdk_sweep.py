"""Every operation in scope, called by the vendor's own Python client, answers with every field that the client declares.

The newest release has all of them, an older one some. `clients/python/sweep.py` makes the calls; here they are judged.
What counts is the JSON on the wire: this SDK casts what is of another type, the Java and Go SDKs refuse it.
"""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import openpyxl
import pytest

from python_sdk import NEWEST, OLDER, installed
from support import TestDesk, copy_desk, serving
from tocsin.api.table import OPERATIONS

OPERATIONS_OF_THE_SDK = Path(__file__).resolve().parents[1] / "docs" / "reference" / "sdk-operations.csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"

# Declared, and in no answer: models, members (`[]`: elements of a list), and the reason. A row that is not needed fails.
NOT_HELD = [
    ("DataClassResponseBody ShowDataClassInfoResponse FieldResponseBody", "cloud_pack_version",
     "there are no subscription packs"),
    ("DataClassResponseBody ShowDataClassInfoResponse", "parent_id", "no class is derived from another"),
    ("FieldResponseBody", "creator_id creator_name modifier_id modifier_name", "fields are built in: nobody made them"),
    ("FieldResponseBody", "display_type extra_json field_tooltip iu_type used_by target_api",
     "they steer the forms of the vendor's console"),
    ("CreateDataclassTypeResponse", "layout_id layout_name", "layouts are of the vendor's console"),
    ("CreateWorkspaceResponse CreateWorkspaceResponseBody ShowWorkspaceResponseBodyWorkspace UpdateWorkspaceResponse",
     "workspace_agency_list[]", "a view takes in no other workspace"),
]  # fmt: skip
# What the older client cannot send, so nothing of it comes back.
NOT_HELD_OLDER = [
    (
        "Alert Incident ListAlertRsp DataObject",
        "sla",
        "it declares a number, and cannot read the time that is answered",
    ),
    ("ListAlertRsp", "alert_list[] indicator_list[]", "it cannot relate objects"),
    ("ListAlertRsp", "origin_id ttd ttr", "no model of an alert to create declares them"),
    ("ListAlertRsp", "chop_phase ppdr_phase", "they left the API with this release; `ipdrr_phase` is the same"),
    ("DataObject", "datasource", "a spelling of rows of relations only; it is `data_source` everywhere else"),
]
# Held by some objects; each operation that declares them has at least one answer with them.
SOMETIMES = [
    ("Alert Incident ListAlertRsp", "close_time close_reason close_comment", "of what is closed"),
    ("ListAlertRsp", "is_auto_closed", "of what is closed"),
    ("Incident", "version actor owner sla system_alert_table", "a conversion leaves them to the people who take over"),
    ("IncidentEnvironment", "cross_workspace_id", "of what was delivered from another workspace"),
    ("ListAlertRspEnvironment", "cross_workspace_id", "of what was delivered from another workspace"),
    ("ListAlertRsp", "origin_id ttd ttr", "no model of an alert to create declares them: generic operations send them"),
    ("FieldResponseBody", "default_value", "of fields that have a fixed one"),
]


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """What one release did, while its server still runs."""

    folder: Path
    # The operations of the table in scope that the client has.
    has: list[str]
    calls: list[dict[str, Any]]

    def of(self, operation: str) -> list[dict[str, Any]]:
        return [one for one in self.calls if one["operation"] == operation]

    @property
    def called(self) -> set[str]:
        return {one["operation"] for one in self.calls}


def in_scope() -> set[str]:
    """The operations of the table that are the vendor's, as far as they are this project's business."""
    with OPERATIONS_OF_THE_SDK.open(newline="") as file:
        named = {row["operation"] for row in csv.DictReader(file) if row["in_scope"] == "yes"}
    return {one.name for one in OPERATIONS if one.vendor and one.name in named}


@contextmanager
def swept_by(pin: str, template: TestDesk, factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    sdk = installed(pin, factory.mktemp("home"))
    desk = copy_desk(template, factory.mktemp(f"sweep-{pin}"))
    folder = factory.mktemp("files")
    keys = {"CLOUD_SDK_AK": desk.made.access_key or "", "CLOUD_SDK_SK": desk.made.secret_key or ""}
    with serving(desk) as base:
        where = [base, desk.made.project_id, str(desk.made.workspace_id), str(folder)]
        done = sdk.run("sweep.py", *where, given=json.dumps(sorted(in_scope())), **keys)
        yield Sweep(folder=folder, has=done["has"], calls=done["calls"])


@pytest.fixture(scope="module")
def newest(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    with swept_by(NEWEST, template, tmp_path_factory) as sweep:
        yield sweep


@pytest.fixture(scope="module")
def older(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    with swept_by(OLDER, template, tmp_path_factory) as sweep:
        yield sweep


@pytest.fixture(params=["newest", "older"])
def sweep(request: pytest.FixtureRequest) -> Sweep:
    return request.getfixturevalue(request.param)


def test_the_newest_client_calls_every_operation_in_scope(newest: Sweep) -> None:
    assert newest.called == set(newest.has) == in_scope()


def test_the_older_client_calls_every_operation_that_it_has(older: Sweep) -> None:
    assert older.called == set(older.has)
    assert older.called < in_scope()


def test_every_call_is_answered_with_the_operations_own_response(sweep: Sweep) -> None:
    for one in sweep.calls:
        name = "".join(word.capitalize() for word in one["operation"].split("_"))
        assert (one["type"], one["status"]) == (f"{name}Response", 200)
        answer = one.get("answer")
        if isinstance(answer, dict) and "code" in answer:
            assert (answer["code"], answer["message"]) == ("00000000", ""), name
            assert answer.get("success", True) is True, name


def test_every_field_that_is_answered_has_the_declared_json_type(sweep: Sweep) -> None:
    assert {one["operation"]: one["wrong"] for one in sweep.calls if one["wrong"]} == {}


def test_every_declared_field_is_answered_unless_a_reason_is_given(newest: Sweep, older: Sweep) -> None:
    for sweep, table in ((newest, NOT_HELD), (older, NOT_HELD + NOT_HELD_OLDER)):
        held, absent = places(sweep, "held"), places(sweep, "absent")
        never = set().union(*absent.values()) - set().union(*held.values())
        models = {place.partition(".")[0] for place in set().union(*held.values(), *absent.values())}
        assert never == {place for place in listed(table) if place.partition(".")[0] in models}
        for operation, some in absent.items():
            assert some - held[operation] <= never, operation
        # A list may be empty here and there, and needs no reason for it.
        sometimes = {place for place in set().union(*absent.values()) - never if not place.endswith("[]")}
        assert sometimes == listed(SOMETIMES) if sweep is newest else sometimes <= listed(SOMETIMES)


def listed(table: list[tuple[str, str, str]]) -> set[str]:
    return {
        f"{model}.{member}" for models, members, _ in table for model in models.split() for member in members.split()
    }


def places(sweep: Sweep, kind: str) -> dict[str, set[str]]:
    """By operation, the members that are held, or absent, in one of its answers."""
    found: dict[str, set[str]] = {one: set() for one in sweep.called}
    for one in sweep.calls:
        if not one["part"]:
            found[one["operation"]] |= set(one[kind])
    return found


def test_every_answer_has_a_request_id_of_its_own(sweep: Sweep) -> None:
    ids = [one["headers"]["x-request-id"] for one in sweep.calls]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    for one, request_id in zip(sweep.calls, ids, strict=True):
        if one["declares_request_id"]:
            assert one["request_id"] == request_id, one["operation"]
        if isinstance(one.get("answer"), dict) and "request_id" in one["answer"]:
            assert one["answer"]["request_id"] == request_id, one["operation"]


def test_what_a_client_sends_of_an_object_comes_back(sweep: Sweep) -> None:
    for one in sweep.calls:
        sent, answer = (one["sent"] or {}).get("data_object"), one.get("answer")
        if sent and "data_object" in answer["data"]:
            assert_holds(answer["data"]["data_object"], as_answered(sent), one["operation"])


def as_answered(sent: dict[str, Any]) -> dict[str, Any]:
    """Times come back with a colon in their offset, the mark of an indicator as a number."""
    members = {
        key: value.replace("Z+0800", "+08:00") if key.endswith("_time") else value for key, value in sent.items()
    }
    return members | ({"granular_marking": int(sent["granular_marking"])} if "granular_marking" in sent else {})


def assert_holds(held: Any, wanted: Any, place: str) -> None:
    """`held` has every member of `wanted`."""
    if isinstance(wanted, dict):
        for name, value in wanted.items():
            assert_holds(held[name], value, f"{place}.{name}")
    elif isinstance(wanted, list):
        assert len(held) == len(wanted), place
        for one, value in zip(held, wanted, strict=True):
            assert_holds(one, value, place)
    else:
        assert held == wanted, place


@pytest.mark.parametrize(
    ("create", "show"),
    [
        ("create_alert", "show_alert"),
        ("create_incident", "show_incident"),
        ("create_indicator", "show_indicator_detail"),
    ],
)
def test_an_object_is_shown_as_it_was_created(sweep: Sweep, create: str, show: str) -> None:
    shown = sweep.of(show)[0]["answer"]["data"]
    (created,) = [one["answer"]["data"] for one in sweep.of(create) if one["answer"]["data"]["id"] == shown["id"]]
    assert {key: value for key, value in created.items() if key != "event_id"} == shown
    assert shown["dataclass_ref"]["name"].lower() in create


def test_every_id_that_nobody_knows_is_told_apart(sweep: Sweep) -> None:
    for one in sweep.calls:
        for key in ("batch_ids", "ids", "related_dataobject_ids"):
            sent = (one["sent"] or {}).get(key, [])
            if UNKNOWN_ID in sent and isinstance(one["answer"], dict):
                done = one["answer"].get("data") or one["answer"]
                assert done["error_ids"] == [UNKNOWN_ID], one["operation"]
                assert done["success_ids"] == [known for known in sent if known != UNKNOWN_ID], one["operation"]


@pytest.mark.parametrize("operation", ["list_alerts", "list_incidents", "list_dataobject_relations"])
def test_a_page_tells_its_own_paging(sweep: Sweep, operation: str) -> None:
    for one in sweep.of(operation):
        page = one["answer"]
        assert page["total"] == len(page["data"]) > 0
        assert (page["size"], page["page"], page["limit"], page["offset"]) == (100, 1, 100, 0)


def test_exports_and_templates_are_workbooks_in_the_users_hands(newest: Sweep) -> None:
    """The SDK declares nothing of a file: its bytes are the response's `raw_content`."""
    files = [one for one in newest.calls if "file" in one]
    assert {one["operation"] for one in files} == {
        one.name for one in OPERATIONS if one.vendor and one.media == XLSX
    }  # fmt: skip
    for one in files:
        assert one["headers"]["content-type"] == XLSX
        assert "attachment; filename=" in one["headers"]["content-disposition"]
        names, *rows = rows_of(one)
        wanted = (one["sent"] or {}).get("title")
        template = "template" in one["operation"] or (one["sent"] or {}).get("action") == "exportTemplate"
        if template:
            assert {"alerts": "title", "incidents": "title", "indicators": "name"}[class_of(one)] in names
            assert rows == []
        else:
            assert (names, one["headers"].get("transfer-encoding")) == (tuple(wanted), "chunked")
            assert rows


def rows_of(one: dict[str, Any]) -> list[tuple[Any, ...]]:
    with Path(one["file"]).open("rb") as file:
        book = openpyxl.load_workbook(file)
    return list(book.worksheets[0].values)


def class_of(one: dict[str, Any]) -> str:
    return next((many for many in ("incident", "indicator") if many in one["operation"]), "alert") + "s"


def test_what_one_workspace_exports_another_imports(newest: Sweep) -> None:
    for many in ("alerts", "incidents", "indicators", "dataobjects"):
        exported, imported = newest.of(f"export_{many}")[0], newest.of(f"import_{many}")[0]
        assert imported["answer"]["data"]["refused"] == []
        assert len(imported["answer"]["data"]["ids"]) == len(rows_of(exported)) - 1


def test_the_address_of_an_attachment_gives_its_bytes_to_anybody_for_a_while(newest: Sweep) -> None:
    (uploaded,), (shown,), (told,) = (newest.of(f"{verb}_attachment") for verb in ("upload", "show", "download"))
    name = uploaded["answer"]["data"]["file_name"]
    assert shown["answer"]["data"]["file_name"] == name
    answer = httpx.get(told["answer"]["data"], trust_env=False)
    assert answer.status_code == 200
    assert answer.content == (newest.folder / name).read_bytes()


def test_a_type_that_is_used_stays_until_nothing_uses_it(newest: Sweep) -> None:
    asked, deleted = newest.of("delete_dataclass_type")
    assert [(one["type"], one["count"]) for one in asked["answer"]] == [("DATAOBJECT", 1)]
    assert deleted["answer"] == []
