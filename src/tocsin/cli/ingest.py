"""`tocsin ingest`: feeds from files and pipes."""

import datetime as dt
import ipaddress
import sys
import time
import zoneinfo
from functools import partial
from pathlib import Path

import click

from tocsin.cli.common import (
    DATABASE,
    JSON,
    SET_ASIDE,
    WORKSPACE,
    chosen_workspace,
    opened,
    print_json,
    reported,
    scope_in,
    settings_from,
)
from tocsin.errors import InvalidRequest, SetupError
from tocsin.ingest.records import Mapper, Summary
from tocsin.ingest.rejects import RejectFile
from tocsin.ingest.runner import Feed
from tocsin.ingest.suricata import IpNetwork, map_line
from tocsin.times import parse_offset

REJECTS = "tocsin-rejects.jsonl"
HOME_NETS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")  # what Suricata's own HOME_NET begins with
PROGRESS_EVERY_S = 0.25


@click.group()
def ingest() -> None:
    """Take alerts in from the logs of security tools."""


@ingest.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE… | -")
@DATABASE
@WORKSPACE
@click.option("--zone", default="UTC", show_default=True, help="Zone of times that come without one: a name or +HH:MM.")
@click.option(
    "--home-net",
    "home_nets",
    multiple=True,
    metavar="CIDR",
    help=f"Your own networks; may be given more than once.  [default: {' '.join(HOME_NETS)}]",
)
@click.option(
    "--rejects",
    default=REJECTS,
    show_default=True,
    metavar="PATH",
    help="Where lines that cannot be read are set aside; made only if needed.",
)
@JSON
@click.pass_context
def suricata(
    context: click.Context,
    files: tuple[str, ...],
    database: str | None,
    workspace: str | None,
    zone: str,
    home_nets: tuple[str, ...],
    rejects: str,
    as_json: bool,
) -> None:
    """Take in Suricata EVE JSON lines, from files or (as -) from a pipe.

    Records that are not alerts are skipped. The same event is taken in once, however often it is read, so a file may be
    read again after an interruption. What is read from a pipe is committed at least each second. Works while a server
    runs on the same database.

    \b
      tocsin ingest suricata /var/log/suricata/eve.json
      tail -F /var/log/suricata/eve.json | tocsin ingest suricata -

    Exit status 3: everything else was taken in, but some lines were set aside.
    """  # \b keeps click from wrapping
    with reported():
        mapper = partial(map_line, zone=_zone(zone), home_nets=_networks(home_nets or HOME_NETS))
        summary = _run(context, files, database, workspace, mapper, Path(rejects))
    if as_json:
        print_json(summary)
    else:
        _show(summary, rejects)
    if summary.rejected:
        sys.exit(SET_ASIDE)


def _run(
    context: click.Context,
    files: tuple[str, ...],
    database: str | None,
    workspace: str | None,
    mapper: Mapper,
    rejects: Path,
) -> Summary:
    settings = settings_from(context, database=database)
    for name in files:
        if name != "-" and not Path(name).exists():
            raise SetupError(f"there is no file {name}")
    with opened(settings) as desk_database, RejectFile(rejects) as reject_file:
        target = chosen_workspace(desk_database, workspace)
        feed = Feed(
            source="suricata",
            mapper=mapper,
            database=desk_database,
            scope_now=lambda: scope_in(target, settings, "ingest_suricata"),
            rejects=reject_file,
            progress=_Progress(),
        )
        try:
            for name in files:
                _read(feed, name)
        except KeyboardInterrupt:
            click.echo("\nInterrupted. What was committed stays; read the same input again for the rest.", err=True)
            _show(feed.summary, str(rejects))
            sys.exit(130)
        return feed.summary


def _read(feed: Feed, name: str) -> None:
    if name == "-":
        feed.read(sys.stdin.buffer, "-")
        return
    try:
        with Path(name).open("rb") as file:
            feed.read(file, name)
    except OSError as error:
        raise SetupError(f"{name} cannot be read: {error.strerror}") from error


class _Progress:
    """One line on a terminal, rewritten a few times a second."""

    def __init__(self) -> None:
        self._shown_s = 0.0

    def __call__(self, summary: Summary) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self._shown_s < PROGRESS_EVERY_S:
            return
        self._shown_s = time.monotonic()
        click.echo(f"\r{_sentence(summary)}\033[K", err=True, nl=False)


def _sentence(summary: Summary) -> str:
    return (
        f"{summary.lines:,} lines: {summary.new:,} new alerts, {summary.known:,} known already, "
        f"{summary.skipped:,} other records skipped, {summary.rejected:,} set aside"
    )


def _show(summary: Summary, rejects: str) -> None:
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
    click.echo(_sentence(summary))
    if summary.rejected:
        click.echo(f"What was set aside is in {rejects}, with the reason of each line.")


def _zone(text: str) -> dt.tzinfo:
    if text.upper() in ("UTC", "Z"):
        return dt.UTC
    try:
        return dt.timezone(dt.timedelta(minutes=parse_offset(text)))
    except ValueError:
        pass
    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidRequest(
            f"{text!r} is no zone: write a name such as Europe/Berlin, or +01:00", field="--zone"
        ) from error


def _networks(texts: tuple[str, ...]) -> list[IpNetwork]:
    try:
        return [ipaddress.ip_network(part.strip(), strict=False) for text in texts for part in text.split(",")]
    except ValueError as error:
        raise InvalidRequest(f"{error}: write networks such as 10.0.0.0/8", field="--home-net") from error
