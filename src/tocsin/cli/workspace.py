"""`tocsin workspace`: where alerts and incidents are."""

import re

import click
import msgspec

from tocsin.administration import projects
from tocsin.administration.lookup import get_project
from tocsin.app import offset_min
from tocsin.cli.common import (
    DATABASE,
    JSON,
    PROJECT,
    YES,
    administer,
    chosen_workspace,
    confirm,
    opened,
    print_json,
    reported,
    settings_from,
)
from tocsin.errors import InvalidRequest
from tocsin.terminal import visible
from tocsin.times import iso_form
from tocsin.workspaces.records import NAME_PATTERN, Workspace
from tocsin.workspaces.service import list_every_workspace


@click.group()
def workspace() -> None:
    """Workspaces: each has its own alerts, incidents and types."""


@workspace.command()
@click.argument("name")
@PROJECT
@DATABASE
@JSON
@click.pass_context
def create(context: click.Context, name: str, project: str | None, database: str | None, as_json: bool) -> None:
    """Make a workspace in a project."""
    with reported():
        if not re.search(NAME_PATTERN, name):
            raise InvalidRequest("must be 1 to 64 letters, digits, or any of _ - ( )", field="NAME")
        settings = settings_from(context, database=database)
        made = administer(
            settings,
            "workspace create",
            lambda tx, act: projects.create_workspace(tx, act, name=name, project=project),
        )
        if as_json:
            print_json(_entry(made, offset_min(settings)))
        else:
            click.echo(f"{made.id}  {made.name}")


@workspace.command("list")
@click.option("--project", metavar="NAME_OR_ID", help="Only workspaces of this project.")
@DATABASE
@JSON
@click.pass_context
def list_(context: click.Context, project: str | None, database: str | None, as_json: bool) -> None:
    """Show every workspace."""
    with reported():
        settings = settings_from(context, database=database)
        offset = offset_min(settings)
        with opened(settings) as desk_database:
            found = desk_database.read(list_every_workspace).result()
            if project is not None:
                where = desk_database.read(lambda tx: get_project(tx, project)).result()
                found = [one for one in found if one.project_id == where.id]
        if as_json:
            print_json([_entry(one, offset) for one in found])
            return
        for one in found:
            click.echo(f"{one.id}  {visible(one.name)}  in project {one.project_id}")


@workspace.command()
@click.argument("workspace_id", metavar="ID")
@DATABASE
@JSON
@click.pass_context
def show(context: click.Context, workspace_id: str, database: str | None, as_json: bool) -> None:
    """Show one workspace."""
    with reported():
        settings = settings_from(context, database=database)
        with opened(settings) as desk_database:
            entry = _entry(chosen_workspace(desk_database, workspace_id), offset_min(settings))
        if as_json:
            print_json(entry)
            return
        for name, value in entry.items():
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            click.echo(f"{name:<24}{visible(text)}".rstrip())


@workspace.command()
@click.argument("workspace_id", metavar="ID")
@YES
@DATABASE
@JSON
@click.pass_context
def delete(context: click.Context, workspace_id: str, yes: bool, database: str | None, as_json: bool) -> None:
    """Delete a workspace: nobody sees it any more, nor what is in it.

    There is no way back by a command, but nothing is gone yet: `tocsin prune --workspaces` removes it for good.
    """
    with reported():
        settings = settings_from(context, database=database)
        with opened(settings) as desk_database:
            found = chosen_workspace(desk_database, workspace_id)
        confirm(f"Delete the workspace {found.name} ({found.id}), with all its alerts and incidents?", yes=yes)
        administer(settings, "workspace delete", lambda tx, act: projects.delete_workspace(tx, act, found))
        if as_json:
            print_json({"workspace_id": found.id, "deleted": True})
        else:
            click.echo(f"{found.name} is deleted. To remove what it holds for good: tocsin prune --help")


def _entry(one: Workspace, offset: int) -> dict[str, object]:
    """As the API shows it, with times as all commands print them."""
    shown = {
        name: getattr(one, name)
        for name in (
            "name", "description", "project_id", "project_name", "region_id", "enterprise_project_id",
            "enterprise_project_name", "is_view", "view_bind_id", "creator_name", "modifier_name",
        )
    }  # fmt: skip
    return {
        "workspace_id": one.id,
        **shown,
        "tags": msgspec.Raw(one.tags.encode()),
        "create_time": iso_form(one.create_time, offset),
        "update_time": iso_form(one.update_time, offset),
    }
