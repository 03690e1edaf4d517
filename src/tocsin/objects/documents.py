"""From a `data_object` as a client sends it to the document that is stored and answered.

Values are checked by type and published maximum, and otherwise kept letter for letter: keys in their order, numbers in
their spelling, unknown keys too. Rewritten are only times (to the form in which they are answered), enumerations (to
the listed spelling) and ports (to the declared type).

Source: API reference, models Alert and Incident; field lengths, and which of them not to enforce, from its README.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from tocsin.errors import InvalidRequest
from tocsin.json_text import invalid, refuse_hostile
from tocsin.objects.models import MODELS, Network, Process
from tocsin.objects.records import (
    CLOSE_REASONS,
    DIRECTIONS,
    INDICATOR_STATUSES,
    MAX_OBJECT_BYTES,
    PHASES,
    SEVERITIES,
    STATUSES,
    VERDICTS,
    DataClass,
    Handling,
    listed,
    severity_rank,
    with_status,
)
from tocsin.times import iso_form, parse_time, z_form

FIELD = "data_object"

_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(one) for name, one in MODELS.items()}
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_ENCODER = msgspec.json.Encoder()
_NULL = b"null"

# Kept in columns and laid over the document when it is served.
_HANDLING_KEYS = ("handle_status", "owner", "close_time", "close_reason", "close_comment")
# Set by the server whatever a client sends.
_SERVER_KEYS = (
    "id", "create_time", "update_time", "workspace_id", "project_id", "dataclass_id", "is_auto_closed", "is_deleted",
    "alert_list", "incident_list", "indicator_list",
)  # fmt: skip


class _Time(NamedTuple):
    """A time of a document: the form in which it is answered, and the column that holds its copy."""

    form: Callable[[int, int], str]
    column: str


_WORK_TIMES = {
    "first_observed_time": _Time(iso_form, "first_observed_time"),
    "last_observed_time": _Time(iso_form, "last_observed_time"),
    "arrive_time": _Time(iso_form, "arrive_time"),
    "sla": _Time(z_form, "sla"),
}
_TIMES = {
    "alerts": _WORK_TIMES,
    "incidents": _WORK_TIMES,
    "indicators": {
        "first_report_time": _Time(iso_form, "first_observed_time"),
        "last_report_time": _Time(iso_form, "last_observed_time"),
    },
}
_PROCESS_TIMES = ("process_launche_time", "process_terminate_time")


class Copies(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a document that also stand in columns, for searching. Times are UTC ms, severity is a rank."""

    title: str
    severity: int | None
    verification_state: str | None
    category: str | None
    sub_category: str | None
    first_observed_time: int | None = None
    last_observed_time: int | None = None
    arrive_time: int | None = None
    sla: int | None = None


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """An object that passed every check, ready to be stored."""

    id: str | None
    document: dict[str, msgspec.Raw]
    handling: Handling
    copies: Copies


class ObjectText(msgspec.Struct, frozen=True):
    """What is read of an object's text: its members as they came, and the known ones by type."""

    members: dict[str, msgspec.Raw]
    known: Any


def read_object(dataclass: DataClass, raw: bytes) -> ObjectText:
    """Check the text of one `data_object`. Raises InvalidRequest naming the member that is wrong."""
    if len(raw) > MAX_OBJECT_BYTES:
        raise InvalidRequest(f"an object may have at most {MAX_OBJECT_BYTES} bytes", field=FIELD)
    refuse_hostile(raw, FIELD)
    try:
        known = _DECODERS[dataclass.name].decode(raw)
        members = _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise invalid(error, FIELD) from error
    for key in members:
        if "\0" in key:
            raise InvalidRequest("a key must not contain NUL", field=FIELD)
    return ObjectText(members, known)


def prepare_new(dataclass: DataClass, raw: bytes, *, creator: str, now_ms: int, offset_min: int) -> Prepared:
    """A new object: checked, with the defaults that a client may leave out. Raises InvalidRequest."""
    text = read_object(dataclass, raw)
    for key in dataclass.required:
        if _is_empty(getattr(text.known, key)):
            raise InvalidRequest("is needed, and must not be empty", field=f"{FIELD}.{key}")
    document = _rewritten(dataclass, text, offset_min)
    document = {key: value for key, value in document.items() if bytes(value) != _NULL}
    for key, default in _defaults(dataclass, creator=creator, now=iso_form(now_ms, offset_min)).items():
        document.setdefault(key, msgspec.Raw(_ENCODER.encode(default)))
    handling = Handling()
    if dataclass.handled:
        handling = handling_after(handling, text, now_ms=now_ms, offset_min=offset_min)
    return Prepared(
        id=text.known.id or None, document=document, handling=handling, copies=copies_of(dataclass, document)
    )


def _is_empty(value: Any) -> bool:
    """No text, or an object that says nothing."""
    if isinstance(value, msgspec.Struct):
        return not any(msgspec.structs.astuple(value))
    return not value


def _defaults(dataclass: DataClass, *, creator: str, now: str) -> dict[str, Any]:
    """What a new object has where its client says nothing."""
    made = {"creator": creator, "arrive_time": now} if dataclass.handled else {"first_report_time": now}
    return fixed_defaults(dataclass) | made


def fixed_defaults(dataclass: DataClass) -> dict[str, Any]:
    """Those that are the same for every object."""
    if dataclass.handled:
        return {"severity": "Tips", "verification_state": "Unknown", "count": 1}
    return {"status": "Open", "defanged": False, "revoked": False}


def prepare_change(
    dataclass: DataClass, stored: str, handling: Handling, change: ObjectText, *, now_ms: int, offset_min: int
) -> Prepared:
    """A stored object after a partial update: a member that is absent stays, null clears it. Raises InvalidRequest."""
    for key in dataclass.required:
        if key in change.members and _is_empty(getattr(change.known, key)):
            raise InvalidRequest("must not be emptied", field=f"{FIELD}.{key}")
    document = _MEMBERS.decode(stored) | _rewritten(dataclass, change, offset_min)
    if not dataclass.handled and change.known.revoked is False and "status" not in change.members:
        document["status"] = _unrevoked(document)
    document = {key: value for key, value in document.items() if bytes(value) != _NULL}
    size = sum(len(key) + len(bytes(value)) + 4 for key, value in document.items())
    if size > max(MAX_OBJECT_BYTES, len(stored.encode())):
        raise InvalidRequest(f"the changed object would have over {MAX_OBJECT_BYTES} bytes", field=FIELD)
    if dataclass.handled:
        handling = handling_after(handling, change, now_ms=now_ms, offset_min=offset_min)
    return Prepared(
        id=None,
        document=document,
        handling=handling,
        copies=copies_of(dataclass, document),
    )


def _unrevoked(document: Mapping[str, msgspec.Raw]) -> msgspec.Raw:
    """The status of an indicator of which a client says only that it is not revoked."""
    status = _value(document, "status")
    return msgspec.Raw(_ENCODER.encode("Open" if status in (None, "Revoked") else status))


def document_text(document: Mapping[str, Any]) -> str:
    """The document as it is stored: its members in their order."""
    return _ENCODER.encode(document).decode()


def members_of(document: str) -> dict[str, msgspec.Raw]:
    """The members of a stored document, each as its own text."""
    return _MEMBERS.decode(document)


def handling_after(before: Handling, change: ObjectText, *, now_ms: int, offset_min: int) -> Handling:
    """Status, owner and closing after a change. Raises InvalidRequest for a value that is none of the listed."""
    known, members = change.known, change.members
    given: dict[str, Any] = {key: getattr(known, key) for key in ("owner", "close_comment") if key in members}
    if "close_reason" in members:
        reason = known.close_reason
        given["close_reason"] = listed(reason, CLOSE_REASONS, f"{FIELD}.close_reason") if reason else None
    if "close_time" in members:
        instant = _instant(known.close_time, "close_time", offset_min)
        given["close_time"], given["close_offset"] = instant or (None, None)
    status = before.handle_status
    if "handle_status" in members:
        status = listed(known.handle_status or "Open", STATUSES, f"{FIELD}.handle_status")
    return with_status(before, status, given, now_ms=now_ms, offset_min=offset_min)


def copies_of(dataclass: DataClass, document: Mapping[str, msgspec.Raw]) -> Copies:
    """The values of a document that also stand in columns."""
    types: Any = _value(document, dataclass.type_field) or {}
    severity = _value(document, "severity") if dataclass.handled else None
    return Copies(
        title=_value(document, dataclass.title_field) or "",
        severity=severity_rank(severity) if severity else None,
        verification_state=_value(document, "verification_state") if dataclass.handled else None,
        category=types.get("category"),
        sub_category=types.get(dataclass.type_field),
        **{time.column: _ms(_value(document, key)) for key, time in _TIMES[dataclass.name].items()},
    )


def _value(document: Mapping[str, msgspec.Raw], key: str) -> Any:
    raw = document.get(key)
    return None if raw is None else msgspec.json.decode(raw)


def _ms(text: str | None) -> int | None:
    return parse_time(text, 0).ms if text else None


def _rewritten(dataclass: DataClass, text: ObjectText, offset_min: int) -> dict[str, msgspec.Raw]:
    """The members that belong in the document, in the form in which they are answered."""
    elsewhere = (*_SERVER_KEYS, *_HANDLING_KEYS) if dataclass.handled else _SERVER_KEYS
    document = {key: value for key, value in text.members.items() if key not in elsewhere}
    for key, time in _TIMES[dataclass.name].items():
        if key in document:
            instant = _instant(getattr(text.known, key), key, offset_min)
            document[key] = msgspec.Raw(_ENCODER.encode(time.form(*instant)) if instant else _NULL)
    rewrite = _with_work_members if dataclass.handled else _with_indicator_members
    return rewrite(document, text.known, offset_min)


def _with_indicator_members(document: dict[str, msgspec.Raw], known: Any, _offset_min: int) -> dict[str, msgspec.Raw]:
    for key, allowed in (("verdict", VERDICTS), ("status", INDICATOR_STATUSES)):
        if value := getattr(known, key):
            document[key] = msgspec.Raw(_ENCODER.encode(listed(value, allowed, f"{FIELD}.{key}")))
    if isinstance(known.granular_marking, str):
        document["granular_marking"] = _marking(known.granular_marking)
    # Clients set one of the two, and read either.
    if known.revoked and known.status is None:
        document["status"] = msgspec.Raw(b'"Revoked"')
    if known.status and known.revoked is None:
        document["revoked"] = msgspec.Raw(_ENCODER.encode(known.status.casefold() == "revoked"))
    return document


def _marking(text: str) -> msgspec.Raw:
    if text not in ("", "1", "2", "3", "4"):
        raise InvalidRequest("must be 1, 2, 3 or 4", field=f"{FIELD}.granular_marking")
    return msgspec.Raw(text.encode() or _NULL)


def _with_work_members(document: dict[str, msgspec.Raw], known: Any, offset_min: int) -> dict[str, msgspec.Raw]:
    if known.severity is not None:
        document["severity"] = msgspec.Raw(_ENCODER.encode(listed(known.severity, SEVERITIES, f"{FIELD}.severity")))
    if known.ipdrr_phase:
        listed(known.ipdrr_phase, PHASES, f"{FIELD}.ipdrr_phase")
    if known.network_list:
        document["network_list"] = _networks(document["network_list"], known.network_list)
    if known.process:
        document["process"] = _processes(document["process"], known.process, offset_min)
    return document


def _instant(text: str | None, key: str, offset_min: int) -> tuple[int, int] | None:
    if not text:
        return None
    try:
        instant = parse_time(text, offset_min)
    except ValueError as error:
        raise InvalidRequest(str(error), field=f"{FIELD}.{key}") from error
    return instant.ms, instant.offset_min


def _networks(raw: msgspec.Raw, networks: list[Network]) -> msgspec.Raw:
    """Ports as declared: src_port a number, dest_port text. Everything else stays as it came."""
    elements: list[dict[str, msgspec.Raw]] | None = None
    for index, network in enumerate(networks):
        place = f"{FIELD}.network_list[{index}]"
        if network.direction:
            direction = listed(network.direction, DIRECTIONS, f"{place}.direction")
        changes: dict[str, Any] = {}
        if network.direction and direction != network.direction:
            changes["direction"] = direction
        if isinstance(network.src_port, str):
            changes["src_port"] = _port(network.src_port, f"{place}.src_port")
        if isinstance(network.dest_port, int):
            changes["dest_port"] = str(network.dest_port)
        elif network.dest_port:
            _port(network.dest_port, f"{place}.dest_port")
        if changes:
            elements = _ELEMENTS.decode(raw) if elements is None else elements
            elements[index] |= {key: msgspec.Raw(_ENCODER.encode(value)) for key, value in changes.items()}
    return raw if elements is None else msgspec.Raw(_ENCODER.encode(elements))


def _port(text: str, field: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text[:6]) <= 65535):
        raise InvalidRequest("must be a port, 0 to 65535", field=field)
    return int(text)


def _processes(raw: msgspec.Raw, processes: list[Process], offset_min: int) -> msgspec.Raw:
    elements: list[dict[str, msgspec.Raw]] | None = None
    for index, process in enumerate(processes):
        for key in _PROCESS_TIMES:
            if text := getattr(process, key):
                instant = _instant(text, f"process[{index}].{key}", offset_min)
                elements = _ELEMENTS.decode(raw) if elements is None else elements
                if instant:
                    elements[index][key] = msgspec.Raw(_ENCODER.encode(iso_form(*instant)))
    return raw if elements is None else msgspec.Raw(_ENCODER.encode(elements))
