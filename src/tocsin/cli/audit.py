"""`tocsin audit`: who did what."""

import click
import msgspec

from tocsin.app import offset_min
from tocsin.audit.records import AuditRow
from tocsin.audit.service import list_administration, list_audit
from tocsin.cli.common import DATABASE, JSON, WORKSPACE, chosen_workspace, opened, print_json, reported, settings_from
from tocsin.errors import InvalidRequest
from tocsin.terminal import visible
from tocsin.times import iso_form, parse_time


@click.command()
@click.option("--object", "object_id", metavar="ID", help="Only changes of this alert, incident or other object.")
@click.option(
    "--since", metavar="TIME", help="Only changes since then, such as 2026-03-02 or 2026-03-02T09:00:00+01:00."
)
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Newest rows to show.")
@click.option("--administration", is_flag=True, help="Changes of users, keys, projects and workspaces instead.")
@WORKSPACE
@DATABASE
@JSON
@click.pass_context
def audit(
    context: click.Context,
    object_id: str | None,
    since: str | None,
    limit: int,
    administration: bool,
    workspace: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Show who changed what, newest first."""
    with reported():
        settings = settings_from(context, database=database)
        offset = offset_min(settings)
        since_ms = 0 if since is None else _instant(since, offset)
        with opened(settings) as desk_database:
            if administration:
                rows = desk_database.read(lambda tx: list_administration(tx, since_ms=since_ms, limit=limit)).result()
            else:
                target = chosen_workspace(desk_database, workspace)
                rows = desk_database.read(
                    lambda tx: list_audit(tx, target.id, object_id=object_id, since_ms=since_ms, limit=limit)
                ).result()
        if as_json:
            print_json([_entry(row, offset) for row in rows])
            return
        for row in rows:
            _show(row, offset)
        if not rows:
            click.echo("No such change is recorded.", err=True)


def _instant(text: str, offset: int) -> int:
    try:
        return parse_time(text, offset).ms
    except ValueError as error:
        raise InvalidRequest(str(error), field="--since") from error


def _entry(row: AuditRow, offset: int) -> dict[str, object]:
    return {
        "time": iso_form(row.time, offset),
        "user": row.user_name,
        "operation": row.operation,
        "request_id": row.request_id,
        "object_class": row.object_class,
        "object_id": row.object_id,
        "changes": msgspec.Raw(row.changes.encode()),
    }


def _show(row: AuditRow, offset: int) -> None:
    target = f"{row.object_class} {row.object_id}".rstrip()
    click.echo(f"{iso_form(row.time, offset)}  {visible(row.user_name)}  {row.operation}  {visible(target)}")
    for field, (before, after) in msgspec.json.decode(row.changes, type=dict[str, tuple[object, object]]).items():
        click.echo(f"    {visible(field)}: {visible(_text(before))} -> {visible(_text(after))}")


def _text(value: object) -> str:
    return "-" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
