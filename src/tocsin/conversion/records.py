"""Alerts become an incident: what the request may say, what the incident gets, and what becomes of each alert.

Source: API reference, "Converting Alerts into Incidents"; docs/reference/conversion.md has what it leaves open.
"""

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any

import msgspec

from tocsin.object_types.records import TypeTexts
from tocsin.objects.records import SEVERITIES, STATUSES, Handling, severity_rank, with_status
from tocsin.times import iso_form, parse_time, z_form

MAX_IDS = 999
MAX_LIST = 999  # elements of a list in an incident; the alerts keep the rest
MAX_LABELS = 1024
MAX_TAGS = 2048
_OFFSET_AT = len("2026-03-02T08:41:12.418")

_Text255 = Annotated[str, msgspec.Meta(max_length=255)] | None


class TypeContent(msgspec.Struct, frozen=True):
    """OrderAlertIncidentContentIncidentType."""

    id: _Text255 = None
    category: _Text255 = None
    incident_type: _Text255 = None


class IncidentContent(msgspec.Struct, frozen=True):
    """OrderAlertIncidentContent, with the legacy description."""

    title: _Text255 = None
    incident_type: TypeContent | None = None
    description: Annotated[str, msgspec.Meta(max_length=1024)] | None = None


class EventContent(msgspec.Struct, frozen=True):
    """Legacy: the status that the alerts get instead of Closed."""

    handle_status: str | None = None


_Id = Annotated[str, msgspec.Meta(max_length=100)]


class Order(msgspec.Struct, frozen=True):
    """OrderAlert: the body of a conversion, with the legacy fields that are honoured."""

    # A bare string is read as a list of one: Terraform sends ids so elsewhere.
    ids: Annotated[list[_Id], msgspec.Meta(max_length=MAX_IDS)] | _Id | None = None
    incident_content: IncidentContent | None = None
    incident_id: _Id | None = None
    event_content: EventContent | None = None
    marked_evidence: bool | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator's settings decide about conversions."""

    each: bool = False
    close_alerts: bool = True
    allow_again: bool = False
    owner_is_caller: bool = False
    daily_limit: int = 0
    strict_types: bool = False


class Reason(enum.StrEnum):
    """Why an alert was not converted. Stable: it grows only by the changelog."""

    NOT_FOUND = "not_found"
    ALREADY_CONVERTED = "already_converted"


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one id of the request."""

    alert_id: str
    # `converted` or `failed`.
    outcome: str
    incident_id: str | None = None
    reason: Reason | None = None
    message: str | None = None


class ConvertedAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert as the conversion's record keeps it: where it went, and what it looked like before."""

    alert_id: str
    incident_id: str
    before: Handling
    # Revision and time of latest change, before the conversion.
    version: int
    update_time: int
    # The incident of an earlier conversion, where converting again is allowed.
    earlier_incident_id: str | None = None


class Conversion(msgspec.Struct, frozen=True):
    """The record of one conversion. Times are UTC ms; `incident_ids` and `alerts` are JSON."""

    id: str
    create_time: int
    creator_id: str
    creator_name: str
    request_id: str
    shape: str
    incident_ids: str
    alerts: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a conversion: every distinct id of the request, in its order."""

    results: Sequence[Result]
    # None when no alert was accepted and so nothing was written.
    conversion_id: str | None = None


_ABSENT = msgspec.Raw(b"")


class Evidence(msgspec.Struct, frozen=True):
    """The members of an alert or incident that an incident takes over; objects and lists as their own text."""

    description: str | None = None
    severity: str = SEVERITIES[0]
    confidence: int | None = None
    criticality: int | None = None
    count: int | None = None
    verification_state: str | None = None
    ipdrr_phase: str | None = None
    simulation: bool | str | None = None
    first_observed_time: str | None = None
    last_observed_time: str | None = None
    labels: str | None = None
    title: str = ""
    environment: msgspec.Raw = _ABSENT
    data_source: msgspec.Raw = _ABSENT
    domain_id: msgspec.Raw = _ABSENT
    region_id: msgspec.Raw = _ABSENT
    malware: msgspec.Raw = _ABSENT
    remediation: msgspec.Raw = _ABSENT
    system_info: msgspec.Raw = _ABSENT
    source_url: msgspec.Raw = _ABSENT
    network_list: msgspec.Raw = _ABSENT
    resource_list: msgspec.Raw = _ABSENT
    process: msgspec.Raw = _ABSENT
    user_info: msgspec.Raw = _ABSENT
    file_info: msgspec.Raw = _ABSENT
    alert_type: dict[str, Any] | None = None


_EVIDENCE = msgspec.json.Decoder(Evidence)
_CANONICAL = msgspec.json.Encoder(order="sorted")
_ENCODER = msgspec.json.Encoder()
_RAW_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_ELEMENT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TAKEN_FROM_FIRST = (
    "environment", "data_source", "domain_id", "region_id", "malware", "remediation", "system_info", "source_url",
)  # fmt: skip
_UNITED = ("network_list", "resource_list", "process", "user_info", "file_info")


def evidence_of(document: str) -> Evidence:
    """What an incident takes over from a stored document."""
    return _EVIDENCE.decode(document)


def new_incident(
    alerts: Sequence[Evidence],
    *,
    content: IncidentContent,
    texts: TypeTexts | None,
    creator: str,
    now_ms: int,
    offset_min: int,
) -> dict[str, Any]:
    """The document of the incident that these alerts become, in the order of the request (there is at least one)."""
    first = alerts[0]
    document: dict[str, Any] = {"title": content.title or first.title}
    description = content.description or first.description
    if description is not None:
        document["description"] = description
    if types := _type_texts(texts, first):
        document["incident_type"] = types
    document |= {
        "severity": highest(alert.severity for alert in alerts),
        "verification_state": _common((alert.verification_state for alert in alerts), "Unknown"),
        "ipdrr_phase": _common((alert.ipdrr_phase for alert in alerts), "Preparation"),
        "count": _total(alert.count for alert in alerts),
        "creator": creator,
        "arrive_time": iso_form(now_ms, offset_min),
    }
    if texts is not None and texts.sla_ms > 0:
        document["sla"] = z_form(now_ms + texts.sla_ms, offset_min)
    document |= _observed(alerts)
    document |= {
        key: value
        for key in ("confidence", "criticality")
        if (value := _maximum(getattr(alert, key) for alert in alerts)) is not None
    }
    if all(_is_simulation(alert.simulation) for alert in alerts):
        document["simulation"] = first.simulation
    document |= {key: value for key in _TAKEN_FROM_FIRST if bytes(value := getattr(first, key))}
    return document | _united(alerts)


def joined_incident(
    stored: Mapping[str, msgspec.Raw], incident: Evidence, alerts: Sequence[Evidence]
) -> dict[str, Any]:
    """An incident's document after alerts joined it: evidence united, severity only risen, times widened."""
    parts = [incident, *alerts]
    changed: dict[str, Any] = {
        "severity": highest(part.severity for part in parts),
        "count": _total(part.count for part in parts),
    }
    return {**stored, **changed, **_observed(parts), **_united(parts)}


def handling_after_conversion(
    before: Handling, *, status: str | None, comment: str, now_ms: int, offset_min: int
) -> Handling:
    """An alert's handling after its conversion; `status` None leaves it as it is."""
    if status is None or status == before.handle_status:
        return before
    given = {"close_reason": "Other", "close_comment": comment} if status == "Closed" else {}
    return with_status(before, status, given, now_ms=now_ms, offset_min=offset_min)


def close_comment(title: str, incident_id: str) -> str:
    return f"Converted into incident “{title}” ({incident_id})"


def legacy_status(content: EventContent | None) -> str | None:
    """The status that the request asks for; None when it asks for none. Raises ValueError for an unknown one."""
    if content is None or not content.handle_status:
        return None
    if content.handle_status not in STATUSES:
        raise ValueError(f"must be one of {', '.join(STATUSES)}")
    return content.handle_status


def highest(severities: Iterable[str]) -> str:
    return SEVERITIES[max(severity_rank(severity) for severity in severities)]


def _type_texts(texts: TypeTexts | None, first: Evidence) -> dict[str, str]:
    if texts is None:
        types = first.alert_type or {}
        pairs = {"category": types.get("category"), "incident_type": types.get("alert_type")}
    else:
        pairs = {"category": texts.category, "incident_type": texts.child}
    return {key: value for key, value in pairs.items() if value}


def _common(values: Iterable[str | None], otherwise: str) -> str:
    distinct = set(values)
    only = distinct.pop() if len(distinct) == 1 else None
    return only or otherwise


def _total(counts: Iterable[int | None]) -> int:
    """Exact up to what a 64-bit client reads; an alert without a count happened once."""
    return min(sum(1 if count is None else count for count in counts), 2**63 - 1)


def _maximum(values: Iterable[int | None]) -> int | None:
    present = [value for value in values if value is not None]
    return max(present) if present else None


def _is_simulation(value: bool | str | None) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _observed(parts: Sequence[Evidence]) -> dict[str, str]:
    """The earliest and the latest time, each in the offset of the alert that it comes from."""
    times: dict[str, str] = {}
    for key, choose in (("first_observed_time", min), ("last_observed_time", max)):
        texts = [text for part in parts if (text := getattr(part, key))]
        if texts:
            times[key] = _outermost(texts, choose)
    return times


def _outermost(texts: Sequence[str], choose: Callable[..., str]) -> str:
    """The earliest or latest of stored times. They have one width, so within an offset they sort as text."""
    by_offset: dict[str, str] = {}
    for text in texts:
        offset = text[_OFFSET_AT:]
        by_offset[offset] = choose(by_offset.get(offset, text), text)
    return choose(by_offset.values(), key=lambda text: parse_time(text, 0).ms)


def _united(parts: Sequence[Evidence]) -> dict[str, Any]:
    """Every list without equal elements, in the order of the alerts, and the labels."""
    united: dict[str, Any] = {}
    for key in _UNITED:
        lists = [bytes(one) for part in parts if (one := getattr(part, key)) is not _ABSENT]
        if lists and (elements := _union(lists, tags_as_text=key == "resource_list")):
            united[key] = elements
    if labels := _labels(part.labels for part in parts):
        united["labels"] = labels
    return united


def _union(lists: Iterable[bytes], *, tags_as_text: bool) -> list[msgspec.Raw]:
    """The distinct elements of some lists. All are read at once: a batch has thousands of small ones."""
    texts = dict.fromkeys(one.strip()[1:-1] for one in lists if one != b"null")
    joined = b"[" + b",".join(text for text in texts if text.strip()) + b"]"
    if tags_as_text and (b'"tags"' in joined or b"\\u" in joined):
        joined = b"[" + b",".join(_with_text_tags(bytes(raw)) for raw in _RAW_LIST.decode(joined)) + b"]"
    distinct: dict[bytes, msgspec.Raw] = {}
    for raw, value in zip(_RAW_LIST.decode(joined), msgspec.json.decode(joined), strict=True):
        # Equal elements may differ in spacing and in the order of their keys.
        distinct.setdefault(_CANONICAL.encode(value), raw)
        if len(distinct) == MAX_LIST:
            break
    return list(distinct.values())


def _with_text_tags(raw: bytes) -> bytes:
    """Incidents have a resource's tags as text, `key:value`, where alerts have an object."""
    element = _ELEMENT.decode(raw)
    tags = msgspec.json.decode(element["tags"]) if "tags" in element else None
    if not isinstance(tags, dict):
        return raw
    text = _whole_parts((f"{key}:{_spelled(value)}" for key, value in tags.items()), MAX_TAGS)
    return _ENCODER.encode({**element, "tags": text})


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else _ENCODER.encode(value).decode()


def _labels(texts: Iterable[str | None]) -> str:
    labels = dict.fromkeys(",".join(text for text in texts if text).split(","))
    return _whole_parts(dict.fromkeys(label for one in labels if (label := one.strip())), MAX_LABELS)


def _whole_parts(parts: Iterable[str], limit: int) -> str:
    """Parts joined by commas, whole ones while they fit."""
    text = ""
    for part in parts:
        longer = f"{text},{part}" if text else part
        if len(longer) > limit:
            break
        text = longer
    return text
