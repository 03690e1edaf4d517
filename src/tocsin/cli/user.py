"""`tocsin user`: the way back in."""

import sys

import click

from tocsin.administration.service import change_password
from tocsin.cli.common import DATABASE, JSON, opened, operator, print_json, reported, settings_from
from tocsin.clock import now_ms
from tocsin.errors import InvalidRequest
from tocsin.identity.secrets import new_password

MINIMUM_LENGTH = 8


@click.group()
def user() -> None:
    """Users of the API."""


@user.command()
@click.argument("name")
@click.option("--domain", metavar="NAME", help="The user's account, if there are several.")
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
        with opened(settings) as desk_database:
            text = new_password() if generate else _asked()
            changed = desk_database.write(
                lambda tx: change_password(
                    tx, actor=operator(), user_name=name, domain_name=domain, password=text, now_ms=now_ms()
                )
            ).result()
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
