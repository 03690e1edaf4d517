"""Workspaces: made, shown, listed, changed and deleted.

Source: API reference notes, "Workspaces"; deleting marks a row, after which everything below it is unknown.
"""

import json
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from conversion_cases import contents, rows
from support import Client, TestDesk, copy_desk, serving
from tocsin.identity.records import Role
from tocsin.times import parse_time

WRONG, NO_WORKSPACE, HIDDEN = "SecMaster.20011001", "SecMaster.20011003", "SecMaster.20010001"
BOTH_SPELLINGS = {"code", "message", "error_code", "error_msg"}


@pytest.fixture(scope="module")
def own_desk(template: TestDesk, tmp_path_factory: pytest.TempPathFactory) -> TestDesk:
    return copy_desk(template, tmp_path_factory.mktemp("workspaces"))


@pytest.fixture(scope="module")
def client(own_desk: TestDesk) -> Iterator[Client]:
    with serving(own_desk) as url, Client(url, own_desk) as one:
        yield one


def refused_plainly(answer: httpx.Response, code: str, named: str = "", status: int = 400) -> None:
    """Refused in the way of workspace operations: all four keys."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert set(body) == BOTH_SPELLINGS
    assert (body["error_code"], body["error_msg"]) == (body["code"], body["message"])
    assert named in body["message"]
    assert answer.headers["x-request-id"]


SMALLEST = {"region_id": "region-1", "name": "soc-main", "project_name": "region-1"}


@pytest.fixture
def fresh(desk: TestDesk, client: Client) -> Iterator[Client]:
    """A client of a desk whose workspaces no other test touches."""
    with serving(desk) as url, Client(url, desk) as one:
        yield one


def workspaces(client: Client) -> str:
    return f"/v1/{client.project_id}/workspaces"


def test_a_workspace_is_made_and_shown(client: Client, own_desk: TestDesk) -> None:
    body = {
        **SMALLEST, "description": "prïmary", "enterprise_project_id": "0", "enterprise_project_name": "默认.x-1",
        "view_bind_id": "", "is_view": False, "tags": [{"key": "a", "value": "b"}],
    }  # fmt: skip
    answer = client.post(workspaces(client), body)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    for key in body.keys() - {"tags"}:
        assert made[key] == body[key], key
    assert made["project_id"] == client.project_id
    assert made["creator_name"] == made["modifier_name"] == own_desk.made.user_name
    assert made["workspace_agency_list"] == []
    assert re.fullmatch(r"[-0-9]{10}T[:0-9]{8}Z\+0800", made["create_time"])
    assert client.get(f"{workspaces(client)}/{made['id']}").json() == {"workspace": made}
    with Client(client.base, own_desk, workspace_id=made["id"]) as inside:
        assert inside.search()["total"] == 0
        assert (
            inside.search(condition={"conditions": [{"name": "i", "data": ["id", "=", inside.create_alert()]}]})[
                "total"
            ]
            == 1
        )


@pytest.mark.parametrize("name", ["a", "x" * 64, "A_b-(1)", "安全中心"])
def test_a_workspace_name_is_letters_digits_and_a_few_marks(client: Client, name: str) -> None:
    assert client.post(workspaces(client), {**SMALLEST, "name": name}).json()["name"] == name


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("name", ["", "x" * 65, "a b", "a\n", "a.b", "<x>", None, 5, "é", "a\0"]),
        ("region_id", ["", "x" * 65, "a b", "r\n", None]),
        ("project_name", ["x" * 65, None, 1]),
        ("description", ["x" * 513, 1]),
        ("enterprise_project_id", ["x" * 65, "a b", "é"]),
        ("enterprise_project_name", ["x" * 65, "a b"]),
        ("view_bind_id", ["x" * 37]),
        ("is_view", ["true", 1]),
        ("tags", [[{}] * 17, [{"key": "x" * 65}], {}, ["x"]]),
    ],
)
def test_a_wrong_member_of_a_new_workspace_is_refused_and_named(client: Client, field: str, bad: list[Any]) -> None:
    before = client.get(workspaces(client)).json()["count"]
    for value in bad:
        answer = client.post(workspaces(client), {**SMALLEST, field: value})
        refused_plainly(answer, WRONG, field)
    assert client.get(workspaces(client)).json()["count"] == before


@pytest.mark.parametrize("field", SMALLEST)
def test_a_workspace_needs_name_region_and_project_name(client: Client, field: str) -> None:
    body = {key: value for key, value in SMALLEST.items() if key != field}
    refused_plainly(client.post(workspaces(client), body), WRONG, field)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null"])
def test_a_new_workspace_needs_a_json_object(client: Client, raw: bytes) -> None:
    refused_plainly(client.post(workspaces(client), raw=raw), WRONG)


def test_workspaces_are_listed_filtered_and_paged(fresh: Client) -> None:
    first = fresh.get(workspaces(fresh)).json()["workspaces"][0]
    made = []
    for n in range(3):
        time.sleep(0.002)  # workspaces of one instant are ordered by their ids
        body = {
            **SMALLEST, "name": f"Desk-{n}", "region_id": f"r{n}", "description": f"d{n}",
            "enterprise_project_id": f"e{n}", "is_view": n == 1, "view_bind_id": f"v{n}",
        }  # fmt: skip
        made.append(fresh.post(workspaces(fresh), body).json())
    everything = [first, *made]

    def found(query: str = "") -> list[dict[str, Any]]:
        answer = fresh.get(f"{workspaces(fresh)}?{query}")
        assert answer.status_code == 200, answer.text
        assert set(answer.json()) == {"count", "workspaces"}
        return list(answer.json()["workspaces"])

    assert found() == found("offset=0&limit=10") == found("limit=100") == everything
    assert fresh.get(f"{workspaces(fresh)}?limit=1&offset=2").json() == {"count": 4, "workspaces": [made[1]]}
    assert found("offset=4") == []
    for query in ("name=desk-1", "region_id=r1", "description=D1", "enterprise_project_id=e1", "view_bind_id=v1",
                  "is_view=true", f"ids={made[1]['id']}"):  # fmt: skip
        assert found(query) == [made[1]], query
    assert found("is_view=false") == [first, made[0], made[2]]
    assert found(f"ids={made[0]['id']},{made[2]['id']},nothing") == [made[0], made[2]]
    assert found(f"normal_project_id={fresh.project_id}") == everything
    assert found("normal_project_id=x") == found("view_bind_name=x") == found("name=%25") == []
    assert found("name=") == everything


def test_workspaces_are_found_by_the_time_they_were_made(fresh: Client) -> None:
    made = fresh.get(workspaces(fresh)).json()["workspaces"][0]
    later = "2099-01-01T00:00:00Z%2B0800"
    earlier = "2020-01-01T00:00:00Z%2B0800"

    def count(query: str) -> int:
        return int(fresh.get(f"{workspaces(fresh)}?{query}").json()["count"])

    assert parse_time(made["create_time"], 480).ms
    assert count(f"create_time_start={earlier}&create_time_end={later}") == 1
    assert count(f"create_time_start={later}") == count(f"create_time_end={earlier}") == 0
    assert count("create_time_start=2020-01-01T00:00:00Z+0800") == 1  # a plus that the client did not encode
    assert count("create_time_start=2020-01-01T00:00:00.000%2B08:00") == 1


def test_the_second_in_which_a_workspace_was_made_finds_it(fresh: Client) -> None:
    made = fresh.get(workspaces(fresh)).json()["workspaces"][0]["create_time"].replace("+", "%2B")
    assert fresh.get(f"{workspaces(fresh)}?create_time_start={made}&create_time_end={made}").json()["count"] == 1


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "offset=-1", "is_view=maybe", "create_time_start=soon", "create_time_end=x"],
)
def test_a_wrong_query_of_workspaces_is_refused_and_named(client: Client, query: str) -> None:
    refused_plainly(client.get(f"{workspaces(client)}?{query}"), WRONG, query.partition("=")[0])


@pytest.mark.parametrize("workspace_id", [str(uuid.UUID(int=5)), "x", "%00", "x" * 100])
def test_an_unknown_workspace_is_not_found(client: Client, workspace_id: str) -> None:
    refused_plainly(client.get(f"{workspaces(client)}/{workspace_id}"), NO_WORKSPACE)


def test_a_workspace_of_another_project_is_not_found(client: Client, own_desk: TestDesk) -> None:
    foreign = own_desk.add_workspace("foreign", own_desk.add_project("elsewhere"))
    refused_plainly(client.get(f"{workspaces(client)}/{foreign}"), NO_WORKSPACE)
    assert foreign not in client.get(f"{workspaces(client)}?limit=100").text
    answer = client.get(f"/v1/{own_desk.made.project_id}/workspaces/{foreign}/soc/dataclasses")
    assert (answer.status_code, answer.json()["code"]) == (403, HIDDEN)


def test_an_unknown_project_is_a_refusal_with_all_four_keys(client: Client) -> None:
    for project_id in ("x", "0" * 32):
        refused_plainly(client.get(f"/v1/{project_id}/workspaces"), HIDDEN, status=403)
        refused_plainly(client.post(f"/v1/{project_id}/workspaces", SMALLEST), HIDDEN, status=403)
        refused_plainly(client.get(f"/v1/{project_id}/workspaces/{client.workspace_id}"), NO_WORKSPACE)


# Changed.


def made(client: Client, **fields: Any) -> dict[str, Any]:
    answer = client.post(workspaces(client), {**SMALLEST, **fields})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def path_of(client: Client, workspace_id: str) -> str:
    return f"{workspaces(client)}/{workspace_id}"


def shown(client: Client, workspace_id: str) -> dict[str, Any]:
    answer = client.get(path_of(client, workspace_id))
    assert answer.status_code == 200, answer.text
    return dict(answer.json()["workspace"])


def test_a_workspace_is_changed_and_answered_flat(client: Client) -> None:
    before = made(client, description="d", enterprise_project_id="e", tags=[{"key": "a", "value": "b"}])
    change = {"name": "renamed", "description": "neü", "view_bind_id": "v" * 36}
    answer = client.put(path_of(client, before["id"]), change)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after == {**before, **change, "update_time": after["update_time"]}
    assert shown(client, before["id"]) == after
    assert after in client.get(f"{workspaces(client)}?limit=100").json()["workspaces"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"description": "d", "view_bind_id": "v"}),
        ({"description": None, "view_bind_id": None}, {"description": "d", "view_bind_id": "v"}),
        ({"description": ""}, {"description": "", "view_bind_id": "v"}),
        ({"view_bind_id": ""}, {"description": "d", "view_bind_id": ""}),
        ({"description": "x" * 512, "view_bind_id": "w"}, {"description": "x" * 512, "view_bind_id": "w"}),
        ({"region_id": "elsewhere", "is_view": True, "project_name": "p"}, {"region_id": "region-1", "is_view": False}),
    ],
)
def test_a_change_leaves_what_it_does_not_name(
    client: Client, change: dict[str, Any], expected: dict[str, Any]
) -> None:
    one = made(client, description="d", view_bind_id="v")["id"]
    assert client.put(path_of(client, one), {"name": "kept", **change}).status_code == 200
    assert {key: shown(client, one)[key] for key in expected} == expected


def test_a_change_says_who_and_when(client: Client, own_desk: TestDesk) -> None:
    one = made(client)
    time.sleep(1.1)  # workspaces show whole seconds
    with Client(client.base, own_desk, key=own_desk.add_user("second", Role.ADMINISTRATOR)) as other:
        after = other.put(path_of(client, one["id"]), {"name": "renamed"}).json()
    assert (after["creator_name"], after["modifier_name"]) == (own_desk.made.user_name, "second")
    assert after["create_time"] == one["create_time"]
    assert after["update_time"] > one["update_time"]


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("name", ["", "x" * 65, "a b", "a\n", "<x>", None, 5, "é"]),
        ("description", ["x" * 513, 1, "a\0b"]),
        ("view_bind_id", ["x" * 37, 5]),
    ],
)
def test_a_wrong_member_of_a_change_is_refused_and_named(client: Client, field: str, bad: list[Any]) -> None:
    one = made(client)
    for value in bad:
        refused_plainly(client.put(path_of(client, one["id"]), {"name": "n", field: value}), WRONG, field)
    refused_plainly(client.put(path_of(client, one["id"]), {"description": "d"}), WRONG, "name")
    assert shown(client, one["id"]) == one


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"null"])
def test_a_change_needs_a_json_object(client: Client, raw: bytes) -> None:
    refused_plainly(client.put(path_of(client, client.workspace_id), raw=raw), WRONG)


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("workspace_id", [str(uuid.UUID(int=5)), "x", "%00", "x" * 100])
def test_an_unknown_workspace_can_be_neither_changed_nor_deleted(
    client: Client, method: str, workspace_id: str
) -> None:
    answer = client.send(method, path_of(client, workspace_id), {"name": "n"} if method == "PUT" else None)
    refused_plainly(answer, NO_WORKSPACE)


def test_a_workspace_of_another_project_can_be_neither_changed_nor_deleted(client: Client, own_desk: TestDesk) -> None:
    foreign = own_desk.add_workspace("abroad", own_desk.add_project("abroad"))
    before = contents(own_desk)
    refused_plainly(client.put(path_of(client, foreign), {"name": "n"}), NO_WORKSPACE)
    refused_plainly(client.delete(path_of(client, foreign)), NO_WORKSPACE)
    assert contents(own_desk) == before


@pytest.mark.parametrize("role", [Role.READER, Role.OPERATOR])
def test_only_an_administrator_changes_and_deletes(client: Client, own_desk: TestDesk, role: Role) -> None:
    one = made(client)["id"]
    with Client(client.base, own_desk, key=own_desk.add_user(f"a {role.value}", role)) as other:
        refused_plainly(other.put(path_of(client, one), {"name": "n"}), "SecMaster.90010015", status=403)
        refused_plainly(other.delete(path_of(client, one)), "SecMaster.90010015", status=403)
        assert shown(other, one)["name"] == SMALLEST["name"]


def test_a_repeated_change_with_its_key_has_the_same_answer(client: Client, own_desk: TestDesk) -> None:
    one, key = made(client)["id"], {"X-Idempotency-Key": "rename"}
    first = client.put(path_of(client, one), {"name": "renamed"}, headers=key)
    before = contents(own_desk)
    assert client.put(path_of(client, one), {"name": "renamed"}, headers=key).content == first.content
    assert contents(own_desk) == before
    refused_plainly(client.put(path_of(client, one), {"name": "x"}, headers=key), WRONG, "X-Idempotency-Key")


# Deleted.


@pytest.mark.parametrize("query", ["", "?permanent_delete=true", "?permanent_delete=false", "?unknown=1"])
def test_a_deleted_workspace_is_gone_at_once(client: Client, query: str) -> None:
    one = made(client)["id"]
    answer = client.delete(f"{path_of(client, one)}{query}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["X-request-id"]
    refused_plainly(client.get(path_of(client, one)), NO_WORKSPACE)
    refused_plainly(client.put(path_of(client, one), {"name": "n"}), NO_WORKSPACE)
    refused_plainly(client.delete(path_of(client, one)), NO_WORKSPACE)
    refused_plainly(client.get(f"{path_of(client, one)}/sa/guides?version=1"), NO_WORKSPACE)
    assert one not in client.get(f"{workspaces(client)}?limit=100").text
    assert client.get(f"{workspaces(client)}?ids={one}").json() == {"count": 0, "workspaces": []}


def test_a_wrong_query_of_a_delete_is_refused_and_deletes_nothing(client: Client) -> None:
    one = made(client)
    answer = client.delete(f"{path_of(client, one['id'])}?permanent_delete=maybe")
    refused_plainly(answer, WRONG, "permanent_delete")
    assert shown(client, one["id"]) == one


def test_everything_in_a_deleted_workspace_answers_as_unknown(client: Client, own_desk: TestDesk) -> None:
    one, other = made(client)["id"], made(client)["id"]
    with (
        Client(client.base, own_desk, workspace_id=one) as inside,
        Client(client.base, own_desk, workspace_id=str(uuid.uuid4())) as nowhere,
        Client(client.base, own_desk, workspace_id=other) as beside,
    ):
        alert, kept = inside.create_alert(), beside.create_alert()
        incident = inside.order([alert])["results"][0]["incident_id"]
        note = {"war_room_id": alert, "type": "textMessage", "content": "c"}
        assert inside.post("notes", note).status_code == 200
        dataclass_id = inside.get("dataclasses").json()["dataclass_details"][0]["id"]
        calls: list[tuple[str, str, Any]] = [
            ("GET", f"alerts/{alert}", None),
            ("PUT", f"alerts/{alert}", {"data_object": {"title": "x"}}),
            ("POST", "alerts", {"data_object": {"title": "x"}}),
            ("POST", "alerts/search", {}),
            ("POST", "alerts/batch-order", {"ids": [alert]}),
            ("POST", "alerts/batch-update", {"batch_ids": [alert], "data_object": {"title": "x"}}),
            ("DELETE", "alerts", {"batch_ids": [alert]}),
            ("GET", f"incidents/{incident}", None),
            ("POST", f"incidents/{incident}/alerts/search", {}),
            ("POST", f"incidents/{incident}/alerts", {"ids": [alert]}),
            ("POST", "indicators/search", {}),
            ("POST", "notes", note),
            ("POST", "notes/search", {}),
            ("GET", "dataclasses", None),
            ("GET", f"dataclasses/{dataclass_id}/types", None),
            ("GET", f"dataclasses/{dataclass_id}/fields", None),
            ("POST", f"datapanel/{dataclass_id}/data-objects/search", {}),
            ("GET", "attachment/x", None),
        ]
        for method, path, body in calls:
            assert inside.send(method, path, body).status_code in {200, 400}, path
        assert client.delete(path_of(client, one)).status_code == 200
        before = contents(own_desk)
        for method, path, body in calls:
            answer = inside.send(method, path, body)
            assert (answer.status_code, answer.json()["code"]) == (403, HIDDEN), path
            assert answer.json() == nowhere.send(method, path, body).json(), path
        assert contents(own_desk) == before
        assert beside.show(f"alerts/{kept}")["id"] == kept


def test_an_id_of_a_deleted_workspace_is_unknown_elsewhere(client: Client, own_desk: TestDesk) -> None:
    one = made(client)["id"]
    with Client(client.base, own_desk, workspace_id=one) as inside:
        alert = inside.create_alert()
    client.delete(path_of(client, one))
    assert client.order([alert])["results"][0]["reason"] == "not_found"
    assert client.search(condition={"conditions": [{"name": "i", "data": ["id", "=", alert]}]})["total"] == 0


def test_the_last_workspace_can_be_deleted_and_another_made(fresh: Client) -> None:
    assert fresh.delete(path_of(fresh, fresh.workspace_id)).status_code == 200
    assert fresh.get(workspaces(fresh)).json() == {"count": 0, "workspaces": []}
    one = made(fresh)["id"]
    assert [found["id"] for found in fresh.get(workspaces(fresh)).json()["workspaces"]] == [one]


def test_a_name_is_free_while_taken_and_after(client: Client) -> None:
    """Names are for people; ids tell workspaces apart."""
    one, two = made(client, name="same"), made(client, name="same")
    assert one["id"] != two["id"]
    client.delete(path_of(client, one["id"]))
    assert shown(client, two["id"])["name"] == "same"


def test_every_change_leaves_who_and_before_and_after(client: Client, own_desk: TestDesk) -> None:
    one = made(client, name="first", description="d")["id"]
    renamed = client.put(path_of(client, one), {"name": "second", "description": "d"})
    deleted = client.delete(path_of(client, one))
    found = rows(own_desk, "SELECT * FROM admin_audit WHERE object_id = ? ORDER BY time, id", [one])
    assert {(row["object_class"], row["user_name"]) for row in found} == {("workspaces", own_desk.made.user_name)}
    assert [(row["operation"], json.loads(row["changes"])) for row in found] == [
        ("create_workspace", {"name": [None, "first"]}),
        ("update_workspace", {"name": ["first", "second"]}),
        ("delete_workspace", {"deleted": [False, True]}),
    ]
    assert [row["request_id"] for row in found[1:]] == [one.headers["X-request-id"] for one in (renamed, deleted)]


# Ready.


def test_the_guides_of_a_workspace_are_a_json_object(client: Client) -> None:
    """Terraform polls this after a create and takes 400 for not ready, 2xx for ready and all else for a failure."""
    one = made(client)["id"]
    for query in ("?version=1", "", "?version=2"):
        answer = client.get(f"{path_of(client, one)}/sa/guides{query}", headers={"X-Language": "en-us"})
        assert answer.status_code == 200, answer.text
        assert isinstance(answer.json(), dict)


@pytest.mark.parametrize("workspace_id", [str(uuid.UUID(int=5)), "x"])
def test_an_unknown_workspace_has_no_guides(client: Client, workspace_id: str) -> None:
    refused_plainly(client.get(f"{path_of(client, workspace_id)}/sa/guides?version=1"), NO_WORKSPACE)


def test_the_guides_are_for_readers_too(client: Client, own_desk: TestDesk) -> None:
    with Client(client.base, own_desk, key=own_desk.add_user("a guest", Role.READER)) as other:
        assert other.get(f"{path_of(client, client.workspace_id)}/sa/guides").status_code == 200
