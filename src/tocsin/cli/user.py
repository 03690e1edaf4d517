"""`tocsin user`: who may use the API, and the way back in."""

import sys

import click

from tocsin.administration import users
from tocsin.administration.records import UserEntry
from tocsin.app import offset_min
from tocsin.cli.common import (
    DATABASE,
    DOMAIN,
    FORCE,
    JSON,
    PROJECT,
    administer,
    opened,
    print_json,
    reported,
    settings_from,
)
from tocsin.errors import InvalidRequest
from tocsin.identity.records import Role
from tocsin.identity.secrets import hash_password, new_password
from tocsin.terminal import visible
from tocsin.times import iso_form

MINIMUM_LENGTH = 8
_ROLES = click.Choice([role.value for role in Role])


@click.group()
def user() -> None:
    """Users of the API: reader (sees), operator (works), administrator (also deletes and sets up)."""


@user.command()
@click.argument("name")
@click.option("--role", type=_ROLES, help="What the user may do in the project. Default: nothing yet.")
@PROJECT
@DOMAIN
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input, instead of making one.")
@DATABASE
@JSON
@click.pass_context
def create(
    context: click.Context,
    name: str,
    role: str | None,
    project: str | None,
    domain: str | None,
    password_stdin: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Make a user, with a role in a project.

    Prints the password, once, unless it was given. A user without a role sees nothing; `tocsin key create` makes an
    access key.
    """
    with reported():
        if project is not None and role is None:
            raise InvalidRequest("needs --role: what may the user do there?", field="--project")
        settings = settings_from(context, database=database)
        given = _asked() if password_stdin else None
        text = given or new_password()
        hashed = hash_password(text)
        made = administer(
            settings,
            "user create",
            lambda tx, act: users.create_user(
                tx,
                act,
                name=name,
                domain_name=domain,
                password_hash=hashed,
                role=Role(role) if role else None,
                project=project,
            ),
        )
        shown = None if given else text
        if as_json:
            roles = {one.project_name: one.role for one in made.roles}
            print_json({"user_name": made.name, "user_id": made.id, "password": shown, "roles": roles})
            return
        click.echo(f"{made.name} is made{_with_roles(made)}.")
        if shown:
            click.echo(f"The password is shown this once: {shown}")


@user.command("list")
@DATABASE
@JSON
@click.pass_context
def list_(context: click.Context, database: str | None, as_json: bool) -> None:
    """Show every user, and what they may do where."""
    with reported():
        settings = settings_from(context, database=database)
        offset = offset_min(settings)
        with opened(settings) as desk_database:
            found = desk_database.read(users.list_users).result()
        if as_json:
            print_json([_entry(one, offset) for one in found])
            return
        for one in found:
            state = "" if one.enabled else "  disabled"
            click.echo(f"{iso_form(one.create_time, offset)}  {visible(one.name)}{state}{visible(_with_roles(one))}")


@user.command()
@click.argument("name")
@DOMAIN
@FORCE
@DATABASE
@JSON
@click.pass_context
def disable(
    context: click.Context, name: str, domain: str | None, force: bool, database: str | None, as_json: bool
) -> None:
    """Shut a user out: their tokens end, their access keys stop.

    Refused for the last enabled administrator of a project, unless --force is given.
    """
    _switch(context, name, domain, force, database, as_json, enabled=False)


@user.command()
@click.argument("name")
@DOMAIN
@DATABASE
@JSON
@click.pass_context
def enable(context: click.Context, name: str, domain: str | None, database: str | None, as_json: bool) -> None:
    """Let a disabled user in again, with password and keys as they were."""
    _switch(context, name, domain, False, database, as_json, enabled=True)


def _switch(
    context: click.Context,
    name: str,
    domain: str | None,
    force: bool,
    database: str | None,
    as_json: bool,
    *,
    enabled: bool,
) -> None:
    word = "enabled" if enabled else "disabled"
    with reported():
        changed = administer(
            settings_from(context, database=database),
            f"user {word.removesuffix('d')}",
            lambda tx, act: users.enable_user(tx, act, name=name, domain_name=domain, enabled=enabled, force=force),
        )
        if as_json:
            print_json({"user_name": name, "enabled": enabled, "changed": changed})
        else:
            click.echo(f"{name} is {word}." if changed else f"{name} was {word} already.")


@user.command()
@click.argument("name")
@click.argument("role", type=_ROLES)
@PROJECT
@DOMAIN
@FORCE
@DATABASE
@JSON
@click.pass_context
def grant(
    context: click.Context,
    name: str,
    role: str,
    project: str | None,
    domain: str | None,
    force: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Give a user a role in a project, instead of the one they have there."""
    with reported():
        where = administer(
            settings_from(context, database=database),
            "user grant",
            lambda tx, act: users.grant_role(
                tx, act, name=name, domain_name=domain, role=Role(role), project=project, force=force
            ),
        )
        if as_json:
            print_json({"user_name": name, "project_id": where.id, "project_name": where.name, "role": role})
        else:
            click.echo(f"{name} is {role} in the project {where.name}.")


@user.command()
@click.argument("name")
@PROJECT
@DOMAIN
@FORCE
@DATABASE
@JSON
@click.pass_context
def revoke(
    context: click.Context,
    name: str,
    project: str | None,
    domain: str | None,
    force: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Take a user's role in a project away, at once."""
    with reported():
        where = administer(
            settings_from(context, database=database),
            "user revoke",
            lambda tx, act: users.revoke_role(tx, act, name=name, domain_name=domain, project=project, force=force),
        )
        if as_json:
            print_json({"user_name": name, "project_id": where.id, "project_name": where.name, "role": None})
        else:
            click.echo(f"{name} has no role in the project {where.name} any more.")


@user.command()
@click.argument("name")
@DOMAIN
@click.option("--generate", is_flag=True, help="Make a password and print it, instead of asking for one.")
@DATABASE
@JSON
@click.pass_context
def password(
    context: click.Context, name: str, domain: str | None, generate: bool, database: str | None, as_json: bool
) -> None:
    """Set a user's password; their tokens end.

    Asks for the password on a terminal, else reads one line from standard input.
    """
    with reported():
        settings = settings_from(context, database=database)
        with opened(settings):
            text = new_password() if generate else _asked()  # only once there is a database
        hashed = hash_password(text)
        changed = administer(
            settings,
            "user password",
            lambda tx, act: users.change_password(tx, act, name=name, domain_name=domain, password_hash=hashed),
        )
        if as_json:
            print_json({"user_name": changed.name, "password": text if generate else None})
        else:
            click.echo(f"The password of {changed.name} is changed." + (f" It is: {text}" if generate else ""))


def _asked() -> str:
    if sys.stdin.isatty():
        text = str(click.prompt("New password", hide_input=True, confirmation_prompt=True))
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    if not text.isprintable():
        raise InvalidRequest("must be printable UTF-8 text", field="password")
    if len(text) < MINIMUM_LENGTH:
        raise InvalidRequest(f"needs at least {MINIMUM_LENGTH} characters", field="password")
    return text


def _with_roles(one: UserEntry) -> str:
    return "".join(f", {role.role} in {role.project_name}" for role in one.roles)


def _entry(one: UserEntry, offset: int) -> dict[str, object]:
    return {
        "user_name": one.name,
        "user_id": one.id,
        "domain_name": one.domain_name,
        "enabled": one.enabled,
        "create_time": iso_form(one.create_time, offset),
        "roles": one.roles,
    }
