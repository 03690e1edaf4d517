"""`tocsin key`: access keys, and the way back from a lost key file."""

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import content, last_audit, printed, query, refusal, shown, tocsin
from support import Client, Key, TestDesk, serving
from tocsin.app import build_app
from tocsin.errors import SetupError
from tocsin.identity.records import Role

Connect = Callable[..., Client]


def key_of(made: dict[str, Any]) -> Key:
    return Key(access=made["access_key"], secret=made["secret_key"])


def key_file(desk: TestDesk) -> Path:
    return desk.path.with_name("desk.db.key")


def works(client: Client) -> bool:
    status = client.post("alerts/search", {}).status_code
    assert status in (200, 401)
    return status == 200


def test_a_new_key_signs_requests_at_once(desk: TestDesk, connect: Connect) -> None:
    made = shown(desk, "key", "create", "admin")
    assert set(made) == {"user_name", "access_key", "secret_key"}
    assert works(connect(key=key_of(made)))
    assert last_audit(desk)["object_id"] == made["access_key"]
    secrets = {made["secret_key"]}
    text = printed(desk, "key", "create", "admin")
    secrets.add(dict(line.split(maxsplit=1) for line in text.splitlines())["secret_key"])
    for shown_later in (printed(desk, "key", "list"), printed(desk, "audit", "--administration"), str(content(desk))):
        assert not [one for one in secrets if one in shown_later]


def test_keys_are_listed_for_all_or_for_one_user(desk: TestDesk) -> None:
    theirs = desk.add_user("anna", Role.READER).access
    assert [one["access_key"] for one in shown(desk, "key", "list")] == [desk.made.access_key, theirs]
    [one] = shown(desk, "key", "list", "anna")
    assert (one["user_name"], one["enabled"], one["secret_lost"]) == ("anna", True, False)
    assert "anna" in printed(desk, "key", "list", "anna")
    assert "nobody" in refusal(desk, "key", "list", "nobody")


def test_a_disabled_key_stops_at_once_and_comes_back(desk: TestDesk, connect: Connect) -> None:
    key = desk.add_user("anna", Role.READER)
    client = connect(key=key)
    assert shown(desk, "key", "disable", key.access)["changed"] is True
    assert not works(client)
    assert last_audit(desk)["changes"] == {"enabled": [True, False]}
    assert printed(desk, "key", "disable", key.access) == f"{key.access} was disabled already.\n"
    assert "disabled" in printed(desk, "key", "list", "anna")
    printed(desk, "key", "enable", key.access)
    assert works(client)


@pytest.mark.parametrize("options", [(), ("--keep-old",)])
def test_a_rotated_key_is_replaced_for_the_same_user(
    options: tuple[str, ...], desk: TestDesk, connect: Connect
) -> None:
    old = desk.add_user("anna", Role.READER)
    made = shown(desk, "key", "rotate", old.access, *options)
    assert made["user_name"] == "anna"
    assert works(connect(key=key_of(made)))
    assert works(connect(key=old)) is bool(options)
    rows = [row for row in shown(desk, "audit", "--administration") if row["operation"] == "key rotate"]
    assert len({row["request_id"] for row in rows}) == 1
    assert len(rows) == (1 if options else 2)
    text = printed(desk, "key", "rotate", made["access_key"], *options)
    assert "works on" in text if options else f"{made['access_key']} is disabled" in text


@pytest.mark.parametrize(
    "command", [("create", "nobody"), ("rotate", "NOKEY"), ("disable", "NOKEY"), ("enable", ""), ("rotate", "' OR 1")]
)
def test_an_unknown_user_or_key_is_refused(command: tuple[str, ...], desk: TestDesk) -> None:
    assert "there is no" in refusal(desk, "key", *command)


def test_a_disabled_user_gets_no_key(desk: TestDesk) -> None:
    key = desk.add_user("anna", Role.READER)
    printed(desk, "user", "disable", "anna")
    assert "user enable" in refusal(desk, "key", "create", "anna")
    assert "user enable" in refusal(desk, "key", "rotate", key.access)


# The key file.


def lose(desk: TestDesk, how: str) -> None:
    match how:
        case "missing":
            key_file(desk).unlink()
        case "damaged":
            key_file(desk).write_bytes(b"not a key")
        case "another's":
            key_file(desk).write_bytes(b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=\n")


@pytest.mark.parametrize("how", ["missing", "damaged", "another's"])
@pytest.mark.parametrize("command", [("create", "admin"), ("rotate",)])
def test_without_the_right_key_file_no_key_is_made_and_the_way_out_is_told(
    command: tuple[str, ...], how: str, desk: TestDesk
) -> None:
    lose(desk, how)
    arguments = command if len(command) > 1 else (*command, desk.made.access_key or "")
    assert "tocsin key renew-file" in refusal(desk, "key", *arguments)


@pytest.mark.parametrize("how", ["missing", "damaged", "another's"])
def test_the_way_back_from_a_lost_key_file(how: str, desk: TestDesk) -> None:
    theirs = desk.add_user("anna", Role.READER)
    printed(desk, "key", "disable", theirs.access)
    lose(desk, how)
    with desk.database() as database, pytest.raises(SetupError, match="renew-file"):
        build_app(desk.settings(), database)
    report = shown(desk, "key", "renew-file", "--yes")
    assert report["key_file"] == str(key_file(desk))
    assert report["lost"] == [
        {"access_key": desk.made.access_key, "user_name": "admin", "was_enabled": True},
        {"access_key": theirs.access, "user_name": "anna", "was_enabled": False},
    ]
    assert stat.S_IMODE(key_file(desk).stat().st_mode) == 0o600
    if how == "missing":
        assert report["old_key_file"] is None
    else:
        assert Path(report["old_key_file"]).is_file()
    assert not list(desk.path.parent.glob("*.new-*"))
    made = shown(desk, "key", "rotate", desk.made.access_key or "")
    with serving(desk) as base, Client(base, desk, key=key_of(made)) as client:
        client.create_alert()
        with Client(base, desk) as old:
            assert not works(old)
        user = {"name": "admin", "password": desk.made.password, "domain": {"name": desk.made.domain_name}}
        login = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        assert client.http.post("/v3/auth/tokens", json=login).status_code == 201


def test_the_text_says_exactly_which_keys_are_to_be_made_anew(desk: TestDesk) -> None:
    key_file(desk).unlink()
    text = printed(desk, "key", "renew-file", "--yes")
    assert f"{desk.made.access_key}  admin  tocsin key rotate {desk.made.access_key}" in text
    assert "Start the server again" in text
    rows = [row for row in shown(desk, "audit", "--administration") if row["operation"] == "key renew-file"]
    assert [row["changes"]["enabled"] for row in rows] == [[True, False]]


def test_a_key_whose_secret_is_lost_cannot_be_enabled(desk: TestDesk) -> None:
    key_file(desk).unlink()
    shown(desk, "key", "renew-file", "--yes")
    assert "lost" in printed(desk, "key", "list")
    assert "tocsin key rotate" in refusal(desk, "key", "enable", desk.made.access_key or "")
    assert shown(desk, "key", "renew-file", "--yes", "--force")["lost"] == []


def test_a_key_file_that_is_in_order_stays_unless_forced(desk: TestDesk) -> None:
    before = key_file(desk).read_bytes()
    for options in ((), ("--yes",)):
        message = refusal(desk, "key", "renew-file", *options)
        assert "1 of 1" in message
        assert "--force" in message
    assert key_file(desk).read_bytes() == before
    report = shown(desk, "key", "renew-file", "--yes", "--force")
    assert key_file(desk).read_bytes() != before
    assert Path(report["old_key_file"]).read_bytes() == before


def test_nobody_is_asked_where_nobody_can_answer(desk: TestDesk) -> None:
    key_file(desk).unlink()
    assert "--yes" in refusal(desk, "key", "renew-file", piped="y\n")
    assert list(desk.path.parent.glob("*.key*")) == []


def test_a_key_file_that_cannot_be_made_changes_nothing(desk: TestDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOCSIN_SECRET_KEY_FILE", str(desk.path.parent / "absent" / "desk.key"))
    assert "cannot be made" in refusal(desk, "key", "renew-file", "--yes")


def test_a_failure_of_the_database_leaves_the_old_key_file(desk: TestDesk) -> None:
    before = key_file(desk).read_bytes()
    query(desk, "CREATE TABLE blocker (a)")  # a schema that fails the change, as a full disk would
    query(desk, "CREATE TRIGGER full BEFORE UPDATE ON access_keys BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(Exception, match="full"):
        tocsin("key", "renew-file", "--yes", "--force", "--database", desk.url)
    assert key_file(desk).read_bytes() == before
    assert [path.name for path in desk.path.parent.glob("*.key*")] == ["desk.db.key"]
