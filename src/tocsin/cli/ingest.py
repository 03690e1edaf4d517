"""`tocsin ingest`: feeds from files and pipes."""

import datetime as dt
import ipaddress
import shlex
import signal
import sys
import time
import zoneinfo
from functools import partial
from pathlib import Path
from types import FrameType

import click

from tocsin.cli.common import (
    DATABASE,
    INTERRUPTED,
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
from tocsin.ingest.records import Summary
from tocsin.ingest.rejects import RejectFile
from tocsin.ingest.runner import Feed
from tocsin.ingest.suricata import IpNetwork, map_line
from tocsin.times import parse_offset

REJECTS = "tocsin-rejects.jsonl"
HOME_NETS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")  # what Suricata's own HOME_NET begins with
PROGRESS_EVERY_S = 0.25
GZIP_MAGIC = b"\x1f\x8b"


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
        settings = settings_from(context, database=database)
        _check_files(files)
        with opened(settings) as desk_database, RejectFile(Path(rejects)) as reject_file:
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
                _read_all(feed, files)
            finally:
                if as_json:
                    print_json(feed.summary)
                else:
                    _show(feed.summary, rejects)
        if feed.stopped:
            click.echo("Interrupted. What was read before is committed.", err=True)
            sys.exit(INTERRUPTED)
        if feed.summary.rejected:
            sys.exit(SET_ASIDE)


def _check_files(files: tuple[str, ...]) -> None:
    """Raises SetupError before anything is read, for what cannot be a log."""
    for name in files:
        path = Path(name)
        if name == "-":
            continue
        if not path.exists():
            raise SetupError(f"there is no file {name}")
        if path.is_dir():
            raise SetupError(f"{name} is a folder: name the files in it")
        if path.is_file() and _begins_compressed(path):
            raise SetupError(f"{name} is compressed: zcat {shlex.quote(name)} | tocsin ingest suricata -")


def _begins_compressed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC


def _read_all(feed: Feed, files: tuple[str, ...]) -> None:
    """Read one after the other. A first Ctrl-C or SIGTERM ends the run in good order, a second one at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if feed.stopped:
            raise KeyboardInterrupt
        feed.stop()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    for name in files:
        if not feed.stopped:
            _read(feed, name)


def _read(feed: Feed, name: str) -> None:
    try:
        if name == "-":
            feed.read(sys.stdin.fileno(), name)
            return
        with Path(name).open("rb", buffering=0) as file:
            feed.read(file.fileno(), name)
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
