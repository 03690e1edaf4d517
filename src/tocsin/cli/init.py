"""`tocsin init`."""

import re
import shlex

import click
import msgspec

from tocsin.administration.service import Setup, find_desk, set_up
from tocsin.app import key_file
from tocsin.cli.common import DATABASE, JSON, opened, operator, print_json, reported, settings_from
from tocsin.clock import now_ms
from tocsin.errors import InvalidRequest
from tocsin.identity.secrets import create_key_file
from tocsin.object_types.service import store_catalogue
from tocsin.settings import Settings
from tocsin.storage.database import database_file
from tocsin.storage.migrate import migrate
from tocsin.storage.sqlite import administered
from tocsin.workspaces.records import NAME_PATTERN

_PROJECT_ID = re.compile(r"[0-9a-f]{32}")


@click.command()
@DATABASE
@click.option("--project-name", metavar="NAME", help="Name of the project. Default: default.")
@click.option("--project-id", metavar="HEX", help="Its id, 32 hexadecimal digits. Default: a random one.")
@click.option("--workspace", metavar="NAME", help="Name of the first workspace. Default: soc.")
@JSON
@click.pass_context
def init(
    context: click.Context,
    database: str | None,
    project_name: str | None,
    project_id: str | None,
    workspace: str | None,
    as_json: bool,
) -> None:
    """Make the database, a project, a workspace and an administrator.

    Prints the administrator's password, access key and secret key, once: they are not stored in the clear. Safe to run
    again: what exists is shown, nothing is overwritten, and a database of an older Tocsin is brought up to date.

    SDKs look for the project that is called like their region. While there is one project, it answers to every name.

    The key that encrypts stored secret keys goes into a file beside the database (mode 0600), or where
    TOCSIN_SECRET_KEY_FILE says. Keep a copy of it: without it no access key works.
    """
    with reported():
        settings = settings_from(context, database=database)
        _check_names(project_name, project_id, workspace)
        desk = _made(settings, project_name, project_id, workspace)
        if as_json:
            print_json(desk)
        else:
            _show(desk, settings, f" --database {shlex.quote(database)}" if database else "")


def _check_names(project_name: str | None, project_id: str | None, workspace: str | None) -> None:
    if project_id is not None and not _PROJECT_ID.fullmatch(project_id):
        raise InvalidRequest("must be 32 hexadecimal digits in lower case", field="--project-id")
    if project_name is not None and not 1 <= len(project_name) <= 64:
        raise InvalidRequest("must have 1 to 64 characters", field="--project-name")
    if workspace is not None and not re.search(NAME_PATTERN, workspace):
        raise InvalidRequest("must be 1 to 64 letters, digits, or any of _ - ( )", field="--workspace")


def _made(settings: Settings, project_name: str | None, project_id: str | None, workspace: str | None) -> Setup:
    path = database_file(settings.database)
    with administered(path, busy_timeout_ms=settings.busy_timeout_ms, create=True) as connection:
        migrate(connection, now_ms())
    with opened(settings) as database:
        found = database.read(find_desk).result()
        if found is not None:
            database.write(store_catalogue).result()
            return found
        key_box = create_key_file(key_file(settings))
        return database.write(
            lambda tx: set_up(
                tx,
                key_box,
                actor=operator(),
                project_name=project_name,
                project_id=project_id,
                workspace_name=workspace,
                now_ms=now_ms(),
            )
        ).result()


def _show(desk: Setup, settings: Settings, option: str) -> None:
    if not desk.created:
        click.echo("Nothing was changed: the database has a project already.\n")
    for name, value in msgspec.structs.asdict(desk).items():
        if name != "created" and value is not None:
            click.echo(f"{name:<14}{value}")
    if desk.created:
        click.echo(
            "\nThe password and the secret key are shown this once. "
            f"Keep the key file too: {key_file(settings).absolute()}\n"
            f"Next: tocsin serve{option}"
        )
    else:
        click.echo(f"\nA lost password is replaced with: tocsin user password {desk.user_name}{option}")
