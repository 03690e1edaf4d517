"""`tocsin project` and `tocsin workspace`: where things are, made and closed from the command line."""

from collections.abc import Callable
from typing import Any

import pytest

from commands import content, last_audit, printed, query, refusal, shown, tocsin
from support import Client, TestDesk, serving
from test_cli_users import login

Connect = Callable[..., Client]


# tocsin project


def test_a_new_project_is_empty_until_somebody_has_a_role_and_a_workspace(desk: TestDesk, connect: Connect) -> None:
    made = shown(desk, "project", "create", "second")
    assert set(made) == {"project_id", "project_name", "enabled"}
    assert last_audit(desk)["changes"] == {"name": [None, "second"]}
    shown(desk, "user", "grant", "admin", "administrator", "--project", "second")
    workspace = shown(desk, "workspace", "create", "soc", "--project", made["project_id"])
    assert workspace["project_id"] == made["project_id"]
    theirs = connect(project_id=made["project_id"], workspace_id=workspace["workspace_id"])
    theirs.create_alert()
    listed = shown(desk, "project", "list")
    assert [one["project_name"] for one in listed] == [desk.made.project_name, "second"]


def test_from_the_second_project_on_the_region_names_are_pointed_out(
    desk: TestDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(desk, "project", "create", "second")
    assert "TOCSIN_IDENTITY_REGION_NAMES='*=default'" in text
    assert "TOCSIN_IDENTITY_REGION_NAMES" in tocsin("project", "--help").out
    monkeypatch.setenv("TOCSIN_IDENTITY_REGION_NAMES", "*=default")
    assert "REGION_NAMES" not in printed(desk, "project", "create", "third")


def test_the_advised_setting_keeps_every_region_name_working(desk: TestDesk) -> None:
    shown(desk, "project", "create", "second")
    for names, found in (({}, []), ({"*": "default"}, [desk.made.project_id])):
        with serving(desk, identity_region_names=names) as base, Client(base, desk) as client:
            answer = client.get("/v3/projects?name=cn-north-4").json()
            assert [one["id"] for one in answer["projects"]] == found


def test_a_name_that_is_taken_is_refused_and_nothing_changes(desk: TestDesk) -> None:
    assert "already" in refusal(desk, "project", "create", desk.made.project_name)


@pytest.mark.parametrize("name", ["", " x", "a\x00b", "a" * 65])
def test_a_project_name_that_cannot_be_is_refused(name: str, desk: TestDesk) -> None:
    assert "NAME" in refusal(desk, "project", "create", name)


@pytest.mark.parametrize("by_id", [True, False])
def test_a_disabled_project_answers_as_an_unknown_one(by_id: bool, desk: TestDesk, client: Client) -> None:
    name = desk.made.project_id if by_id else desk.made.project_name
    assert desk.made.password is not None
    assert login(client, desk, "admin", desk.made.password, desk.made.project_id) == 201
    unknown = Client(client.base, desk, project_id="0" * 32)
    assert shown(desk, "project", "disable", name)["changed"] is True
    assert last_audit(desk)["changes"] == {"enabled": [True, False]}
    for path in ("alerts/search", "incidents/search"):
        answers = [one.post(path, {}) for one in (client, unknown)]
        assert answers[0].status_code == answers[1].status_code != 200
        assert answers[0].json() == answers[1].json()
    unknown.close()
    assert client.http.post(client.url("alerts/search"), json={}).status_code != 200, "nor does a token work on"
    assert client.get("/v3/projects?name=default").json()["projects"] == []
    assert login(client, desk, "admin", desk.made.password, desk.made.project_id) == 403
    assert "disabled" in printed(desk, "project", "list")
    assert "was disabled already" in printed(desk, "project", "disable", name)
    printed(desk, "project", "enable", name)
    client.create_alert()


def test_an_unknown_project_is_refused_with_those_there_are(desk: TestDesk) -> None:
    for command in (("project", "disable", "nowhere"), ("project", "enable", ""), ("workspace", "list", "--project", "x"),
                    ("workspace", "create", "soc", "--project", "nowhere")):  # fmt: skip
        assert desk.made.project_id in refusal(desk, *command)


# tocsin workspace


def test_a_new_workspace_takes_alerts_at_once_and_is_shown(desk: TestDesk, connect: Connect) -> None:
    made = shown(desk, "workspace", "create", "second")
    client = connect(workspace_id=made["workspace_id"])
    client.create_alert()
    answer = client.get(f"/v1/{desk.made.project_id}/workspaces/{made['workspace_id']}").json()["workspace"]
    one = shown(desk, "workspace", "show", made["workspace_id"])
    assert one == made
    for name in ("name", "project_id", "project_name", "region_id", "creator_name"):
        assert one[name] == answer[name]
    assert one["tags"] == []
    assert [row["name"] for row in shown(desk, "workspace", "list")] == ["soc", "second"]
    assert made["workspace_id"] in printed(desk, "workspace", "list", "--project", "default")
    assert "second" in printed(desk, "workspace", "show", made["workspace_id"])
    row = last_audit(desk)
    assert (row["operation"], row["object_id"]) == ("workspace create", made["workspace_id"])


@pytest.mark.parametrize("name", ["", "a b", "soc\n", "a" * 65, "../x", "\x1b"])
def test_a_workspace_name_that_cannot_be_is_refused(name: str, desk: TestDesk) -> None:
    assert "NAME" in refusal(desk, "workspace", "create", name)


def test_of_several_projects_one_must_be_named(desk: TestDesk) -> None:
    desk.add_project("other")
    assert "--project" in refusal(desk, "workspace", "create", "soc")
    assert shown(desk, "workspace", "create", "soc", "--project", "other")["project_name"] == "other"


def test_a_deleted_workspace_is_unknown_to_everybody_but_nothing_is_gone(desk: TestDesk, client: Client) -> None:
    client.create_alert()
    workspace = desk.made.workspace_id or ""
    assert "--yes" in refusal(desk, "workspace", "delete", workspace)
    assert "--yes" in refusal(desk, "workspace", "delete", workspace, piped="y\n")
    assert shown(desk, "workspace", "delete", workspace, "--yes") == {"workspace_id": workspace, "deleted": True}
    assert client.post("alerts/search", {}).status_code != 200
    assert shown(desk, "workspace", "list") == []
    assert len(query(desk, "SELECT 1 FROM data_objects")) == 1
    row = last_audit(desk)
    assert (row["operation"], row["object_id"], row["changes"]) == (
        "workspace delete", workspace, {"deleted": [False, True]},
    )  # fmt: skip
    for command in (("show", workspace), ("delete", workspace, "--yes")):
        assert "there is no workspace" in refusal(desk, "workspace", *command)


def test_an_unknown_workspace_is_refused(desk: TestDesk) -> None:
    for command in (("show", "nowhere"), ("delete", "nowhere", "--yes"), ("delete", "", "--yes")):
        assert desk.made.workspace_id in refusal(desk, "workspace", *command)


# All of these commands, and those of users and keys.

COMMANDS: list[tuple[str, ...]] = [
    ("user", "create", "x"), ("user", "list"), ("user", "disable", "x"), ("user", "enable", "x"),
    ("user", "grant", "x", "reader"), ("user", "revoke", "x"), ("key", "create", "x"), ("key", "list"),
    ("key", "disable", "x"), ("key", "enable", "x"), ("key", "rotate", "x"), ("key", "renew-file", "--yes"),
    ("project", "create", "x"), ("project", "list"), ("project", "disable", "x"), ("project", "enable", "x"),
    ("workspace", "create", "x"), ("workspace", "list"), ("workspace", "show", "x"),
    ("workspace", "delete", "x", "--yes"), ("prune", "--older-than", "1d", "--all", "--yes"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_database_they_say_to_make_one(command: tuple[str, ...], tmp_path: Any) -> None:
    done = tocsin(*command, "--database", f"sqlite:///{tmp_path}/absent.db")
    assert (done.status, done.out) == (1, "")
    assert "tocsin init" in done.log
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_they_explain_themselves_and_refuse_what_they_do_not_know(command: tuple[str, ...]) -> None:
    assert "Usage:" in tocsin(*command, "--help").out
    assert tocsin(*command, "--nonsense").status == 2


def test_a_look_changes_nothing(desk: TestDesk) -> None:
    before = content(desk)
    for command in (("user", "list"), ("key", "list"), ("project", "list"), ("workspace", "list"),
                    ("workspace", "show", desk.made.workspace_id or ""), ("prune", "--older-than", "1d", "--all")):  # fmt: skip
        printed(desk, *command)
    assert content(desk) == before
