"""`tocsin conversion`: what a conversion did."""

import click
import msgspec

from tocsin.app import offset_min
from tocsin.cli.common import DATABASE, JSON, WORKSPACE, chosen_workspace, opened, print_json, reported, settings_from
from tocsin.conversion.records import Conversion, ConvertedAlert
from tocsin.conversion.service import get_conversion
from tocsin.terminal import visible
from tocsin.times import iso_form


@click.command()
@click.argument("conversion_id", metavar="ID")
@WORKSPACE
@DATABASE
@JSON
@click.pass_context
def conversion(
    context: click.Context, conversion_id: str, workspace: str | None, database: str | None, as_json: bool
) -> None:
    """Show what a conversion did, and what each alert looked like before.

    ID is the conversion's own, or that of an alert or an incident: then its newest conversion is shown.
    """
    with reported():
        settings = settings_from(context, database=database)
        offset = offset_min(settings)
        with opened(settings) as desk_database:
            target = chosen_workspace(desk_database, workspace)
            found = desk_database.read(lambda tx: get_conversion(tx, target.id, conversion_id)).result()
        if as_json:
            print_json(_entry(found, offset))
        else:
            _show(found, offset)


def _entry(found: Conversion, offset: int) -> dict[str, object]:
    return {
        "id": found.id,
        "create_time": iso_form(found.create_time, offset),
        "creator": found.creator_name,
        "request_id": found.request_id,
        "shape": found.shape,
        "incident_ids": msgspec.Raw(found.incident_ids.encode()),
        "alerts": msgspec.Raw(found.alerts.encode()),
    }


def _show(found: Conversion, offset: int) -> None:
    alerts = msgspec.json.decode(found.alerts, type=list[ConvertedAlert])
    click.echo(f"conversion  {found.id}")
    click.echo(f"time        {iso_form(found.create_time, offset)}")
    click.echo(f"by          {visible(found.creator_name)}, request {found.request_id}")
    click.echo(f"shape       {found.shape}")
    for incident_id in msgspec.json.decode(found.incident_ids, type=list[str]):
        click.echo(f"incident    {visible(incident_id)}")
    click.echo(f"alerts      {len(alerts)}")
    for one in alerts:
        before = f"was {one.before.handle_status}, revision {one.version}"
        click.echo(f"  {visible(one.alert_id)}  {before}  -> {visible(one.incident_id)}")
