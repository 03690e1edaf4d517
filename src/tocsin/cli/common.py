"""What the commands share: settings, the database, the workspace, who acts, and how results are printed."""

import getpass
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import click
import msgspec

from tocsin.administration.records import Act
from tocsin.app import offset_min, open_database
from tocsin.clock import now_ms
from tocsin.errors import ServiceError, SetupError
from tocsin.identity.records import Caller
from tocsin.ids import new_id
from tocsin.settings import Settings, load_settings
from tocsin.storage.database import Transaction
from tocsin.storage.sqlite import SqliteDatabase
from tocsin.workspaces.records import Scope, Workspace
from tocsin.workspaces.service import list_every_workspace

T = TypeVar("T")

FAILED = 1
SET_ASIDE = 3
INTERRUPTED = 130

DATABASE = click.option("--database", metavar="URL", help="Where the data is, such as sqlite:///tocsin.db.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
WORKSPACE = click.option("--workspace", metavar="ID", help="The workspace; not needed while there is only one.")

PROJECT = click.option("--project", metavar="NAME_OR_ID", help="The project; not needed while there is only one.")
DOMAIN = click.option("--domain", metavar="NAME", help="The user's account, if there are several.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")
FORCE = click.option("--force", is_flag=True, help="Do it even where it is refused otherwise.")


def fail(message: str) -> NoReturn:
    """End with status 1; the message says what is wrong and what to do."""
    click.echo(f"tocsin: {message}", err=True)
    sys.exit(FAILED)


@contextmanager
def reported() -> Iterator[None]:
    """Errors that are meant for people end the command with their message, without a trace."""
    try:
        yield
    except ServiceError as error:
        fail(str(error))
    except BrokenPipeError:
        # The reader of our output went away (`tocsin audit | head`): that is no error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except UnicodeEncodeError:
        fail("an argument is not UTF-8 text")
    except OSError as error:
        fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")


def settings_from(context: click.Context, **overrides: Any) -> Settings:
    """Settings of file, environment and this command's options."""
    return load_settings(config=context.find_root().params.get("config"), overrides=overrides)


@contextmanager
def opened(settings: Settings) -> Iterator[SqliteDatabase]:
    database = open_database(settings)
    try:
        yield database
    finally:
        database.close()


def operator() -> Caller:
    """Whoever sits at the command line."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return Caller(user_id="local", user_name=f"local:{name}", domain_id="", domain_name="")


def administer(settings: Settings, operation: str, work: Callable[[Transaction, Act], T]) -> T:
    """Run one administrative change in a transaction of its own. `operation` is the command's name."""
    act = Act(actor=operator(), operation=operation, request_id=new_id(), now_ms=now_ms())
    with opened(settings) as database:
        return database.write(lambda tx: work(tx, act)).result()


def confirm(question: str, *, yes: bool) -> None:
    """Raises SetupError unless somebody at a terminal agrees, or --yes was given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise SetupError(f"{question} Nobody can be asked here: say --yes if so. Nothing was changed")
    if not click.confirm(question, err=True):
        raise SetupError("nothing was changed")


def chosen_workspace(database: SqliteDatabase, workspace_id: str | None) -> Workspace:
    """The workspace of this id, or the only one there is. Raises SetupError listing them otherwise."""
    found = database.read(list_every_workspace).result()
    listed = "".join(f"\n  {one.id}  {one.name}" for one in found) or "\n  (none)"
    if workspace_id is not None:
        for one in found:
            if one.id == workspace_id:
                return one
        raise SetupError(f"there is no workspace {workspace_id}; there are:{listed}")
    if len(found) != 1:
        raise SetupError(f"say which workspace with --workspace ID; there are:{listed}")
    return found[0]


def scope_in(workspace: Workspace, settings: Settings, operation: str) -> Scope:
    """A scope for something done now at the command line."""
    return Scope(
        workspace_id=workspace.id,
        project_id=workspace.project_id,
        caller=operator(),
        operation=operation,
        request_id=new_id(),
        now_ms=now_ms(),
        offset_min=offset_min(settings),
    )


def print_json(value: Any) -> None:
    click.echo(msgspec.json.encode(value))
