"""`tocsin init` makes a desk once, says what it made, and never overwrites anything."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support import Client, TestDesk, serving
from tocsin.administration.service import Setup

FIELDS = [
    "created", "project_id", "project_name", "workspace_id", "domain_name", "user_name", "password", "access_key",
    "secret_key",
]  # fmt: skip
SECRETS = ("password", "access_key", "secret_key")


def init(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "tocsin", "init", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **variables},
        check=False,
    )


def made(path: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    """What `init --json` prints for a database that it must be able to make."""
    done = init("--database", f"sqlite:///{path}", "--json", *arguments, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


def refusal(*arguments: str, **variables: str) -> str:
    """The message of an `init` that must be refused, in words and not in a trace."""
    refused = init(*arguments, **variables)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "Traceback" not in refused.stderr, refused.stderr.splitlines()[-1]
    assert refused.stderr.startswith("tocsin: ")
    return refused.stderr


def unwritable_folder(tmp_path: Path) -> Path:
    """A folder in which this user cannot make a file; the superuser needs one of the kernel's."""
    if os.geteuid() == 0:
        return Path("/proc")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    return folder


def test_everything_is_made_and_printed(tmp_path: Path) -> None:
    desk = made(tmp_path / "a.db")
    assert list(desk) == FIELDS
    assert desk["created"] is True
    assert all(isinstance(desk[name], str) and desk[name] for name in FIELDS[1:])


def test_the_text_names_every_value_and_what_comes_next(tmp_path: Path) -> None:
    done = init("--database", f"sqlite:///{tmp_path / 'a.db'}")
    assert done.returncode == 0
    shown = dict(line.split(maxsplit=1) for line in done.stdout.splitlines()[: len(FIELDS) - 1])
    assert list(shown) == FIELDS[1:]
    assert str(tmp_path / "a.db.key") in done.stdout
    assert "tocsin serve" in done.stdout


def test_the_printed_secrets_open_the_api(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    desk = TestDesk(path=path, made=msgspec.convert(made(path), Setup))
    with serving(desk) as base, Client(base, desk) as client:
        client.create_alert()
        user = {"name": desk.made.user_name, "password": desk.made.password, "domain": {"name": desk.made.domain_name}}
        login = client.http.post(
            "/v3/auth/tokens",
            json={
                "auth": {
                    "identity": {"methods": ["password"], "password": {"user": user}},
                    "scope": {"project": {"id": desk.made.project_id}},
                }
            },
        )
        assert login.status_code == 201, login.text


def test_names_and_id_are_the_given_ones(tmp_path: Path) -> None:
    desk = made(
        tmp_path / "a.db",
        "--project-name",
        "eu-west-101",
        "--project-id",
        "0123456789abcdef" * 2,
        "--workspace",
        "desk-1",
    )
    assert (desk["project_name"], desk["project_id"]) == ("eu-west-101", "0123456789abcdef" * 2)
    with sqlite3.connect(tmp_path / "a.db") as connection:
        names = connection.execute("SELECT id, name FROM workspaces").fetchall()
    connection.close()
    assert names == [(desk["workspace_id"], "desk-1")]


def test_no_secret_is_stored_in_the_clear(tmp_path: Path) -> None:
    desk = made(tmp_path / "a.db")
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert desk["access_key"].encode() in stored
    assert desk["password"].encode() not in stored
    assert desk["secret_key"].encode() not in stored


def test_the_key_file_is_beside_the_database_and_private(tmp_path: Path) -> None:
    made(tmp_path / "a.db")
    key = tmp_path / "a.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_key_file_is_where_its_variable_says(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "desk.key"
    key.parent.mkdir()
    made(tmp_path / "a.db", TOCSIN_SECRET_KEY_FILE=str(key))
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert not (tmp_path / "a.db.key").exists()


def test_a_key_file_that_cannot_be_made_is_said_and_the_next_run_finishes(tmp_path: Path) -> None:
    key = tmp_path / "absent" / "desk.key"
    url = f"sqlite:///{tmp_path / 'a.db'}"
    assert str(key) in refusal("--database", url, TOCSIN_SECRET_KEY_FILE=str(key))
    key.parent.mkdir()
    assert made(tmp_path / "a.db", TOCSIN_SECRET_KEY_FILE=str(key))["created"] is True


@pytest.mark.parametrize("content", [b"", b"not a key\n", b"c2hvcnQ=\n"])
def test_a_damaged_key_file_is_refused_and_kept(content: bytes, tmp_path: Path) -> None:
    key = tmp_path / "a.db.key"
    key.write_bytes(content)
    assert "a.db.key is damaged" in refusal("--database", f"sqlite:///{tmp_path / 'a.db'}")
    assert key.read_bytes() == content


def test_again_shows_what_is_there_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    first = made(path)
    key = (tmp_path / "a.db.key").read_bytes()
    again = made(path, "--project-name", "other", "--workspace", "other")
    assert again == {**first, "created": False, **dict.fromkeys(SECRETS)}
    assert (tmp_path / "a.db.key").read_bytes() == key
    desk = TestDesk(path=path, made=msgspec.convert(first, Setup))
    with serving(desk) as base, Client(base, desk) as client:
        client.create_alert()


def test_again_in_text_says_that_nothing_was_changed(desk: TestDesk) -> None:
    again = init("--database", desk.url)
    assert again.returncode == 0
    assert "Nothing was changed" in again.stdout
    assert "None" not in again.stdout
    assert "tocsin user password" in again.stdout
    assert not any(name in again.stdout for name in ("access_key", "secret_key"))


def test_of_several_at_once_one_makes_the_desk(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tocsin", "init", "--database", f"sqlite:///{tmp_path / 'a.db'}", "--json"]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [(one.communicate(timeout=60), one.returncode) for one in started]
    assert [code for _, code in ended] == [0, 0, 0], ended
    desks = [json.loads(out) for (out, _), _ in ended]
    assert sorted(desk["created"] for desk in desks) == [False, False, True]
    assert len({desk["project_id"] for desk in desks}) == 1


def test_by_default_the_database_is_in_the_users_data_directory(tmp_path: Path) -> None:
    done = init("--json", HOME=str(tmp_path), XDG_DATA_HOME=str(tmp_path / "data"))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.rglob("*.db")] == ["tocsin.db"]


def test_folders_are_made_and_any_name_will_do(tmp_path: Path) -> None:
    done = init("--database", f"sqlite:///{tmp_path}/zwei%20Wörter/tief/a b.db")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "zwei Wörter" / "tief" / "a b.db").is_file()


def test_a_relative_path_is_below_the_present_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tocsin", "init", "--database", "sqlite:///here.db"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "here.db").is_file()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://desk:hunter2@localhost/desk", "not supported yet"),
        ("postgres://localhost/desk", "not supported yet"),
        ("mysql://desk:hunter2@localhost/desk", "sqlite:///"),
        ("/var/lib/desk.db", "sqlite:///"),
        ("sqlite://desk.db", "sqlite:///"),
        ("sqlite:///", "sqlite:///"),
        ("", "sqlite:///"),
    ],
)
def test_a_database_that_cannot_be_is_refused_with_what_would_be_right(url: str, said: str) -> None:
    message = refusal("--database", url)
    assert said in message
    assert "hunter2" not in message


def test_a_database_in_memory_is_refused(tmp_path: Path) -> None:
    message = refusal("--database", "sqlite:///:memory:")
    assert "run `tocsin init` first" not in message


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, this is no database.\n" * 100)
    message = refusal("--database", f"sqlite:///{path}")
    assert str(path) in message
    assert "not a database" in message
    assert path.read_text().startswith("Dear reader")


def test_a_folder_instead_of_a_file_is_refused(tmp_path: Path) -> None:
    assert str(tmp_path) in refusal("--database", f"sqlite:///{tmp_path}")


def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refusal("--database", f"sqlite:///{tmp_path}/file/a.db")


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    folder = unwritable_folder(tmp_path)
    assert str(folder) in refusal("--database", f"sqlite:///{folder}/a.db")


def test_a_path_with_nul_is_refused() -> None:
    refusal("--database", "sqlite:////tmp/a%00b.db")


def test_a_database_of_a_newer_program_is_refused(desk: TestDesk) -> None:
    with sqlite3.connect(desk.path) as connection:
        connection.execute("INSERT INTO schema_migrations (version, name, apply_time) VALUES (99, 'later', 0)")
    connection.close()
    assert "newer" in refusal("--database", desk.url)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--project-id", "0123"),
        ("--project-id", "0123456789ABCDEF" * 2),
        ("--project-name", ""),
        ("--project-name", "n" * 65),
        ("--workspace", ""),
        ("--workspace", "a/b"),
        ("--workspace", "w" * 65),
    ],
)
def test_a_name_or_id_that_cannot_be_is_refused_before_anything_is_made(
    option: str, value: str, tmp_path: Path
) -> None:
    refused = init("--database", f"sqlite:///{tmp_path / 'a.db'}", option, value)
    assert refused.returncode in (1, 2)
    assert option in refused.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["--nonsense"], ["surplus"], ["--database"]])
def test_wrong_usage_has_status_2(arguments: list[str]) -> None:
    assert init(*arguments).returncode == 2
