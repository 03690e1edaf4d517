"""`tocsin project`: what users have roles in, and workspaces lie in."""

import click

from tocsin.administration import projects
from tocsin.cli.common import DATABASE, JSON, administer, opened, print_json, reported, settings_from
from tocsin.identity.records import Project
from tocsin.identity.service import list_every_project
from tocsin.settings import variable
from tocsin.terminal import visible

_REGIONS = variable("identity_region_names")


@click.group(
    epilog=(
        "SDKs look for the project that is called like their region. A desk's only project answers to every name; once "
        f"there are several, {_REGIONS}=region=project,region=project says which one is meant, and the region `*` "
        "stands for every other."
    )
)
def project() -> None:
    """Projects: users have roles in them, workspaces lie in them."""


@project.command()
@click.argument("name")
@DATABASE
@JSON
@click.pass_context
def create(context: click.Context, name: str, database: str | None, as_json: bool) -> None:
    """Make a project. Nobody has a role in it yet, and it has no workspace.

    From the second project on, the first does not answer to every region's name any more: say which project is meant
    with the setting identity_region_names.
    """
    with reported():
        settings = settings_from(context, database=database)
        made = administer(settings, "project create", lambda tx, act: projects.create_project(tx, act, name=name))
        with opened(settings) as desk_database:
            others = [one for one in desk_database.read(list_every_project).result() if one.id != made.id]
        if as_json:
            print_json(_entry(made))
            return
        click.echo(f"{made.id}  {made.name}")
        click.echo(
            f"Next: tocsin user grant NAME administrator --project {made.id}\n"
            f"      tocsin workspace create NAME --project {made.id}"
        )
        if others and not settings.identity_region_names:
            click.echo(
                "SDKs look for the project that is called like their region, and no project answers to every name any "
                f"more. So that the first still does, serve with {_REGIONS}='*={others[0].name}'"
            )


@project.command("list")
@DATABASE
@JSON
@click.pass_context
def list_(context: click.Context, database: str | None, as_json: bool) -> None:
    """Show every project."""
    with reported():
        with opened(settings_from(context, database=database)) as desk_database:
            found = desk_database.read(list_every_project).result()
        if as_json:
            print_json([_entry(one) for one in found])
            return
        for one in found:
            click.echo(f"{one.id}  {visible(one.name)}{'' if one.enabled else '  disabled'}")


@project.command()
@click.argument("name_or_id")
@DATABASE
@JSON
@click.pass_context
def disable(context: click.Context, name_or_id: str, database: str | None, as_json: bool) -> None:
    """Close a project: to everybody it is as if there were none. What it holds stays."""
    _switch(context, name_or_id, database, as_json, enabled=False)


@project.command()
@click.argument("name_or_id")
@DATABASE
@JSON
@click.pass_context
def enable(context: click.Context, name_or_id: str, database: str | None, as_json: bool) -> None:
    """Open a disabled project again."""
    _switch(context, name_or_id, database, as_json, enabled=True)


def _switch(context: click.Context, name_or_id: str, database: str | None, as_json: bool, *, enabled: bool) -> None:
    word = "enabled" if enabled else "disabled"
    with reported():
        found, changed = administer(
            settings_from(context, database=database),
            f"project {word.removesuffix('d')}",
            lambda tx, act: projects.enable_project(tx, act, name_or_id=name_or_id, enabled=enabled),
        )
        if as_json:
            print_json({"project_id": found.id, "project_name": found.name, "enabled": enabled, "changed": changed})
        else:
            click.echo(f"{found.name} is {word}." if changed else f"{found.name} was {word} already.")


def _entry(one: Project) -> dict[str, object]:
    return {"project_id": one.id, "project_name": one.name, "enabled": one.enabled}
