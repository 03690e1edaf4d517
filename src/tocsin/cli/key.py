"""`tocsin key`: access keys, with which programs sign their requests, and the file that guards their secrets."""

from pathlib import Path

import click
import msgspec

from tocsin.administration import keys
from tocsin.administration.keys import NewKey
from tocsin.administration.records import LostKey
from tocsin.app import key_file, offset_min
from tocsin.cli.common import (
    DATABASE,
    DOMAIN,
    FORCE,
    JSON,
    YES,
    administer,
    confirm,
    opened,
    print_json,
    reported,
    settings_from,
)
from tocsin.errors import SetupError
from tocsin.identity.secrets import KeyBox, read_key_file, replaced_key_file
from tocsin.terminal import visible
from tocsin.times import iso_form


@click.group()
def key() -> None:
    """Access keys of the users."""


@key.command()
@click.argument("user")
@DOMAIN
@DATABASE
@JSON
@click.pass_context
def create(context: click.Context, user: str, domain: str | None, database: str | None, as_json: bool) -> None:
    """Make an access key for a user, and print it with its secret key, once."""
    with reported():
        settings = settings_from(context, database=database)
        with opened(settings):
            key_box = read_key_file(key_file(settings))  # only once there is a database
        made = administer(
            settings,
            "key create",
            lambda tx, act: keys.create_key(tx, act, key_box, user_name=user, domain_name=domain),
        )
        _show_new(made, as_json)


@key.command("list")
@click.argument("user", required=False)
@DOMAIN
@DATABASE
@JSON
@click.pass_context
def list_(context: click.Context, user: str | None, domain: str | None, database: str | None, as_json: bool) -> None:
    """Show the access keys of a user, or of all; never a secret key."""
    with reported():
        settings = settings_from(context, database=database)
        offset = offset_min(settings)
        with opened(settings) as desk_database:
            found = desk_database.read(lambda tx: keys.list_keys(tx, user, domain)).result()
        if as_json:
            print_json(
                [
                    {
                        "access_key": one.access,
                        "user_name": one.user_name,
                        "enabled": one.enabled,
                        "secret_lost": not one.readable,
                        "create_time": iso_form(one.create_time, offset),
                    }
                    for one in found
                ]
            )
            return
        for one in found:
            state = "" if one.enabled else "  disabled" if one.readable else "  disabled, its secret is lost"
            click.echo(f"{iso_form(one.create_time, offset)}  {one.access}  {visible(one.user_name)}{state}")


@key.command()
@click.argument("access")
@DATABASE
@JSON
@click.pass_context
def disable(context: click.Context, access: str, database: str | None, as_json: bool) -> None:
    """Stop an access key, at once."""
    _switch(context, access, database, as_json, enabled=False)


@key.command()
@click.argument("access")
@DATABASE
@JSON
@click.pass_context
def enable(context: click.Context, access: str, database: str | None, as_json: bool) -> None:
    """Let a disabled access key work again."""
    _switch(context, access, database, as_json, enabled=True)


def _switch(context: click.Context, access: str, database: str | None, as_json: bool, *, enabled: bool) -> None:
    word = "enabled" if enabled else "disabled"
    with reported():
        changed = administer(
            settings_from(context, database=database),
            f"key {word.removesuffix('d')}",
            lambda tx, act: keys.enable_key(tx, act, access=access, enabled=enabled),
        )
        if as_json:
            print_json({"access_key": access, "enabled": enabled, "changed": changed})
        else:
            click.echo(f"{access} is {word}." if changed else f"{access} was {word} already.")


@key.command()
@click.argument("access")
@click.option("--keep-old", is_flag=True, help="Leave the old key as it is; disable it once nothing uses it any more.")
@DATABASE
@JSON
@click.pass_context
def rotate(context: click.Context, access: str, keep_old: bool, database: str | None, as_json: bool) -> None:
    """Make a new key for the user of an old one, print it once, and disable the old one at once."""
    with reported():
        settings = settings_from(context, database=database)
        with opened(settings):
            key_box = read_key_file(key_file(settings))
        made = administer(
            settings,
            "key rotate",
            lambda tx, act: keys.rotate_key(tx, act, key_box, access=access, keep_old=keep_old),
        )
        _show_new(made, as_json)
        if not as_json:
            old = f"disable it when nothing uses it any more: tocsin key disable {access}"
            click.echo(f"The old key works on; {old}" if keep_old else f"The old key {access} is disabled.")


@key.command("renew-file")
@YES
@FORCE
@DATABASE
@JSON
@click.pass_context
def renew_file(context: click.Context, yes: bool, force: bool, database: str | None, as_json: bool) -> None:
    """Make a new key file in place of one that is lost.

    The stored secret keys cannot be read without the old file, so every access key stops for good, and those in use
    have to be made anew. Passwords and tokens stay. Where there is an old file it is kept beside the new one. Refused
    while the present file is in order, unless --force is given. A running server has to be started again.
    """
    with reported():
        settings = settings_from(context, database=database)
        path = key_file(settings)
        with opened(settings) as desk_database:
            present = _present(path)
            desk_database.read(lambda tx: keys.require_lost(tx, present, force=force)).result()
            in_use = [one for one in desk_database.read(lambda tx: keys.list_keys(tx, None)).result() if one.enabled]
        confirm(f"Every access key stops for good, {len(in_use)} in use among them. Go on?", yes=yes)
        with replaced_key_file(path) as kept:
            lost = administer(
                settings, "key renew-file", lambda tx, act: keys.forget_secrets(tx, act, present, force=force)
            )
        if as_json:
            print_json({"key_file": str(path.absolute()), "old_key_file": kept and str(kept.absolute()), "lost": lost})
        else:
            _show_renewed(path, kept, lost)


def _present(path: Path) -> KeyBox | None:
    try:
        return read_key_file(path)
    except SetupError:
        return None


def _show_new(made: NewKey, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    for name, value in msgspec.structs.asdict(made).items():
        click.echo(f"{name:<12}{visible(value)}")
    click.echo("The secret key is shown this once.")


def _show_renewed(path: Path, kept: Path | None, lost: list[LostKey]) -> None:
    click.echo(f"The new key file is {path.absolute()}: keep a copy of it.")
    if kept is not None:
        click.echo(f"The old one is kept as {kept.absolute()}")
    anew = [one for one in lost if one.was_enabled]
    click.echo("These keys have to be made anew:" if anew else "No key was in use.")
    for one in anew:
        click.echo(f"  {one.access_key}  {visible(one.user_name)}  tocsin key rotate {one.access_key}")
    click.echo("Start the server again, if it runs.")
