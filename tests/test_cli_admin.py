"""`tocsin user password`, `audit` and `conversion`: the way back in, who did what, and what a conversion did."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support import PASSWORD, Client, TestDesk
from tocsin.identity.records import Role

NEW_PASSWORD = "a new one, quite long"


def tocsin(*arguments: str, piped: bytes = b"") -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", *arguments], input=piped, capture_output=True, timeout=120, check=False
    )
    out, log = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in log, log.splitlines()[-1]
    return subprocess.CompletedProcess(done.args, done.returncode, out, log)


def shown(desk: TestDesk, *arguments: str) -> Any:
    """What a command prints as JSON."""
    done = tocsin(*arguments, "--json", "--database", desk.url)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def printed(desk: TestDesk, *arguments: str) -> list[str]:
    done = tocsin(*arguments, "--database", desk.url)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def refusal(desk: TestDesk, *arguments: str, piped: bytes = b"") -> str:
    done = tocsin(*arguments, "--database", desk.url, piped=piped)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("tocsin: ")
    return done.stderr


def login(client: Client, desk: TestDesk, password: str, name: str = "admin") -> int:
    user = {"name": name, "password": password, "domain": {"name": desk.made.domain_name}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = {"auth": {"identity": identity, "scope": {"project": {"id": desk.made.project_id}}}}
    answer = client.http.post("/v3/auth/tokens", json=body)
    client.http.headers["X-Auth-Token"] = answer.headers.get("X-Subject-Token", "")
    return answer.status_code


# tocsin user password


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_password_is_read_from_a_pipe_and_works_at_once(end: bytes, desk: TestDesk, client: Client) -> None:
    done = tocsin("user", "password", "admin", "--database", desk.url, piped=NEW_PASSWORD.encode() + end)
    assert (done.returncode, done.stderr) == (0, "")
    assert "admin" in done.stdout
    assert NEW_PASSWORD not in done.stdout
    assert login(client, desk, NEW_PASSWORD) == 201
    assert desk.made.password is not None
    assert login(client, desk, desk.made.password) == 401


def test_a_generated_password_is_printed_and_works(desk: TestDesk, client: Client) -> None:
    made = shown(desk, "user", "password", "admin", "--generate")
    assert made["user_name"] == "admin"
    assert login(client, desk, made["password"]) == 201
    [line] = printed(desk, "user", "password", "admin", "--generate")
    assert login(client, desk, line.rsplit(" ", 1)[1]) == 201


def test_a_new_password_ends_the_tokens_and_keeps_the_keys(desk: TestDesk, client: Client) -> None:
    assert desk.made.password is not None
    assert login(client, desk, desk.made.password) == 201
    path = client.url("alerts/search")
    assert client.http.post(path, json={}).status_code == 200
    shown(desk, "user", "password", "admin", "--generate")
    assert client.http.post(path, json={}).status_code == 401
    client.create_alert()


def test_only_the_named_users_password_changes(desk: TestDesk, client: Client) -> None:
    desk.add_user("reader", Role.READER)
    made = shown(desk, "user", "password", "reader", "--domain", desk.made.domain_name, "--generate")
    assert login(client, desk, made["password"], "reader") == 201
    assert login(client, desk, PASSWORD, "reader") == 401
    assert desk.made.password is not None
    assert login(client, desk, desk.made.password) == 201


def test_a_changed_password_is_in_the_audit_without_the_password(desk: TestDesk) -> None:
    made = shown(desk, "user", "password", "admin", "--generate")
    [row, *_] = shown(desk, "audit", "--administration")
    assert (row["operation"], row["object_class"]) == ("user password", "users")
    assert row["user"].startswith("local:")
    assert made["password"] not in json.dumps(row)


@pytest.mark.parametrize("password", [b"", b"short\n", b"\xff\xfe not text\n"])
def test_a_password_that_cannot_be_is_refused_and_the_old_one_stays(
    password: bytes, desk: TestDesk, client: Client
) -> None:
    assert "password" in refusal(desk, "user", "password", "admin", piped=password)
    assert desk.made.password is not None
    assert login(client, desk, desk.made.password) == 201


def test_an_unknown_user_or_account_is_refused(desk: TestDesk) -> None:
    assert "nobody" in refusal(desk, "user", "password", "nobody", piped=NEW_PASSWORD.encode())
    assert "admin" in refusal(desk, "user", "password", "admin", "--domain", "elsewhere", "--generate")


@pytest.mark.parametrize(("again", "status"), [(NEW_PASSWORD, 0), ("something else", 1)])
def test_on_a_terminal_it_asks_twice_and_shows_nothing(again: str, status: int, desk: TestDesk, client: Client) -> None:
    terminal, other_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "user", "password", "admin", "--database", desk.url],
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
    )
    os.close(other_end)
    seen = b""
    try:
        for prompt, answer in ((b"New password: ", NEW_PASSWORD), (b"confirmation: ", again)):
            seen = read_until(terminal, seen, prompt)
            os.write(terminal, answer.encode() + b"\n")
        if status:
            seen = read_until(terminal, seen, b"New password: ")
            os.write(terminal, b"\x04")  # gives up
        seen = read_until(terminal, seen, None)
        code = process.wait(10)
    finally:
        os.close(terminal)
        process.kill()
        process.wait()
    assert NEW_PASSWORD.encode() not in seen
    assert b"Traceback" not in seen
    assert code == status
    assert login(client, desk, NEW_PASSWORD) == (401 if status else 201)


def read_until(terminal: int, seen: bytes, wanted: bytes | None) -> bytes:
    """All that was shown, up to a prompt that is newly there, or to the end."""
    start = len(seen)
    try:
        while wanted is None or wanted not in seen[start:]:
            assert select.select([terminal], [], [], 10)[0], f"nothing came after {seen!r}"
            seen += os.read(terminal, 1024)
    except OSError:
        pass  # the other end is closed
    time.sleep(0.2)  # typing ahead of a hidden prompt is thrown away
    return seen


# tocsin audit


def test_making_the_desk_is_in_the_administration_audit(desk: TestDesk) -> None:
    rows = shown(desk, "audit", "--administration")
    assert {row["object_class"] for row in rows} == {"projects", "users", "access_keys", "workspaces"}
    assert {row["operation"] for row in rows} == {"init"}
    assert shown(desk, "audit") == []


def test_changes_are_shown_newest_first_with_before_and_after(desk: TestDesk, client: Client) -> None:
    one = client.create_alert(severity="Low")
    client.put(f"alerts/{one}", {"data_object": {"severity": "High"}})
    newest, oldest = shown(desk, "audit")
    assert set(newest) == {"time", "user", "operation", "request_id", "object_class", "object_id", "changes"}
    assert (newest["object_class"], newest["object_id"], newest["user"]) == ("alerts", one, "admin")
    assert newest["changes"]["severity"] == ["Low", "High"]
    assert oldest["operation"] != newest["operation"]
    assert oldest["object_id"] == one
    text = printed(desk, "audit")
    assert one in text[0]
    assert "admin" in text[0]
    assert "    severity: Low -> High" in text


def test_only_the_named_objects_changes_are_shown(desk: TestDesk, client: Client) -> None:
    one, _ = client.create_alert(), client.create_alert()
    incident = client.order([one])["results"][0]["incident_id"]
    assert {row["object_id"] for row in shown(desk, "audit", "--object", one)} == {one}
    assert {row["object_id"] for row in shown(desk, "audit", "--object", incident)} == {incident}
    assert shown(desk, "audit", "--object", "no such object") == []


def test_changes_are_shown_since_a_time_and_up_to_a_limit(desk: TestDesk, client: Client) -> None:
    ids = [client.create_alert(title=f"Alert {number}") for number in range(3)]
    rows = shown(desk, "audit")
    assert [row["object_id"] for row in rows] == ids[::-1]
    assert shown(desk, "audit", "--limit", "2") == rows[:2]
    assert shown(desk, "audit", "--since", "2000-01-01") == rows
    assert shown(desk, "audit", "--since", "2999-01-01T00:00:00Z") == []
    since = shown(desk, "audit", "--since", rows[1]["time"])
    assert since[:2] == rows[:2]


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "", "2026-03-02T25:00:00Z"])
def test_a_time_that_is_none_is_refused(since: str, desk: TestDesk) -> None:
    done = tocsin("audit", "--since", since, "--database", desk.url)
    assert done.returncode in (1, 2)
    assert "--since" in done.stderr


@pytest.mark.parametrize("limit", ["0", "-1", "many", "100001"])
def test_a_limit_that_cannot_be_is_wrong_usage(limit: str, desk: TestDesk) -> None:
    assert tocsin("audit", "--limit", limit, "--database", desk.url).returncode == 2


def test_hostile_text_cannot_steer_the_terminal_or_forge_a_line(desk: TestDesk, client: Client) -> None:
    one = client.create_alert()
    hostile = "\x1b]0;owned\x07\x1b[2J\u202eevil\n2026-01-01  admin  forged\u2028\x9b"
    answer = client.put(f"alerts/{one}", {"data_object": {"title": hostile}})
    assert answer.status_code == 200, answer.text
    lines = printed(desk, "audit")
    text = "\n".join(lines)
    assert not any(letter in text for letter in "\x1b\x07\u202e\u2028\x9b")
    assert not any(line.startswith("2026-01-01  admin") for line in lines)
    [row, *_] = shown(desk, "audit")
    assert row["changes"]["title"][1] == hostile


def test_a_reader_that_goes_away_is_no_failure(desk: TestDesk) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin", "audit", "--administration", "--database", desk.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    log = process.stderr.read()
    process.stderr.close()
    assert (process.wait(20), log) == (0, b"")


def test_of_several_workspaces_one_must_be_named(
    desk: TestDesk, client: Client, connect: Callable[..., Client]
) -> None:
    other = desk.add_workspace("other")
    here, there = client.create_alert(), connect(workspace_id=other).create_alert()
    message = refusal(desk, "audit")
    assert "--workspace" in message
    assert other in message
    assert desk.made.workspace_id is not None
    for workspace, one in ((desk.made.workspace_id, here), (other, there)):
        assert [row["object_id"] for row in shown(desk, "audit", "--workspace", workspace)] == [one]
    assert "nowhere" in refusal(desk, "audit", "--workspace", "nowhere")


# tocsin conversion


def test_a_conversion_is_found_by_its_alerts_its_incident_and_itself(desk: TestDesk, client: Client) -> None:
    ids = [client.create_alert(title=f"Alert {number}") for number in range(2)]
    incident = client.order(ids)["results"][0]["incident_id"]
    found = shown(desk, "conversion", incident)
    assert found["creator"] == "admin"
    assert found["shape"] == "one"
    assert found["incident_ids"] == [incident]
    assert [one["alert_id"] for one in found["alerts"]] == ids
    assert [one["before"]["handle_status"] for one in found["alerts"]] == ["Open", "Open"]
    for other in (*ids, found["id"]):
        assert shown(desk, "conversion", other) == found


def test_the_text_tells_what_happened_to_each_alert(desk: TestDesk, client: Client) -> None:
    ids = [client.create_alert() for _ in range(2)]
    incident = client.order(ids)["results"][0]["incident_id"]
    text = "\n".join(printed(desk, "conversion", ids[0]))
    for part in (incident, *ids, "admin", "was Open", "alerts      2"):
        assert part in text


def test_the_conversion_of_a_deleted_alert_is_still_told(desk: TestDesk, client: Client) -> None:
    one = client.create_alert()
    incident = client.order([one])["results"][0]["incident_id"]
    assert client.delete("alerts", {"batch_ids": [one]}).status_code == 200
    assert shown(desk, "conversion", one)["incident_ids"] == [incident]


def test_an_unknown_conversion_is_refused(desk: TestDesk, client: Client) -> None:
    never = client.create_alert()
    for unknown in ("no such id", never):
        assert unknown in refusal(desk, "conversion", unknown)
    assert tocsin("conversion", "--database", desk.url).returncode == 2


def test_a_conversion_of_another_workspace_is_not_found(desk: TestDesk, client: Client) -> None:
    other = desk.add_workspace("other")
    one = client.create_alert()
    client.order([one])
    assert one in refusal(desk, "conversion", one, "--workspace", other)


# All of them


@pytest.mark.parametrize(
    "arguments", [["user", "password", "admin", "--generate"], ["audit"], ["conversion", "x"]], ids=lambda one: one[0]
)
def test_without_a_database_they_say_to_make_one(arguments: list[str], tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/absent.db"
    done = tocsin(*arguments, "--database", url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "tocsin init" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["user"], ["user", "password"], ["audit", "--nonsense"], ["frobnicate"]])
def test_wrong_usage_has_status_2(arguments: list[str]) -> None:
    assert tocsin(*arguments).returncode == 2


def test_every_command_explains_itself() -> None:
    for command in (
        (),
        ("init",),
        ("serve",),
        ("ingest", "suricata"),
        ("user", "password"),
        ("audit",),
        ("conversion",),
    ):
        help_text = tocsin(*command, "--help")
        assert help_text.returncode == 0
        assert "Usage:" in help_text.stdout
