"""Suricata: one line of an EVE log becomes one alert.

Source: Suricata user guide, "EVE JSON Format" and "Alert"; the class names are those of its classification.config.
A line is hostile input: every text that reaches the alert goes through `_safe`, and a field of the wrong type counts as
absent. What the mapping had to change or could not know is said in the labels (`sanitized`, `truncated`,
`severity:unmapped`, `time:missing`).
"""

import datetime as dt
import ipaddress
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from tocsin.ids import derived_id
from tocsin.ingest.records import MAX_LINE_BYTES, MappedAlert, UnreadableLine

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

MAPPER_VERSION = "suricata-1"  # goes up when the same line would give another alert

_TITLE_CHARS = 255
_DESCRIPTION_CHARS = 1024
_LABELS_CHARS = 1024
_LABEL_VALUE_CHARS = 128
_LIST_ITEMS = 999
_CUT_MARK = "…"

_UNSAFE = re.compile("[\\x00\\ud800-\\udfff]")  # what databases and UTF-8 refuse
_ATTACK_ID = re.compile(r"TA\d{4}|T\d{4}(?:\.\d{3})?", re.ASCII)
_WEB_ADDRESS = re.compile(r"https?://[^\s\x00-\x1f]+", re.IGNORECASE)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(?:Z(?=[+-]))?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)

_SEVERITY_BY_RULE = {"critical": "Fatal", "major": "High", "minor": "Medium", "informational": "Tips"}
_SEVERITY_BY_CLASS = {1: "High", 2: "Medium", 3: "Low"}  # 1 includes mere policy violations, so it is not Fatal
_CONFIDENCE = {"low": 30, "medium": 60, "high": 90}

_CATEGORY_BY_TACTIC = {
    "reconnaissance": "Reconnaissance",
    "resource development": "Reconnaissance",
    "initial access": "Vulnerability Exploit",
    "execution": "Malware",
    "persistence": "Abnormal System Behavior",
    "privilege escalation": "Vulnerability Exploit",
    "defense evasion": "Abnormal System Behavior",
    "credential access": "Abnormal User Behavior",
    "discovery": "Reconnaissance",
    "lateral movement": "Abnormal Network Behavior",
    "collection": "Data Leakage",
    "command and control": "Command and Control",
    "exfiltration": "Data Leakage",
    "impact": "Abnormal System Behavior",
}
# Techniques with a closer category than their tactic has: password guessing, floods of network and host, phishing.
_CATEGORY_BY_TECHNIQUE = {
    "T1110": "Brute-force Cracking",
    "T1498": "DDoS attack",
    "T1499": "DDoS attack",
    "T1566": "Abnormal User Behavior",
}

_CATEGORY_BY_CLASS = {
    "not suspicious traffic": "Other",
    "unknown traffic": "Other",
    "misc activity": "Other",
    "potentially bad traffic": "Abnormal Network Behavior",
    "misc attack": "Abnormal Network Behavior",
    "decode of an rpc query": "Abnormal Network Behavior",
    "a suspicious string was detected": "Abnormal Network Behavior",
    "a suspicious filename was detected": "Abnormal Network Behavior",
    "a tcp connection was detected": "Abnormal Network Behavior",
    "a client was using an unusual port": "Abnormal Network Behavior",
    "detection of a non-standard protocol or event": "Abnormal Network Behavior",
    "generic protocol command decode": "Abnormal Network Behavior",
    "generic icmp event": "Abnormal Network Behavior",
    "device retrieving external ip address detected": "Abnormal Network Behavior",
    "a system call was detected": "Abnormal System Behavior",
    "an attempted login using a suspicious username was detected": "Abnormal User Behavior",
    "successful credential theft detected": "Abnormal User Behavior",
    "possible social engineering attempted": "Abnormal User Behavior",
    "attempt to login by a default username and password": "Brute-force Cracking",
    "attempted information leak": "Reconnaissance",
    "detection of a network scan": "Reconnaissance",
    "information leak": "Data Leakage",
    "large scale information leak": "Data Leakage",
    "sensitive data was transmitted across the network": "Data Leakage",
    "attempted denial of service": "DDoS attack",
    "denial of service": "DDoS attack",
    "detection of a denial of service attack": "DDoS attack",
    "attempted user privilege gain": "Vulnerability Exploit",
    "unsuccessful user privilege gain": "Vulnerability Exploit",
    "successful user privilege gain": "Vulnerability Exploit",
    "attempted administrator privilege gain": "Vulnerability Exploit",
    "successful administrator privilege gain": "Vulnerability Exploit",
    "executable code was detected": "Vulnerability Exploit",
    "access to a potentially vulnerable web application": "Vulnerability Exploit",
    "web application attack": "Vulnerability Exploit",
    "exploit kit activity detected": "Vulnerability Exploit",
    "known client side exploit attempt": "Vulnerability Exploit",
    "known malicious file or file based exploit": "Malware",
    "a network trojan was detected": "Malware",
    "targeted malicious activity was detected": "Malware",
    "possibly unwanted program detected": "Malware",
    "crypto currency mining activity detected": "Malware",
    "domain observed used for c2 detected": "Command and Control",
    "malware command and control activity detected": "Command and Control",
    "known malware command and control traffic": "Command and Control",
    "inappropriate content was detected": "Policy Violation",
    "potential corporate privacy violation": "Policy Violation",
}
# One scan touches many hosts and ports: its repeats belong together whatever they touched.
_SCAN_CLASSES = frozenset({"attempted information leak", "detection of a network scan"})


def map_line(line: bytes, *, zone: dt.tzinfo, home_nets: Sequence[IpNetwork]) -> MappedAlert | None:
    """The alert of one EVE line, or None for a blank line and for a record of another event_type.

    `zone` is used for a timestamp that names no offset. An alert without a readable timestamp has no observed times and
    the label `time:missing`: the caller knows when it arrived. Raises UnreadableLine.
    """
    text = line.strip()
    if not text:
        return None
    event = _read_event(text)
    if event["event_type"] != "alert":
        return None
    return MappedAlert(event_id=derived_id(b"suricata", text), data_object=_alert_object(event, zone, home_nets))


# Reading the line


def _read_event(text: bytes) -> dict[str, Any]:
    if len(text) > MAX_LINE_BYTES:
        raise UnreadableLine(f"a line of {len(text)} bytes: at most {MAX_LINE_BYTES} are read")
    outer = _decode(text)
    if not isinstance(outer, dict):
        raise UnreadableLine("not an EVE record: a line is one JSON object")
    event = _unwrap(outer)
    if not isinstance(event.get("event_type"), str):
        raise UnreadableLine('no event_type: an EVE record names its kind, such as "event_type": "alert"')
    return event


def _decode(text: bytes) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode_leniently(text)
    except RecursionError as error:
        raise UnreadableLine("nested too deeply: an EVE record has a few levels") from error


def _decode_leniently(text: bytes) -> Any:
    """Take lone surrogates and broken UTF-8, which msgspec refuses; `_safe` replaces both where they are used."""
    try:
        return json.loads(text.decode("utf-8", "surrogateescape"))
    except ValueError as error:
        raise UnreadableLine(f"not JSON: {error}; a line is one whole EVE record") from error
    except RecursionError as error:
        raise UnreadableLine("nested too deeply: an EVE record has a few levels") from error


def _unwrap(outer: dict[str, Any]) -> dict[str, Any]:
    """The EVE record inside a shipper's record: under `suricata.eve`, or as text in `message` (Filebeat)."""
    if "event_type" in outer:
        return outer
    inner: Any = _object(_object(outer, "suricata"), "eve") or outer.get("message")
    if isinstance(inner, str):
        inner = _decode(inner.encode("utf-8", "surrogatepass"))
    if not isinstance(inner, dict):
        return outer
    # The record's own `host` is a text; the shipper's is an object that names the machine it runs on.
    return {"host": _object(outer, "host").get("name"), **inner}


# The alert


def _alert_object(event: dict[str, Any], zone: dt.tzinfo, home: Sequence[IpNetwork]) -> dict[str, Any]:
    alert = _object(event, "alert")
    notes: set[str] = set()
    signature = _safe(alert.get("signature"), notes).strip()
    if not signature:
        raise UnreadableLine("an alert without alert.signature: the text of the rule that fired is its title")
    reference = _reference(alert)
    fields = {
        "title": _cut(signature.splitlines()[0].strip(), _TITLE_CHARS, notes),
        "description": _description(event, signature, notes),
        "severity": _severity(alert, notes),
        "confidence": _CONFIDENCE.get(_first_metadata(alert, "confidence").lower()),
        "alert_type": _alert_type(alert, notes),
        "count": 1,
        "labels": "",  # filled in last, when all notes are known
        "environment": {"vendor_type": "On-premises"},
        "data_source": _data_source(event, notes),
        **_observed_times(event, zone, notes),
        "source_url": _whole(reference, 1024, notes),
        "network_list": _network_list(event, home, notes),
        "resource_list": _resource_list(event, home),
        "file_info": _file_info(event, notes),
        "malware": _malware(alert, notes),
        "remediation": _present({"url": _whole(reference, 2048, notes)}),
        "verification_state": "Unknown",
        "handle_status": "Open",
        "ipdrr_phase": "Detection and Analysis",
        "system_info": _system_info(event, signature, notes),
    }
    fields["labels"] = _labels(event, notes)
    return _present(fields)


def _description(event: dict[str, Any], signature: str, notes: set[str]) -> str:
    alert = _object(event, "alert")
    named = {
        "Category": _safe(alert.get("category"), notes),
        "Action": _safe(alert.get("action"), notes),
        **_what_was_asked_for(event, notes),
    }
    lines = [signature, *(f"{name}: {value}" for name, value in named.items() if value)]
    return _cut("\n".join(lines), _DESCRIPTION_CHARS, notes)


def _what_was_asked_for(event: dict[str, Any], notes: set[str]) -> dict[str, str]:
    http = _object(event, "http")
    host, url = _safe(http.get("hostname"), notes), _safe(http.get("url"), notes)
    if host or url:
        return {"HTTP": url if url.startswith(("http://", "https://")) else host + url}  # proxies get whole URLs
    sni = _safe(_object(event, "tls").get("sni"), notes)
    return {"TLS": sni} if sni else {"DNS": _safe(_dns_name(event), notes)}


def _severity(alert: dict[str, Any], notes: set[str]) -> str:
    """The rule author's word for this rule if there is one, else the priority of its class."""
    by_rule = _first_metadata(alert, "signature_severity")
    number = _integer(alert.get("severity"))
    if by_rule:
        found = _SEVERITY_BY_RULE.get(by_rule.lower())
    elif number:
        found = _SEVERITY_BY_CLASS.get(number, "Tips")
    else:
        found = None
    if found is None:
        notes.add("severity:unmapped")
    return found or "Medium"


def _alert_type(alert: dict[str, Any], notes: set[str]) -> dict[str, str]:
    native = _cut(_safe(alert.get("category"), notes).strip(), 1024, notes)
    category = _category_by_attack(alert) or _CATEGORY_BY_CLASS.get(_plain(native), "Other")
    return {"category": category, "alert_type": native or "Other"}


def _category_by_attack(alert: dict[str, Any]) -> str | None:
    techniques = (name.partition(".")[0] for name in _metadata(alert, "mitre_technique_id"))
    tactics = (_plain(name) for name in _metadata(alert, "mitre_tactic_name"))
    by_technique = (_CATEGORY_BY_TECHNIQUE.get(technique) for technique in techniques)
    by_tactic = (_CATEGORY_BY_TACTIC.get(tactic) for tactic in tactics)
    return next((category for category in itertools.chain(by_technique, by_tactic) if category), None)


def _data_source(event: dict[str, Any], notes: set[str]) -> dict[str, Any]:
    sensor = _cut(_safe(event.get("host"), notes) or _safe(event.get("sensor_name"), notes), 1024, notes)
    return _present(
        {
            "source_type": 2,
            "company_name": "OISF",
            "product_name": "Suricata",
            "product_feature": "IDS",
            "product_module": sensor,
        }
    )


def _malware(alert: dict[str, Any], notes: set[str]) -> dict[str, str]:
    family = _safe(_first_metadata(alert, "malware_family"), notes)
    return _present({"malware_family": _cut(family, 64, notes)})


def _file_info(event: dict[str, Any], notes: set[str]) -> list[dict[str, Any]]:
    files = [event.get("fileinfo"), *_as_list(event.get("files"))]
    if len(files) > _LIST_ITEMS:
        notes.add("truncated")
    infos = (_one_file(file, notes) for file in files[:_LIST_ITEMS] if isinstance(file, dict))
    return [info for info in infos if info]


def _one_file(file: dict[str, Any], notes: set[str]) -> dict[str, Any]:
    return _present(
        {
            "file_path": _cut(_safe(file.get("filename"), notes), 128, notes),
            "file_hash": _whole(_safe(file.get("sha1"), notes), 128, notes),
            "file_md5": _whole(_safe(file.get("md5"), notes), 128, notes),
            "file_sha256": _whole(_safe(file.get("sha256"), notes), 128, notes),
        }
    )


def _reference(alert: dict[str, Any]) -> str:
    """The first reference that a browser may follow."""
    texts = (text.strip() for text in _as_list(alert.get("references")) if isinstance(text, str))
    return next((text for text in texts if _WEB_ADDRESS.fullmatch(text) and not _UNSAFE.search(text)), "")


def _system_info(event: dict[str, Any], signature: str, notes: set[str]) -> dict[str, Any]:
    alert = _object(event, "alert")
    flow_id = _integer(event.get("flow_id"))
    return _present(
        {
            "flow_id": "" if flow_id is None else str(flow_id),  # text: 64 bits are too many for some JSON readers
            "gid": _integer(alert.get("gid")),
            "signature_id": _integer(alert.get("signature_id")),
            "rev": _integer(alert.get("rev")),
            "group_key": _group_key(event, signature, notes),
            "mapper_version": MAPPER_VERSION,
        }
    )


def _group_key(event: dict[str, Any], signature: str, notes: set[str]) -> str:
    """The same for repeats of one finding, so that they can be folded; source port and flow differ each time."""
    alert = _object(event, "alert")
    rule = _integer(alert.get("signature_id"))
    parts = [_integer(alert.get("gid")), signature if rule is None else rule, _address(event.get("src_ip"))]
    if _plain(_safe(alert.get("category"), notes)) not in _SCAN_CLASSES:
        parts += [_address(event.get("dest_ip")), _port(event, "dest_port")]
    return derived_id(b"suricata-group", *(b"" if part is None else str(part).encode() for part in parts))


def _labels(event: dict[str, Any], notes: set[str]) -> str:
    alert = _object(event, "alert")
    pairs = {
        "sid": _integer(alert.get("signature_id")),
        "gid": _integer(alert.get("gid")),
        "rev": _integer(alert.get("rev")),
        "action": alert.get("action"),
        "app_proto": event.get("app_proto"),
        "community_id": event.get("community_id"),
        "in_iface": event.get("in_iface"),
        "icmp_type": _integer(event.get("icmp_type")),
        "flow_start": _object(event, "flow").get("start"),
    }
    labels = [*_attack_ids(alert), *(_label(key, value, notes) for key, value in pairs.items())]
    return _join_labels([label for label in labels if label], notes)


def _attack_ids(alert: dict[str, Any]) -> list[str]:
    found = _metadata(alert, "mitre_tactic_id") + _metadata(alert, "mitre_technique_id")
    return list(dict.fromkeys(word for word in found if _ATTACK_ID.fullmatch(word)))


def _label(key: str, value: object, notes: set[str]) -> str:
    number = _integer(value)
    text = _safe(value, notes) if number is None else str(number)
    text = _cut(" ".join(text.replace(",", "").split()), _LABEL_VALUE_CHARS, notes)
    return f"{key}:{text}" if text else ""


def _join_labels(labels: list[str], notes: set[str]) -> str:
    """Whole labels while they fit; the notes always do."""
    room = _LABELS_CHARS - len(",".join({*notes, "truncated"}))
    ends = itertools.accumulate(len(label) + 1 for label in labels)  # each with its comma
    fitting = [label for label, end in zip(labels, ends, strict=True) if end <= room]
    if len(fitting) < len(labels):
        notes.add("truncated")
    return ",".join([*fitting, *sorted(notes)])


# Times


def _observed_times(event: dict[str, Any], zone: dt.tzinfo, notes: set[str]) -> dict[str, str]:
    try:
        moment = _moment(event.get("timestamp"), zone)
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None:
        notes.add("time:missing")
        return {}
    written = moment.isoformat(timespec="milliseconds")
    return {"first_observed_time": written, "last_observed_time": written}


def _moment(value: object, zone: dt.tzinfo) -> dt.datetime | None:
    if isinstance(value, str):
        match = _TIME.fullmatch(value.strip())
        return _clock_time(match, zone) if match else _epoch_time(float(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _epoch_time(value)
    return None


def _clock_time(match: re.Match[str], zone: dt.tzinfo) -> dt.datetime:
    date, clock, fraction, offset = match.groups(default="")
    moment = dt.datetime.fromisoformat(f"{date}T{clock}.{fraction[:3]:0<3}{offset}")
    return moment if offset else _in_whole_minutes(moment.replace(tzinfo=zone))


def _in_whole_minutes(moment: dt.datetime) -> dt.datetime:
    """The same instant with an offset that `+hh:mm` can say: before 1900 a zone's offset has seconds."""
    minutes, rest = divmod(moment.utcoffset() or dt.timedelta(), dt.timedelta(minutes=1))
    return moment.astimezone(dt.timezone(dt.timedelta(minutes=minutes))) if rest else moment


def _epoch_time(value: float) -> dt.datetime:
    """Seconds, milli-, micro- or nanoseconds since 1970, told apart by their size."""
    for units_per_second in (1, 10**3, 10**6, 10**9):
        if abs(value) < 10**11 * units_per_second:
            return dt.datetime.fromtimestamp(value / units_per_second, dt.UTC)
    raise ValueError("no time is that far away")


# Addresses


def _network_list(event: dict[str, Any], home: Sequence[IpNetwork], notes: set[str]) -> list[dict[str, Any]]:
    dest_port = _port(event, "dest_port")
    network = _present(
        {
            "direction": _direction(event, home),
            "protocol": _cut(_safe(event.get("proto"), notes), 64, notes),
            "src_ip": _address(event.get("src_ip")),
            "src_port": _port(event, "src_port"),
            "dest_ip": _address(event.get("dest_ip")),
            "dest_port": "" if dest_port is None else str(dest_port),  # text in the model, unlike src_port
            "dest_domain": _whole(_dest_domain(event, notes), 128, notes),
        }
    )
    return [network] if network else []


def _dest_domain(event: dict[str, Any], notes: set[str]) -> str:
    names = (_object(event, "http").get("hostname"), _object(event, "tls").get("sni"), _dns_name(event))
    return next((name for name in (_safe(name, notes) for name in names) if name), "")


def _dns_name(event: dict[str, Any]) -> str:
    """The name asked for: `rrname` itself (version 1), in `query` (version 2) or in `queries` (version 3)."""
    dns = _object(event, "dns")
    records = [dns, *_as_list(dns.get("query")), *_as_list(dns.get("queries")), *_as_list(dns.get("answer"))]
    names = (record.get("rrname") for record in records if isinstance(record, dict))
    return next((name for name in names if isinstance(name, str) and name), "")


def _direction(event: dict[str, Any], home: Sequence[IpNetwork]) -> str:
    """Where the connection was opened to; neither for traffic that stays inside or outside."""
    client, server = _client_and_server(event)
    inside = (_is_home(client, home), _is_home(server, home))
    if not client or not server:
        return ""
    return {(True, False): "OUT", (False, True): "IN"}.get(inside, "")


def _client_and_server(event: dict[str, Any]) -> tuple[str, str]:
    """The alert's own addresses are those of one packet, which may be the answer."""
    flow = _object(event, "flow")
    client, server = _address(flow.get("src_ip")), _address(flow.get("dest_ip"))
    if client and server:
        return client, server
    source, destination = _address(event.get("src_ip")), _address(event.get("dest_ip"))
    is_answer = (destination == client) if client else event.get("direction") == "to_client"
    return (destination, source) if is_answer else (source, destination)


def _resource_list(event: dict[str, Any], home: Sequence[IpNetwork]) -> list[dict[str, str]]:
    """What the rule names as its target, then our own addresses."""
    target = _address(_object(_object(event, "alert"), "target").get("ip"))
    ours = (_address(event.get(key)) for key in ("src_ip", "dest_ip"))
    addresses = dict.fromkeys([target, *(address for address in ours if _is_home(address, home))])
    return [{"name": address, "type": "ip"} for address in addresses if address]


def _address(value: object) -> str:
    """The address as it was written, or nothing if it is none."""
    if not isinstance(value, str) or len(value) > 64 or _UNSAFE.search(value):
        return ""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return ""
    return value


def _is_home(address: str, home: Sequence[IpNetwork]) -> bool:
    if not address:
        return False
    parsed = ipaddress.ip_address(address)
    return any((getattr(parsed, "ipv4_mapped", None) or parsed) in network for network in home)


def _port(event: dict[str, Any], key: str) -> int | None:
    number = _integer(event.get(key))
    has_ports = "icmp_type" not in event
    return number if has_ports and number is not None and number <= 65535 else None


# Values of unknown type


def _object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _metadata(alert: dict[str, Any], key: str) -> list[str]:
    values = _as_list(_object(alert, "metadata").get(key))
    return [value.strip() for value in values if isinstance(value, str) and value.strip()]


def _first_metadata(alert: dict[str, Any], key: str) -> str:
    return next(iter(_metadata(alert, key)), "")


def _integer(value: object) -> int | None:
    """An unsigned integer of at most 64 bits."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 64 else None


def _plain(text: str) -> str:
    """For look-ups: rule metadata has underscores for spaces."""
    return " ".join(text.replace("_", " ").lower().split())


def _safe(value: object, notes: set[str]) -> str:
    """The text without what a database refuses; empty when it is no text."""
    if not isinstance(value, str):
        return ""
    safe, replaced = _UNSAFE.subn("\N{REPLACEMENT CHARACTER}", value)
    if replaced:
        notes.add("sanitized")
    return safe


def _cut(text: str, limit: int, notes: set[str]) -> str:
    """At most `limit` characters, with a mark where it was cut."""
    if len(text) <= limit:
        return text
    notes.add("truncated")
    return text[: limit - len(_CUT_MARK)] + _CUT_MARK


def _whole(text: str, limit: int, notes: set[str]) -> str:
    """The text or nothing: half an address or half a hash would be a wrong one."""
    if len(text) <= limit:
        return text
    notes.add("truncated")
    return ""


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value not in ("", None, [], {})}
