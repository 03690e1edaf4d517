"""`tocsin prune`: what is old is removed for good."""

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from tocsin.app import attachment_files, offset_min
from tocsin.attachments.service import known_attachments
from tocsin.cli.common import (
    DATABASE,
    INTERRUPTED,
    JSON,
    opened,
    operator,
    print_json,
    reported,
    settings_from,
)
from tocsin.clock import now_ms
from tocsin.errors import InvalidRequest, SetupError
from tocsin.ids import new_id
from tocsin.objects.records import DATA_CLASSES
from tocsin.retention.records import Counts, Outcome, Plan, Run, Target
from tocsin.retention.runner import Pruner
from tocsin.retention.service import list_targets
from tocsin.settings import Settings
from tocsin.storage.sqlite import SqliteDatabase
from tocsin.terminal import visible
from tocsin.times import iso_form

PROGRESS_EVERY_S = 0.25
ORPHAN_AGE_S = 3600  # a younger file may be waiting for its record
_AGE = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS_MS = {"h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}


@click.command()
@click.option(
    "--older-than", required=True, metavar="AGE", help="What was last changed longer ago, such as 90d, 12w or 36h."
)
@click.option("--alerts", is_flag=True, help="Alerts; those of a conversion only together with all it holds.")
@click.option("--incidents", is_flag=True, help="Incidents; likewise.")
@click.option("--indicators", is_flag=True, help="Indicators.")
@click.option("--audit", is_flag=True, help="The audit of workspaces; that of the administration is kept.")
@click.option("--workspaces", is_flag=True, help="Workspaces that were deleted, with everything in them.")
@click.option("--all", "all_", is_flag=True, help="All of these.")
@click.option("--workspace", metavar="ID", help="Only in this workspace, which may be a deleted one.")
@click.option("--yes", is_flag=True, help="Do it. Without this nothing is removed, and you see what would be.")
@DATABASE
@JSON
@click.pass_context
def prune(
    context: click.Context,
    older_than: str,
    alerts: bool,
    incidents: bool,
    indicators: bool,
    audit: bool,
    workspaces: bool,
    all_: bool,
    workspace: str | None,
    yes: bool,
    database: str | None,
    as_json: bool,
) -> None:
    """Remove for good what is old; first only show what would go.

    Always goes what nobody can use any more: stored answers to an X-Idempotency-Key, expired tokens, and files of
    attachments that no record names. The rest goes where it is asked for. An object that is part of a conversion goes
    together with all alerts and incidents of that conversion, or is kept: once all are old enough, and --alerts and
    --incidents are both given.

    Works while a server runs, 500 objects at a time, and may be stopped and started again at any moment. Every run
    leaves one audit row in each workspace it changed. The database file keeps its size: freed space is used again.

    \b
      tocsin prune --older-than 90d --alerts --incidents          what would go?
      tocsin prune --older-than 90d --alerts --incidents --yes    remove it

    An event of a log that is read again after its alert was pruned becomes a new alert.
    """  # \b keeps click from wrapping
    with reported():
        asked = {"alerts": alerts, "incidents": incidents, "indicators": indicators}
        settings = settings_from(context, database=database)
        offset = offset_min(settings)
        now = now_ms()
        cutoff_ms = now - _age_ms(older_than)
        plan = Plan(
            cutoff_ms=cutoff_ms,
            answers_ms=min(cutoff_ms, now - settings.idempotency_lifetime_s * 1000),
            classes=tuple(one.name for one in DATA_CLASSES if all_ or asked.get(one.name)),
            audit=audit or all_,
            workspaces=workspaces or all_,
        )
        run = Run(actor=operator(), request_id=new_id(), now_ms=now)
        progress = _Progress()
        with opened(settings) as desk_database:
            targets = _targets(desk_database, workspace)
            pruner = Pruner(desk_database, plan, run, dry=not yes, progress=progress)
            with _stopped_by_signals(pruner):
                tokens = 0 if workspace else pruner.prune_tokens()
                outcomes = [pruner.prune(target) for target in targets if not pruner.stopped]
            files = 0 if pruner.stopped else _remove_orphans(desk_database, settings, targets, dry=not yes)
        progress.end()
        if as_json:
            report = _report(outcomes, tokens, files, iso_form(cutoff_ms, offset), dry=not yes, stopped=pruner.stopped)
            print_json(report)
        else:
            _show(outcomes, tokens, files, dry=not yes)
        if pruner.stopped:
            click.echo("Interrupted. What was removed stays removed; start again for the rest.", err=True)
            sys.exit(INTERRUPTED)


def _remove_orphans(database: SqliteDatabase, settings: Settings, targets: list[Target], *, dry: bool) -> int:
    """Files of these workspaces without a record: left by a crash, or by a workspace that was just removed.

    Returns how many. Files of a workspace that this database never had are another's, and stay.
    """
    files = attachment_files(settings)
    before_s = time.time() - ORPHAN_AGE_S
    count = 0
    for target in targets:

        def known(ids: list[str], workspace_id: str = target.id) -> set[str]:
            return database.read(lambda tx: known_attachments(tx, workspace_id, ids)).result()

        found = files.orphans(target.id, known, written_before_s=before_s)
        count += len(found)
        for one in found if not dry else ():
            one.unlink(missing_ok=True)
    return count


def _age_ms(text: str) -> int:
    match = _AGE.fullmatch(text)
    if match is None:
        raise InvalidRequest(f"{text!r} is no age: write it like 90d, 12w or 36h", field="--older-than")
    return int(match[1]) * _UNITS_MS[match[2]]


def _targets(database: SqliteDatabase, workspace_id: str | None) -> list[Target]:
    targets = database.read(list_targets).result()
    if workspace_id is None:
        return targets
    found = [one for one in targets if one.id == workspace_id]
    if not found:
        listed = "".join(f"\n  {_name(one)}" for one in targets) or "\n  (none)"
        raise SetupError(f"there is no workspace {workspace_id}; there are:{listed}")
    return found


@contextmanager
def _stopped_by_signals(pruner: Pruner) -> Iterator[None]:
    """A first Ctrl-C or SIGTERM ends the run after the present portion, a second one at once."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        if pruner.stopped:
            raise KeyboardInterrupt
        pruner.stop()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Progress:
    """One line on a terminal, rewritten a few times a second."""

    def __init__(self) -> None:
        self._shown_s = 0.0

    def __call__(self, target: Target, removed: Counts) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self._shown_s < PROGRESS_EVERY_S:
            return
        self._shown_s = time.monotonic()
        click.echo(f"\r{visible(target.name)}: {_sentence(removed)}\033[K", err=True, nl=False)

    def end(self) -> None:
        if self._shown_s:
            click.echo("\r\033[K", err=True, nl=False)


def _sentence(counts: Counts) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in counts.items())


def _show(outcomes: list[Outcome], tokens: int, files: int, *, dry: bool) -> None:
    verb = "would go" if dry else "removed"
    for one in outcomes:
        if not one.removed and not one.kept:
            continue
        click.echo(_name(one.target))
        for name, number in one.removed.items():
            label = "the workspace itself" if name == "workspaces" else name.replace("_", " ")
            click.echo(f"  {label:<22}{number:>12,}  {verb}")
        for name, number in one.kept.items():
            click.echo(f"  {name:<22}{number:>12,}  kept: part of a conversion with something younger or not asked for")
    click.echo(f"{'expired tokens':<24}{tokens:>12,}  {verb}")
    click.echo(f"{'files without a record':<24}{files:>12,}  {verb}")
    if dry:
        click.echo("Nothing was removed. The same command with --yes removes it for good.")


def _name(target: Target) -> str:
    return f"{target.id}  {visible(target.name)}{'' if target.deleted_time is None else '  (deleted)'}"


def _report(
    outcomes: list[Outcome], tokens: int, files: int, cutoff: str, *, dry: bool, stopped: bool
) -> dict[str, object]:
    return {
        "dry_run": dry,
        "stopped": stopped,
        "older_than": cutoff,
        "tokens": tokens,
        "files_without_record": files,
        "workspaces": [
            {
                "workspace_id": one.target.id,
                "name": one.target.name,
                "deleted": one.target.deleted_time is not None,
                "removed": dict(one.removed),
                "kept": dict(one.kept),
            }
            for one in outcomes
        ],
    }
