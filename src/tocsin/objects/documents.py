"""From a `data_object` as a client sends it to the document that is stored and answered.

Values are checked by type and published maximum, and otherwise kept letter for letter: keys in their order, numbers in
their spelling, unknown keys too. Rewritten are only times (to the form in which they are answered), enumerations (to
the listed spelling) and ports (to the declared type).

Source: API reference, models Alert and Incident; field lengths, and which of them not to enforce, from its README.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from tocsin.errors import InvalidRequest
from tocsin.objects.records import (
    CLOSE_REASONS,
    DIRECTIONS,
    MAX_ID_LENGTH,
    MAX_OBJECT_BYTES,
    PHASES,
    SEVERITIES,
    STATUSES,
    DataClass,
    Handling,
    listed,
    severity_rank,
    with_status,
)
from tocsin.times import iso_form, parse_time, z_form

MAX_DEPTH = 64
MAX_NUMBER_LENGTH = 400  # longer than any number that a double can hold
FIELD = "data_object"

T16 = Annotated[str, msgspec.Meta(max_length=16)] | None
T24 = Annotated[str, msgspec.Meta(max_length=24)] | None
T30 = Annotated[str, msgspec.Meta(max_length=30)] | None
T36 = Annotated[str, msgspec.Meta(max_length=36)] | None
T64 = Annotated[str, msgspec.Meta(max_length=64)] | None
T128 = Annotated[str, msgspec.Meta(max_length=128)] | None
T255 = Annotated[str, msgspec.Meta(max_length=255)] | None
T512 = Annotated[str, msgspec.Meta(max_length=512)] | None
T1024 = Annotated[str, msgspec.Meta(max_length=1024)] | None
T2048 = Annotated[str, msgspec.Meta(max_length=2048)] | None
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)] | None
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None
# A port or process number arrives as a number or, from some clients, as text; `_ports` writes the declared type.
Port = Annotated[int, msgspec.Meta(ge=0, le=65535)] | Annotated[str, msgspec.Meta(max_length=64)] | None
Pid = Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)] | None
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)] | None


class Environment(msgspec.Struct, frozen=True):
    """Where an object arose."""

    vendor_type: T64 = None
    domain_id: T64 = None
    region_id: T64 = None
    project_id: T64 = None
    cross_workspace_id: T64 = None


class DataSource(msgspec.Struct, frozen=True):
    """What reported an object first."""

    # 1 cloud product, 2 third-party product, 3 the tenant's own.
    source_type: Annotated[int, msgspec.Meta(ge=1, le=3)] | None = None
    domain_id: T36 = None
    project_id: T64 = None
    region_id: T64 = None
    company_name: T16 = None
    product_name: T24 = None
    product_feature: T24 = None
    product_module: T1024 = None


class AlertType(msgspec.Struct, frozen=True):
    category: T1024 = None
    alert_type: T1024 = None


class IncidentType(msgspec.Struct, frozen=True):
    category: T1024 = None
    incident_type: T1024 = None


class Geo(msgspec.Struct, frozen=True):
    latitude: Latitude = None
    longitude: Longitude = None
    city_code: T64 = None
    country_code: T64 = None


class Network(msgspec.Struct, frozen=True):
    direction: T64 = None
    protocol: T64 = None
    src_ip: T64 = None
    src_port: Port = None
    src_domain: T128 = None
    src_geo: Geo | None = None
    dest_ip: T64 = None
    dest_port: Port = None
    dest_domain: T128 = None
    dest_geo: Geo | None = None


class Resource(msgspec.Struct, frozen=True):
    id: T36 = None
    name: T255 = None
    type: T64 = None
    provider: T64 = None
    region_id: T36 = None
    domain_id: T36 = None
    project_id: T36 = None
    ep_id: T128 = None
    ep_name: T128 = None
    # An object in alerts, text `key:value` in incidents; both are accepted everywhere.
    tags: dict[str, Any] | Annotated[str, msgspec.Meta(max_length=2048)] | None = None


class Remediation(msgspec.Struct, frozen=True):
    recommendation: T128 = None
    url: T2048 = None


class Malware(msgspec.Struct, frozen=True):
    malware_family: T64 = None
    malware_class: T64 = None


class Process(msgspec.Struct, frozen=True):
    process_name: T64 = None
    process_path: T512 = None
    process_pid: Pid = None
    process_uid: Pid = None
    process_cmdline: T128 = None
    process_parent_name: T64 = None
    process_parent_path: T512 = None
    process_parent_pid: Pid = None
    process_parent_uid: Pid = None
    process_parent_cmdline: T128 = None
    process_child_name: T64 = None
    process_child_path: T512 = None
    process_child_pid: Pid = None
    process_child_uid: Pid = None
    process_child_cmdline: T128 = None
    # Spelled so by the vendor.
    process_launche_time: T64 = None
    process_terminate_time: T64 = None


class Account(msgspec.Struct, frozen=True):
    """An element of `user_info`."""

    user_id: T36 = None
    user_name: T64 = None


class File(msgspec.Struct, frozen=True):
    file_path: T128 = None
    file_content: T1024 = None
    file_new_path: T64 = None
    file_hash: T128 = None
    file_md5: T128 = None
    file_sha256: T128 = None
    file_attr: T1024 = None


_Networks = Annotated[list[Network], msgspec.Meta(max_length=999)] | None
_Resources = Annotated[list[Resource], msgspec.Meta(max_length=999)] | None
_Processes = Annotated[list[Process], msgspec.Meta(max_length=999)] | None
_Accounts = Annotated[list[Account], msgspec.Meta(max_length=999)] | None
_Files = Annotated[list[File], msgspec.Meta(max_length=999)] | None


class DataObject(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that alerts and incidents share; every one is optional, and other keys are kept as they come."""

    version: T64 = None
    id: Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)] | None = None
    domain_id: T36 = None
    region_id: T36 = None
    labels: T1024 = None
    environment: Environment | None = None
    data_source: DataSource | None = None
    first_observed_time: T64 = None
    last_observed_time: T64 = None
    arrive_time: T64 = None
    title: T255 = None
    description: T1024 = None
    source_url: T1024 = None
    count: Count = None
    confidence: Percent = None
    severity: T64 = None
    criticality: Percent = None
    network_list: _Networks = None
    resource_list: _Resources = None
    remediation: Remediation | None = None
    verification_state: T64 = None
    handle_status: T64 = None
    sla: T64 = None
    close_time: T64 = None
    ipdrr_phase: T64 = None
    # Text or a JSON boolean; comes back in the type it came in.
    simulation: bool | Annotated[str, msgspec.Meta(max_length=64)] | None = None
    actor: T64 = None
    owner: T64 = None
    creator: T64 = None
    close_reason: T64 = None
    close_comment: T1024 = None
    malware: Malware | None = None
    system_info: dict[str, Any] | None = None
    process: _Processes = None
    user_info: _Accounts = None
    file_info: _Files = None
    system_alert_table: dict[str, Any] | None = None
    origin_id: T128 = None
    ttd: Count = None
    ttr: Count = None


class Alert(DataObject, frozen=True, kw_only=True):
    """An alert as a client sends it."""

    alert_type: AlertType | None = None


class Incident(DataObject, frozen=True, kw_only=True):
    """An incident as a client sends it."""

    incident_type: IncidentType | None = None


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "alerts": msgspec.json.Decoder(Alert),
    "incidents": msgspec.json.Decoder(Incident),
}
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ELEMENTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_ENCODER = msgspec.json.Encoder()
_NULL = b"null"

# Kept in columns and laid over the document when it is served.
_HANDLING_KEYS = ("handle_status", "owner", "close_time", "close_reason", "close_comment")
# Set by the server whatever a client sends.
_SERVER_KEYS = (
    "id", "create_time", "update_time", "workspace_id", "project_id", "dataclass_id", "is_auto_closed",
    "alert_list", "incident_list", "indicator_list",
)  # fmt: skip
_TIME_FORMS = {
    "first_observed_time": iso_form,
    "last_observed_time": iso_form,
    "arrive_time": iso_form,
    "sla": z_form,
}
_PROCESS_TIMES = ("process_launche_time", "process_terminate_time")


class Copies(msgspec.Struct, frozen=True, kw_only=True):
    """Values of a document that also stand in columns, for searching. Times are UTC ms, severity is a rank."""

    title: str
    severity: int | None
    verification_state: str | None
    category: str | None
    sub_category: str | None
    first_observed_time: int | None
    last_observed_time: int | None
    arrive_time: int | None
    sla: int | None


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


def read_object(dataclass: DataClass, raw: bytes, *, field: str = FIELD) -> ObjectText:
    """Check the text of one `data_object`. Raises InvalidRequest naming the member that is wrong."""
    if len(raw) > MAX_OBJECT_BYTES:
        raise InvalidRequest(f"an object may have at most {MAX_OBJECT_BYTES} bytes", field=field)
    refuse_hostile(raw, field)
    try:
        known = _DECODERS[dataclass.name].decode(raw)
        members = _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise invalid(error, field) from error
    for key in members:
        if "\0" in key:
            raise InvalidRequest("a key must not contain NUL", field=field)
    return ObjectText(members, known)


def invalid(error: Exception, field: str | None = None) -> InvalidRequest:
    """Decoder errors in our words: the member first, then what was expected there."""
    if isinstance(error, RecursionError):
        return InvalidRequest(f"is nested deeper than {MAX_DEPTH} levels", field=field)
    if isinstance(error, UnicodeDecodeError):
        return InvalidRequest("is not UTF-8 text", field=field or "the body")
    text, _, place = str(error).partition(" - at `")
    path = place.rstrip("`").removeprefix("$").replace("[...]", "").lstrip(".")
    name = ".".join(part for part in (field, path) if part) or None
    text = text.replace("`", "")
    if not text[:2].isupper():
        text = text[:1].lower() + text[1:]
    return InvalidRequest(
        text[:1].lower() + text[1:] if name else f"the body: {text[:1].lower()}{text[1:]}", field=name
    )


_SUSPECT_TEXT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
# A number stands after one of three characters; ids full of digits stand in quotes.
_SUSPECT_NUMBER = re.compile(rb"[:,\[][ \t\r\n]*+-?(?:[0-9.]{300}|[0-9][0-9.]*+[eE][+\-]?[0-9]{3,})")
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]|-?[0-9][0-9.eE+\-]*', re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def refuse_hostile(raw: bytes, field: str | None) -> None:
    """Refuse what JSON allows and no database or client survives: deep nesting, absurd numbers, NUL, half characters.

    The checks that cost something run only when a quick look finds a reason. Raises InvalidRequest.
    """
    if not raw.isascii():
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            raise invalid(error, field) from error
    deep = raw.count(b"[") + raw.count(b"{") > MAX_DEPTH
    if not (deep or _SUSPECT_TEXT.search(raw) or _SUSPECT_NUMBER.search(raw)):
        return
    depth = 0
    key = field
    for match in _TOKEN.finditer(raw):
        token = match.group()
        first = token[:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidRequest(f"is nested deeper than {MAX_DEPTH} levels", field=field)
        elif first in b"]}":
            depth -= 1
        elif first == b'"':
            if raw[match.end() : match.end() + 8].lstrip(b" \t\r\n")[:1] == b":":
                key = ".".join(part for part in (field, token[1:-1].decode("utf-8", "replace")[:64]) if part)
            _refuse_text(token, key)
        else:
            _refuse_number(token, key)


def _refuse_text(token: bytes, field: str | None) -> None:
    if not _SUSPECT_TEXT.search(token):
        return
    text = _unescaped(token)
    if "\0" in text:
        raise InvalidRequest("must not contain NUL (\\u0000)", field=field)
    if _SURROGATE.search(text):
        raise InvalidRequest("contains half of a surrogate pair, which is no character", field=field)


def _unescaped(token: bytes) -> str:
    r"""The text of a JSON string, lone surrogates included, which msgspec would refuse without naming the reason."""
    pairs = re.sub(
        r"\\(?:u([0-9a-fA-F]{4})|.)",
        lambda match: chr(int(match[1], 16)) if match[1] else " ",
        token[1:-1].decode("utf-8", "replace"),
        flags=re.DOTALL,
    )
    return pairs.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _refuse_number(token: bytes, field: str | None) -> None:
    if len(token) > MAX_NUMBER_LENGTH or (len(token) > 3 and _overflows(token)):
        raise InvalidRequest("is a number that no client can read", field=field)


def _overflows(token: bytes) -> bool:
    try:
        return math.isinf(float(token))
    except ValueError:
        return False  # no number at all: the decoder says so


def prepare_new(dataclass: DataClass, raw: bytes, *, creator: str, now_ms: int, offset_min: int) -> Prepared:
    """A new object: checked, with the defaults that a client may leave out. Raises InvalidRequest."""
    text = read_object(dataclass, raw)
    if not text.known.title:
        raise InvalidRequest("a title of 1 to 255 characters is needed", field=f"{FIELD}.title")
    document = _rewritten(text, offset_min)
    document = {key: value for key, value in document.items() if bytes(value) != _NULL}
    for key, default in (
        ("severity", b'"Tips"'),
        ("verification_state", b'"Unknown"'),
        ("count", b"1"),
        ("creator", _ENCODER.encode(creator)),
        ("arrive_time", _ENCODER.encode(iso_form(now_ms, offset_min))),
    ):
        document.setdefault(key, msgspec.Raw(default))
    handling = handling_after(Handling(), text, now_ms=now_ms, offset_min=offset_min)
    return Prepared(
        id=text.known.id or None, document=document, handling=handling, copies=copies_of(dataclass, document)
    )


def prepare_change(
    dataclass: DataClass, stored: str, handling: Handling, change: ObjectText, *, now_ms: int, offset_min: int
) -> Prepared:
    """A stored object after a partial update: a member that is absent stays, null clears it. Raises InvalidRequest."""
    if "title" in change.members and not change.known.title:
        raise InvalidRequest("must stay text of 1 to 255 characters", field=f"{FIELD}.title")
    document = _MEMBERS.decode(stored) | _rewritten(change, offset_min)
    document = {key: value for key, value in document.items() if bytes(value) != _NULL}
    size = sum(len(key) + len(bytes(value)) + 4 for key, value in document.items())
    if size > max(MAX_OBJECT_BYTES, len(stored.encode())):
        raise InvalidRequest(f"the changed object would have over {MAX_OBJECT_BYTES} bytes", field=FIELD)
    return Prepared(
        id=None,
        document=document,
        handling=handling_after(handling, change, now_ms=now_ms, offset_min=offset_min),
        copies=copies_of(dataclass, document),
    )


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
    type_field = dataclass.type_field
    types: Any = _value(document, type_field) if type_field else None
    severity = _value(document, "severity")
    return Copies(
        title=_value(document, "title") or "",
        severity=severity_rank(severity) if severity else None,
        verification_state=_value(document, "verification_state"),
        category=types.get("category") if types else None,
        sub_category=types.get(type_field) if types else None,
        **{key: _ms(_value(document, key)) for key in _TIME_FORMS},
    )


def _value(document: Mapping[str, msgspec.Raw], key: str) -> Any:
    raw = document.get(key)
    return None if raw is None else msgspec.json.decode(raw)


def _ms(text: str | None) -> int | None:
    return parse_time(text, 0).ms if text else None


def _rewritten(text: ObjectText, offset_min: int) -> dict[str, msgspec.Raw]:
    """The members that belong in the document, in the form in which they are answered."""
    document = {
        key: value for key, value in text.members.items() if key not in _SERVER_KEYS and key not in _HANDLING_KEYS
    }
    known = text.known
    for key, form in _TIME_FORMS.items():
        if key in document:
            instant = _instant(getattr(known, key), key, offset_min)
            document[key] = msgspec.Raw(_ENCODER.encode(form(*instant)) if instant else _NULL)
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
