"""The conversion of alerts into an incident: everything it writes commits together, or nothing of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tocsin.audit.records import Change
from tocsin.audit.service import record_changes
from tocsin.conversion.records import (
    Conversion,
    ConvertedAlert,
    Evidence,
    IncidentContent,
    Order,
    Outcome,
    Reason,
    Result,
    Rules,
    TypeContent,
    close_comment,
    evidence_of,
    handling_after_conversion,
    joined_incident,
    legacy_status,
    new_incident,
)
from tocsin.errors import ConversionNotFound, InvalidRequest, QuotaExceeded
from tocsin.ids import new_id
from tocsin.object_types.records import TypeTexts, resolve_type
from tocsin.object_types.service import list_candidates
from tocsin.objects.documents import Prepared, copies_of, members_of
from tocsin.objects.records import ALERTS, INCIDENTS, Handling, ObjectRow, handling_of
from tocsin.objects.service import (
    MADE_BY_CLIENT,
    NewObject,
    changed_fields,
    creation,
    insert_objects,
    lock_objects,
    mark_converted,
    update_objects,
)
from tocsin.relations.records import ObjectKey
from tocsin.relations.service import relate
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)
_ENCODER = msgspec.json.Encoder()
_DAY_MS = 86_400_000
_NO_TYPE = TypeContent()


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    """An incident, and the accepted alerts that become part of it, in the order of the request."""

    incident_id: str
    title: str
    alert_ids: Sequence[str]


def convert_alerts(tx: Transaction, scope: Scope, order: Order, rules: Rules) -> Outcome:
    """Convert the alerts that `order` names into one incident (or, by the rules, one each).

    An id that is unknown, deleted or another workspace's, and an alert that a conversion already gave an incident,
    fails by itself; the others are converted. Raises InvalidRequest naming the field for a request that is wrong,
    QuotaExceeded; nothing is written then.
    Source: API reference, "Converting Alerts into Incidents"; decisions in docs/reference/conversion.md.
    """
    ids = _distinct_ids(order)
    content = order.incident_content or IncidentContent()
    status = _status(order, rules)
    texts = _resolved_type(tx, scope, content.incident_type or _NO_TYPE, rules)
    made = 0 if order.incident_id else _made_today(tx, scope, rules)
    rows = lock_objects(tx, scope, ALERTS, ids)
    accepted = [one for one in ids if one in rows and (rules.allow_again or rows[one].incident_id is None)]
    joined = _joined_row(tx, scope, order)
    targets: list[_Target] = []
    conversion_id = None
    if accepted:
        conversion_id = new_id()
        evidence = {one: evidence_of(rows[one].document) for one in accepted}
        if joined is not None:
            targets = [_join(tx, scope, joined, accepted, evidence)]
        else:
            groups = [[one] for one in accepted] if rules.each else [accepted]
            _check_quota(rules, made, len(groups))
            targets = _create(tx, scope, groups, evidence, content=content, texts=texts, rules=rules)
        _settle(tx, scope, order, rules, rows=rows, targets=targets, conversion_id=conversion_id, status=status)
    incidents = {one: target.incident_id for target in targets for one in target.alert_ids}
    return Outcome(results=[_result(one, rows.get(one), incidents) for one in ids], conversion_id=conversion_id)


def get_conversion(tx: Transaction, workspace_id: str, conversion_id: str) -> Conversion:
    """A conversion by its own id, or the newest one of an alert or incident. Raises ConversionNotFound."""
    params = {"workspace_id": workspace_id, "id": conversion_id}
    found = tx.row(SQL.find_conversion, Conversion, params) or tx.row(SQL.find_conversion_of_alert, Conversion, params)
    if found is None:
        raise ConversionNotFound(f"there is no conversion {conversion_id}, nor one of an alert or incident of this id")
    return found


def _distinct_ids(order: Order) -> list[str]:
    ids = [order.ids] if isinstance(order.ids, str) else order.ids
    if not ids:
        raise InvalidRequest("name 1 to 999 alerts", field="ids")
    return list(dict.fromkeys(ids))


def _status(order: Order, rules: Rules) -> str | None:
    """The status that accepted alerts get; None leaves it."""
    try:
        asked = legacy_status(order.event_content)
    except ValueError as error:
        raise InvalidRequest(str(error), field="event_content.handle_status") from error
    return asked or ("Closed" if rules.close_alerts else None)


def _resolved_type(tx: Transaction, scope: Scope, content: TypeContent, rules: Rules) -> TypeTexts | None:
    if not (content.id or content.category or content.incident_type):
        return None
    return resolve_type(
        list_candidates(
            tx, scope, INCIDENTS.name, type_id=content.id, category=content.category, child=content.incident_type
        ),
        type_id=content.id,
        category=content.category,
        child=content.incident_type,
        strict=rules.strict_types,
        field="incident_content.incident_type",
    )


def _joined_row(tx: Transaction, scope: Scope, order: Order) -> ObjectRow | None:
    """The incident that the alerts are to join. Locked after the alerts, always in this order."""
    if not order.incident_id:
        return None
    row = lock_objects(tx, scope, INCIDENTS, [order.incident_id]).get(order.incident_id)
    if row is None:
        raise InvalidRequest("there is no such incident in this workspace", field="incident_id")
    return row


def _made_today(tx: Transaction, scope: Scope, rules: Rules) -> int:
    """Incidents that conversions made in the workspace since midnight. Raises QuotaExceeded when no more may follow.

    Counting and inserting are one step only where writers take turns, as on SQLite.
    """
    if not rules.daily_limit:
        return 0
    local_ms = scope.now_ms + scope.offset_min * 60_000
    midnight_ms = local_ms - local_ms % _DAY_MS - scope.offset_min * 60_000
    params = {"workspace_id": scope.workspace_id, "since": midnight_ms}
    made = int(tx.values(SQL.count_incidents_made, params)[0])
    _check_quota(rules, made, 1)
    return made


def _check_quota(rules: Rules, made: int, wanted: int) -> None:
    if rules.daily_limit and made + wanted > rules.daily_limit:
        raise QuotaExceeded(f"{made} incidents were made today, and the limit of a day is {rules.daily_limit}")


def _create(
    tx: Transaction,
    scope: Scope,
    groups: Sequence[Sequence[str]],
    evidence: Mapping[str, Evidence],
    *,
    content: IncidentContent,
    texts: TypeTexts | None,
    rules: Rules,
) -> list[_Target]:
    """A new incident for each group of alerts."""
    handling = Handling(owner=scope.caller.user_name if rules.owner_is_caller else None)
    new = []
    targets = []
    for group in groups:
        document = new_incident(
            [evidence[one] for one in group],
            content=content,
            texts=texts,
            creator=scope.caller.user_name,
            now_ms=scope.now_ms,
            offset_min=scope.offset_min,
        )
        one = NewObject(id=new_id(), prepared=_prepared(document, handling))
        new.append(one)
        targets.append(_Target(incident_id=one.id, title=document["title"], alert_ids=group))
    insert_objects(tx, scope, INCIDENTS, new, origin=MADE_BY_CLIENT)
    record_changes(tx, scope, [creation(INCIDENTS, one) for one in new])
    return targets


def _join(
    tx: Transaction, scope: Scope, incident: ObjectRow, alert_ids: Sequence[str], evidence: Mapping[str, Evidence]
) -> _Target:
    """Add the alerts' evidence to an incident that exists; its title and type stay."""
    document = joined_incident(
        members_of(incident.document), evidence_of(incident.document), [evidence[one] for one in alert_ids]
    )
    prepared = _prepared(document, handling_of(incident))
    update_objects(tx, scope, [(incident, prepared)])
    record_changes(tx, scope, [Change(INCIDENTS.name, incident.id, changed_fields(incident, prepared))])
    return _Target(incident_id=incident.id, title=prepared.copies.title, alert_ids=alert_ids)


def _prepared(document: dict[str, Any], handling: Handling) -> Prepared:
    members = {
        key: value if isinstance(value, msgspec.Raw) else msgspec.Raw(_ENCODER.encode(value))
        for key, value in document.items()
    }
    return Prepared(id=None, document=members, handling=handling, copies=copies_of(INCIDENTS, members))


def _settle(
    tx: Transaction,
    scope: Scope,
    order: Order,
    rules: Rules,
    *,
    rows: Mapping[str, ObjectRow],
    targets: Sequence[_Target],
    conversion_id: str,
    status: str | None,
) -> None:
    """The conversion's own record, the relations, the alerts' new state, and an audit row for each alert."""
    kept: list[ConvertedAlert] = []
    settled: dict[str, Handling] = {}
    incidents: dict[str, str] = {}
    changes: list[Change] = []
    for target in targets:
        comment = close_comment(target.title, target.incident_id)
        # Most alerts of a batch look alike before, so what becomes of them is worked out once.
        alike: dict[tuple[Handling, str | None], tuple[Handling, dict[str, Any]]] = {}
        for one in target.alert_ids:
            row = rows[one]
            before = handling_of(row)
            if (known := alike.get((before, row.incident_id))) is None:
                after = handling_after_conversion(
                    before, status=status, comment=comment, now_ms=scope.now_ms, offset_min=scope.offset_min
                )
                fields = _alert_changes(before, after, row.incident_id, target.incident_id)
                known = alike[before, row.incident_id] = (after, fields)
            settled[one], fields = known
            incidents[one] = target.incident_id
            changes.append(Change(ALERTS.name, one, fields))
            kept.append(
                ConvertedAlert(
                    alert_id=one,
                    incident_id=target.incident_id,
                    before=before,
                    version=row.version,
                    update_time=row.update_time,
                    earlier_incident_id=row.incident_id,
                )
            )
    tx.run(
        SQL.insert_conversion,
        {
            "workspace_id": scope.workspace_id,
            "id": conversion_id,
            "now": scope.now_ms,
            "creator_id": scope.caller.user_id,
            "creator_name": scope.caller.user_name,
            "request_id": scope.request_id,
            "shape": "join" if order.incident_id else "each" if rules.each else "one",
            "incidents_made": 0 if order.incident_id else len(targets),
            "incident_ids": _ENCODER.encode([target.incident_id for target in targets]).decode(),
            "alerts": _ENCODER.encode(kept).decode(),
        },
    )
    relate(
        tx,
        scope,
        [(ObjectKey(ALERTS.name, one), ObjectKey(INCIDENTS.name, incidents[one])) for one in settled],
        conversion_id=conversion_id,
        evidence=bool(order.marked_evidence),
    )
    mark_converted(tx, scope, settled, incidents)
    record_changes(tx, scope, changes, first_sequence=len(targets))


def _alert_changes(
    before: Handling, after: Handling, earlier_incident_id: str | None, incident_id: str
) -> dict[str, tuple[Any, Any]]:
    """What the audit says of a converted alert: the incident, and the handling that changed."""
    fields: dict[str, tuple[Any, Any]] = {"incident_id": (earlier_incident_id, incident_id)}
    for key in ("handle_status", "close_time", "close_reason", "close_comment"):
        pair = (getattr(before, key), getattr(after, key))
        if pair[0] != pair[1]:
            fields[key] = pair
    return fields


def _result(alert_id: str, row: ObjectRow | None, incidents: Mapping[str, str]) -> Result:
    if incident_id := incidents.get(alert_id):
        return Result(alert_id=alert_id, outcome="converted", incident_id=incident_id)
    if row is None:
        return Result(
            alert_id=alert_id,
            outcome="failed",
            reason=Reason.NOT_FOUND,
            message="there is no such alert in this workspace",
        )
    return Result(
        alert_id=alert_id,
        outcome="failed",
        incident_id=row.incident_id,
        reason=Reason.ALREADY_CONVERTED,
        message=f"the alert is already part of incident {row.incident_id}",
    )
