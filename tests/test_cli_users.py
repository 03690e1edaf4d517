"""`tocsin user`: who may use the API and what they may do, changed from the command line, at once and on record."""

from typing import Any

import pytest

from commands import content, last_audit, printed, query, refusal, shown, tocsin
from support import PASSWORD, Client, Key, TestDesk
from tocsin.identity.records import Role

NEW_PASSWORD = "a new one, quite long"


def login(client: Client, desk: TestDesk, name: str, password: str, project: str | None = None) -> int:
    """The status of a login; its token is used from then on."""
    user = {"name": name, "password": password, "domain": {"name": desk.made.domain_name}}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"scope": {"project": {"id": project}}} if project else {}
    answer = client.http.post("/v3/auth/tokens", json={"auth": {"identity": identity, **scope}})
    client.http.headers["X-Auth-Token"] = answer.headers.get("X-Subject-Token", "")
    return answer.status_code


def searching(client: Client) -> int:
    """The status of a search with the token of the last login."""
    return client.http.post(client.url("alerts/search"), json={}).status_code


def users(desk: TestDesk) -> dict[str, dict[str, Any]]:
    return {one["user_name"]: one for one in shown(desk, "user", "list")}


def roles(desk: TestDesk, name: str) -> dict[str, str]:
    return {one["project_name"]: one["role"] for one in users(desk)[name]["roles"]}


# user create, user list


def test_a_new_user_logs_in_with_the_printed_password_and_may_do_what_the_role_says(
    desk: TestDesk, client: Client
) -> None:
    made = shown(desk, "user", "create", "anna", "--role", "reader")
    assert made["roles"] == {desk.made.project_name: "reader"}
    assert login(client, desk, "anna", made["password"], desk.made.project_id) == 201
    assert searching(client) == 200
    assert client.http.post(client.url("alerts"), json={"data_object": {"title": "t"}}).status_code == 403


def test_a_given_password_is_taken_and_not_printed(desk: TestDesk, client: Client) -> None:
    text = printed(desk, "user", "create", "anna", "--role", "operator", "--password-stdin", piped=f"{NEW_PASSWORD}\n")
    assert "anna is made, operator in default." in text
    assert NEW_PASSWORD not in text
    assert "password" not in text
    assert login(client, desk, "anna", NEW_PASSWORD, desk.made.project_id) == 201
    assert shown(desk, "user", "create", "b", "--password-stdin", piped=NEW_PASSWORD)["password"] is None


def test_the_text_shows_a_generated_password_once(desk: TestDesk, client: Client) -> None:
    text = printed(desk, "user", "create", "anna")
    password = text.split("shown this once: ")[1].strip()
    assert login(client, desk, "anna", password) == 201
    assert password not in printed(desk, "audit", "--administration")
    assert password not in printed(desk, "user", "list")


def test_a_user_without_a_role_sees_nothing(desk: TestDesk, client: Client) -> None:
    made = shown(desk, "user", "create", "anna")
    assert login(client, desk, "anna", made["password"], desk.made.project_id) == 403


def test_users_are_listed_with_their_roles(desk: TestDesk) -> None:
    desk.add_project("other")
    shown(desk, "user", "create", "anna", "--role", "reader", "--project", "other")
    shown(desk, "user", "disable", "anna")
    assert {name: one["enabled"] for name, one in users(desk).items()} == {"admin": True, "anna": False}
    assert roles(desk, "anna") == {"other": "reader"}
    lines = printed(desk, "user", "list").splitlines()
    assert "  admin, administrator in default" in lines[0]
    assert "  anna  disabled, reader in other" in lines[1]


def test_a_name_that_is_taken_is_refused_and_nothing_changes(desk: TestDesk) -> None:
    assert "already" in refusal(desk, "user", "create", "admin", "--role", "reader")
    shown(desk, "user", "create", "Admin")  # names are compared exactly


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\nb", "\x1b[2J", "a" * 65, "local:root", "\udcff"])
def test_a_name_that_cannot_be_is_refused(name: str, desk: TestDesk) -> None:
    assert "NAME" in refusal(desk, "user", "create", name)


@pytest.mark.parametrize("password", ["", "short\n", "tab\tinside\n"])
def test_a_password_that_cannot_be_makes_no_user(password: str, desk: TestDesk) -> None:
    assert "password" in refusal(desk, "user", "create", "anna", "--password-stdin", piped=password)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--role", "reader", "--project", "nowhere"), "default"),
        (("--project", "default"), "--role"),
        (("--domain", "elsewhere"), "tocsin"),
    ],
)
def test_a_project_or_account_that_is_unknown_makes_no_user(
    options: tuple[str, ...], words: str, desk: TestDesk
) -> None:
    assert words in refusal(desk, "user", "create", "anna", *options)


def test_an_unknown_role_is_wrong_usage(desk: TestDesk) -> None:
    for arguments in (("create", "anna", "--role", "king"), ("grant", "admin", "king")):
        assert tocsin("user", *arguments, "--database", desk.url).status == 2


def test_of_several_projects_one_must_be_named_by_name_or_id(desk: TestDesk) -> None:
    other = desk.add_project("other")
    assert "other" in refusal(desk, "user", "create", "anna", "--role", "reader")
    shown(desk, "user", "create", "anna", "--role", "reader", "--project", other)
    assert roles(desk, "anna") == {"other": "reader"}


# user disable, user enable


def test_a_disabled_user_is_out_at_once_and_comes_back_with_password_and_keys(
    desk: TestDesk, client: Client, connect: Any
) -> None:
    key = desk.add_user("anna", Role.OPERATOR)
    theirs = connect(key=key)
    assert login(client, desk, "anna", PASSWORD, desk.made.project_id) == 201
    assert searching(client) == 200
    assert shown(desk, "user", "disable", "anna") == {"user_name": "anna", "enabled": False, "changed": True}
    assert searching(client) == 401
    assert theirs.post("alerts/search", {}).status_code == 401
    assert login(client, desk, "anna", PASSWORD) == 401
    assert shown(desk, "user", "enable", "anna")["changed"] is True
    assert theirs.post("alerts/search", {}).status_code == 200
    assert searching(client) == 401, "the old tokens stay ended"
    assert login(client, desk, "anna", PASSWORD) == 201


def test_what_is_so_already_is_said_and_leaves_no_audit_row(desk: TestDesk) -> None:
    desk.add_user("anna", Role.READER)
    before = content(desk)
    assert printed(desk, "user", "enable", "anna") == "anna was enabled already.\n"
    assert content(desk) == before
    printed(desk, "user", "disable", "anna")
    assert last_audit(desk)["changes"] == {"enabled": [True, False]}
    assert last_audit(desk)["operation"] == "user disable"
    assert shown(desk, "user", "disable", "anna")["changed"] is False
    assert len([row for row in shown(desk, "audit", "--administration") if row["operation"] == "user disable"]) == 1


@pytest.mark.parametrize(
    "command", [("disable", "nobody"), ("enable", "nobody"), ("grant", "nobody", "reader"), ("revoke", "nobody"),
                ("disable", "admin", "--domain", "elsewhere")],
)  # fmt: skip
def test_an_unknown_user_is_refused(command: tuple[str, ...], desk: TestDesk) -> None:
    assert "there is no user" in refusal(desk, "user", *command)


def test_an_argument_that_is_no_text_is_refused(desk: TestDesk) -> None:
    assert "UTF-8" in refusal(desk, "user", "disable", "\udcff")


# Never the last administrator.


@pytest.mark.parametrize("command", [("disable", "admin"), ("revoke", "admin"), ("grant", "admin", "operator")])
def test_the_last_administrator_stays_unless_forced(command: tuple[str, ...], desk: TestDesk) -> None:
    desk.add_user("anna", Role.OPERATOR)
    message = refusal(desk, "user", *command)
    assert "last enabled administrator" in message
    assert "--force" in message
    printed(desk, "user", *command, "--force")
    assert last_audit(desk)["operation"] == f"user {command[0]}"


@pytest.mark.parametrize("command", [("disable", "admin"), ("revoke", "admin"), ("grant", "admin", "reader")])
def test_with_another_administrator_it_needs_no_force(command: tuple[str, ...], desk: TestDesk) -> None:
    desk.add_user("anna", Role.ADMINISTRATOR)
    printed(desk, "user", *command)
    assert "last enabled" in refusal(desk, "user", "disable", "anna")


def test_a_disabled_administrator_does_not_count(desk: TestDesk) -> None:
    desk.add_user("anna", Role.ADMINISTRATOR)
    printed(desk, "user", "disable", "anna")
    refusal(desk, "user", "disable", "admin")
    printed(desk, "user", "revoke", "anna")


def test_every_project_needs_its_administrator(desk: TestDesk) -> None:
    desk.add_user("anna", Role.ADMINISTRATOR)
    desk.add_project("other")
    printed(desk, "user", "grant", "anna", "administrator", "--project", "other")
    assert "'other'" in refusal(desk, "user", "disable", "anna")
    printed(desk, "user", "revoke", "anna", "--project", "default")


# user grant, user revoke


def test_a_role_counts_at_once_and_replaces_the_earlier_one(desk: TestDesk, connect: Any) -> None:
    theirs: Client = connect(key=desk.add_user("anna", None))
    body = {"data_object": {"title": "An alert"}}
    assert theirs.post("alerts", body).status_code == 403
    printed(desk, "user", "grant", "anna", "operator")
    assert theirs.post("alerts", body).status_code == 200
    assert printed(desk, "user", "grant", "anna", "reader") == "anna is reader in the project default.\n"
    assert theirs.post("alerts", body).status_code == 403
    [(before, after)] = last_audit(desk)["changes"].values()
    assert (before, after) == ("operator", "reader")
    printed(desk, "user", "revoke", "anna")
    assert theirs.post("alerts/search", {}).status_code in (400, 403)
    assert list(last_audit(desk)["changes"].values()) == [["reader", None]]
    assert query(desk, "SELECT role FROM grants") == [("administrator",)]


def test_the_same_role_again_changes_nothing(desk: TestDesk) -> None:
    before = content(desk)
    assert shown(desk, "user", "grant", "admin", "administrator")["role"] == "administrator"
    assert content(desk) == before


def test_a_role_that_is_not_there_cannot_be_revoked(desk: TestDesk) -> None:
    desk.add_user("anna", None)
    assert "no role" in refusal(desk, "user", "revoke", "anna")


def test_a_key_of_the_first_user_still_works_after_all_this(desk: TestDesk, client: Client) -> None:
    assert isinstance(desk.add_user("anna", Role.READER), Key)
    client.create_alert()
