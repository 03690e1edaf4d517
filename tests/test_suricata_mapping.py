"""A Suricata EVE line becomes one alert: every rule of the mapping, hostile input, and recorded logs."""

import datetime as dt
import ipaddress
import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.ingest.suricata import MAX_LINE_BYTES, MappedAlert, UnreadableLine, map_line

SAMPLES = Path(__file__).parents[2] / "shared/data/alerts/suricata"
MORNING = Path(__file__).parents[1] / "src/tocsin/demo/morning.jsonl"
HOME_NETS = [ipaddress.ip_network("10.20.0.0/16"), ipaddress.ip_network("2001:db8:20::/48")]
OUTSIDE, INSIDE, OTHER_INSIDE = "198.51.100.7", "10.20.1.5", "10.20.1.6"
TIME = "2026-03-02T07:08:09.123456+0100"


def eve(alert: dict[str, Any] | None = None, **event: Any) -> dict[str, Any]:
    """The smallest EVE alert, with what the test is about laid over it."""
    smallest = {"signature": "Rule text", "category": "Misc activity", "severity": 3}
    return {
        "timestamp": TIME,
        "event_type": "alert",
        "src_ip": OUTSIDE,
        "dest_ip": INSIDE,
        "alert": smallest | (alert or {}),
    } | event


def map_bytes(line: bytes, zone: dt.tzinfo = dt.UTC) -> MappedAlert | None:
    return map_line(line, zone=zone, home_nets=HOME_NETS)


def mapped(event: dict[str, Any], zone: dt.tzinfo = dt.UTC) -> dict[str, Any]:
    result = map_bytes(json.dumps(event).encode(), zone)
    assert result is not None
    return result.data_object


def network(event: dict[str, Any]) -> dict[str, Any]:
    only: dict[str, Any]
    [only] = mapped(event)["network_list"]
    return only


def labels(event: dict[str, Any]) -> list[str]:
    text: str = mapped(event).get("labels", "")
    return text.split(",")


def without(event: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in keys}


# The whole of it


def test_an_alert_with_everything_maps_field_for_field() -> None:
    event = {
        "timestamp": TIME,
        "flow_id": 2251799813685247,
        "in_iface": "eno1",
        "event_type": "alert",
        "src_ip": OUTSIDE,
        "src_port": 80,
        "dest_ip": INSIDE,
        "dest_port": 50123,
        "proto": "TCP",
        "community_id": "1:abc=",
        "host": "sensor-1",
        "alert": {
            "action": "blocked",
            "gid": 1,
            "signature_id": 9000001,
            "rev": 4,
            "signature": "Loader fetched over plain HTTP",
            "category": "A Network Trojan was detected",
            "severity": 1,
            "references": ["https://rules.example/9000001", "https://rules.example/other"],
            "metadata": {
                "confidence": ["High"],
                "signature_severity": ["Critical"],
                "malware_family": ["Lanternfish"],
                "mitre_tactic_id": ["TA0011"],
                "mitre_tactic_name": ["Command_And_Control"],
                "mitre_technique_id": ["T1105"],
            },
        },
        "http": {"hostname": "files.example", "url": "/a.exe"},
        "fileinfo": {"filename": "/a.exe", "md5": "m" * 32, "sha1": "1" * 40, "sha256": "2" * 64},
        "app_proto": "http",
        "flow": {"src_ip": INSIDE, "dest_ip": OUTSIDE, "start": "2026-03-02T07:08:08.000000+0100"},
    }
    alert = mapped(event)
    group_key = alert["system_info"].pop("group_key")
    assert re.fullmatch(r"[0-9a-f-]{36}", group_key)
    assert alert == {
        "title": "Loader fetched over plain HTTP",
        "description": "Loader fetched over plain HTTP\nCategory: A Network Trojan was detected\nAction: blocked\n"
        "HTTP: files.example/a.exe",
        "severity": "Fatal",
        "confidence": 90,
        "alert_type": {"category": "Command and Control", "alert_type": "A Network Trojan was detected"},
        "count": 1,
        "labels": "TA0011,T1105,sid:9000001,gid:1,rev:4,action:blocked,app_proto:http,community_id:1:abc=,"
        "in_iface:eno1,flow_start:2026-03-02T07:08:08.000000+0100",
        "environment": {"vendor_type": "On-premises"},
        "data_source": {
            "source_type": 2,
            "company_name": "OISF",
            "product_name": "Suricata",
            "product_feature": "IDS",
            "product_module": "sensor-1",
        },
        "first_observed_time": "2026-03-02T07:08:09.123+01:00",
        "last_observed_time": "2026-03-02T07:08:09.123+01:00",
        "source_url": "https://rules.example/9000001",
        "network_list": [
            {
                "direction": "OUT",
                "protocol": "TCP",
                "src_ip": OUTSIDE,
                "src_port": 80,
                "dest_ip": INSIDE,
                "dest_port": "50123",
                "dest_domain": "files.example",
            }
        ],
        "resource_list": [{"name": INSIDE, "type": "ip"}],
        "file_info": [
            {"file_path": "/a.exe", "file_hash": "1" * 40, "file_md5": "m" * 32, "file_sha256": "2" * 64},
        ],
        "malware": {"malware_family": "Lanternfish"},
        "remediation": {"url": "https://rules.example/9000001"},
        "verification_state": "Unknown",
        "handle_status": "Open",
        "ipdrr_phase": "Detection and Analysis",
        "system_info": {
            "flow_id": "2251799813685247",
            "gid": 1,
            "signature_id": 9000001,
            "rev": 4,
            "mapper_version": "suricata-1",
        },
    }


# Which lines are alerts


@pytest.mark.parametrize("kind", ["flow", "dns", "tls", "http", "stats", "anomaly", "drop", "fileinfo"])
def test_a_record_of_another_kind_is_skipped(kind: str) -> None:
    assert map_bytes(json.dumps({"timestamp": TIME, "event_type": kind, kind: {}}).encode()) is None


@pytest.mark.parametrize("line", [b"", b"\n", b"  \t\r\n"])
def test_a_blank_line_is_skipped(line: bytes) -> None:
    assert map_bytes(line) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (json.dumps(eve()).encode()[:60], "not JSON"),
        (b"03/02/2026-07:08:09 [**] [1:1:1] fast.log", "not JSON"),
        (b'{"event_type":"alert","n":' + b"9" * 5000 + b"}", "not JSON"),
        (b"[1,2]", "one JSON object"),
        (b"7", "one JSON object"),
        (b"{}", "no event_type"),
        (b'{"event_type":5}', "no event_type"),
        (b'{"message":"plain text"}', "not JSON"),
        (b'{"message":"[]"}', "no event_type"),
        (b'{"suricata":{"eve":{"timestamp":1}}}', "no event_type"),
        (b'{"event_type":"alert"}', "without alert.signature"),
        (b'{"event_type":"alert","alert":[]}', "without alert.signature"),
        (b'{"event_type":"alert","alert":{"signature":" \\n"}}', "without alert.signature"),
        (b'{"event_type":"alert","alert":{"signature":["a"]}}', "without alert.signature"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"x":"\xff","y":' + b"[" * 100_000, "nested too deeply"),
        (b'{"event_type":"alert","payload":"' + b"A" * MAX_LINE_BYTES + b'"}', f"at most {MAX_LINE_BYTES}"),
    ],
)
def test_an_unreadable_line_says_why(line: bytes, reason: str) -> None:
    with pytest.raises(UnreadableLine, match=re.escape(reason)) as caught:
        map_bytes(line)
    assert len(str(caught.value)) < 200


def test_every_half_written_line_is_unreadable() -> None:
    line = json.dumps(eve()).encode()
    for length in range(1, len(line)):
        with pytest.raises(UnreadableLine):
            map_bytes(line[:length])


@pytest.mark.parametrize(
    "wrapped",
    [
        {"@timestamp": "2026-03-02T09:00:00Z", "message": json.dumps(eve())},
        {"@timestamp": "2026-03-02T09:00:00Z", "suricata": {"eve": eve()}},
        {"message": eve()},
    ],
    ids=["text in message", "suricata.eve", "object in message"],
)
def test_a_shippers_wrapping_is_taken_off(wrapped: dict[str, Any]) -> None:
    assert mapped(wrapped) == mapped(eve())


def test_a_wrapped_record_of_another_kind_is_skipped() -> None:
    assert map_bytes(json.dumps({"message": '{"event_type":"flow"}'}).encode()) is None


# Identity


def test_the_event_id_depends_on_the_line_alone() -> None:
    line = json.dumps(eve()).encode()
    ids = {found.event_id for found in map(map_bytes, [line, line + b"\r\n", b" " + line]) if found}
    other = map_bytes(json.dumps(eve(flow_id=1)).encode())
    assert other is not None
    assert len(ids) == 1
    assert ids.isdisjoint({other.event_id})
    assert all(len(found) == 36 for found in ids)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"src_port": 1, "flow_id": 5, "timestamp": "2026-03-02T08:00:00+0100"}, True),
        ({"src_ip": "198.51.100.8"}, False),
        ({"dest_ip": OTHER_INSIDE}, False),
        ({"dest_port": 443}, False),
    ],
)
def test_the_group_key_is_made_of_rule_and_addresses(change: dict[str, Any], same: bool) -> None:
    keys = [mapped(event)["system_info"]["group_key"] for event in (eve(dest_port=80), eve(dest_port=80) | change)]
    assert (keys[0] == keys[1]) is same


@pytest.mark.parametrize("key", ["gid", "signature_id"])
def test_the_group_key_tells_rules_apart(key: str) -> None:
    keys = {mapped(eve({"gid": 1, "signature_id": 1, key: number}))["system_info"]["group_key"] for number in (1, 2)}
    assert len(keys) == 2


@pytest.mark.parametrize("category", ["Detection of a Network Scan", "Attempted Information Leak"])
def test_a_scan_is_one_group_whatever_it_touched(category: str) -> None:
    events = (
        eve({"category": category}, dest_ip=ip, dest_port=port) for ip in (INSIDE, OTHER_INSIDE) for port in (1, 2)
    )
    assert len({mapped(event)["system_info"]["group_key"] for event in events}) == 1


# Severity, confidence, kind


@pytest.mark.parametrize(
    ("by_rule", "by_class", "severity", "unmapped"),
    [
        (["Critical"], 3, "Fatal", False),
        (["Major"], 3, "High", False),
        (["Minor"], 1, "Medium", False),
        (["Informational"], 1, "Tips", False),
        ("major", 3, "High", False),
        (["Dreadful"], 1, "Medium", True),
        ([], 1, "High", False),
        ([7], 1, "High", False),
        (None, 1, "High", False),
        (None, 2, "Medium", False),
        (None, 3, "Low", False),
        (None, 4, "Tips", False),
        (None, 255, "Tips", False),
        (None, 0, "Medium", True),
        (None, -1, "Medium", True),
        (None, "high", "Medium", True),
        (None, True, "Medium", True),
        (None, None, "Medium", True),
    ],
)
def test_severity_is_the_rules_word_then_the_priority_of_its_class(
    by_rule: Any, by_class: Any, severity: str, unmapped: bool
) -> None:
    event = eve({"severity": by_class, "metadata": {"signature_severity": by_rule}})
    assert mapped(event)["severity"] == severity
    assert ("severity:unmapped" in labels(event)) is unmapped


def test_a_blocked_alert_keeps_its_severity_and_is_labelled() -> None:
    event = eve({"severity": 1, "action": "blocked"})
    assert mapped(event)["severity"] == "High"
    assert "action:blocked" in labels(event)


@pytest.mark.parametrize(
    ("word", "confidence"),
    [(["Low"], 30), (["Medium"], 60), (["High"], 90), ("high", 90), (["Some"], None), ([], None), (3, None)],
)
def test_confidence_comes_from_the_rules_metadata(word: Any, confidence: int | None) -> None:
    assert mapped(eve({"metadata": {"confidence": word}})).get("confidence") == confidence


CLASSES = {
    "Other": ["Not Suspicious Traffic", "Unknown Traffic", "Misc activity", "A class of our own", "  "],
    "Abnormal Network Behavior": [
        "Potentially Bad Traffic",
        "Misc Attack",
        "Decode of an RPC Query",
        "A suspicious string was detected",
        "A suspicious filename was detected",
        "A TCP connection was detected",
        "A client was using an unusual port",
        "Detection of a non-standard protocol or event",
        "Generic Protocol Command Decode",
        "Generic ICMP event",
        "Device Retrieving External IP Address Detected",
    ],
    "Abnormal System Behavior": ["A system call was detected"],
    "Abnormal User Behavior": [
        "An attempted login using a suspicious username was detected",
        "Successful Credential Theft Detected",
        "Possible Social Engineering Attempted",
    ],
    "Brute-force Cracking": ["Attempt to login by a default username and password"],
    "Reconnaissance": ["Attempted Information Leak", "Detection of a Network Scan"],
    "Data Leakage": [
        "Information Leak",
        "Large Scale Information Leak",
        "Sensitive Data was Transmitted Across the Network",
    ],
    "DDoS attack": ["Attempted Denial of Service", "Denial of Service", "Detection of a Denial of Service Attack"],
    "Vulnerability Exploit": [
        "Attempted User Privilege Gain",
        "Unsuccessful User Privilege Gain",
        "Successful User Privilege Gain",
        "Attempted Administrator Privilege Gain",
        "Successful Administrator Privilege Gain",
        "Executable code was detected",
        "access to a potentially vulnerable web application",
        "Web Application Attack",
        "Exploit Kit Activity Detected",
        "Known client side exploit attempt",
    ],
    "Malware": [
        "Known malicious file or file based exploit",
        "A Network Trojan was detected",
        "Targeted Malicious Activity was Detected",
        "Possibly Unwanted Program Detected",
        "Crypto Currency Mining Activity Detected",
    ],
    "Command and Control": [
        "Domain Observed Used for C2 Detected",
        "Malware Command and Control Activity Detected",
        "Known malware command and control traffic",
    ],
    "Policy Violation": ["Inappropriate Content was Detected", "Potential Corporate Privacy Violation"],
}


@pytest.mark.parametrize(("category", "native"), [(key, name) for key, names in CLASSES.items() for name in names])
def test_a_class_has_its_category_and_keeps_its_name(category: str, native: str) -> None:
    alert_type = mapped(eve({"category": native}))["alert_type"]
    assert alert_type == {"category": category, "alert_type": native.strip() or "Other"}


TACTICS = {
    "Reconnaissance": "Reconnaissance",
    "Resource_Development": "Reconnaissance",
    "Initial_Access": "Vulnerability Exploit",
    "Execution": "Malware",
    "Persistence": "Abnormal System Behavior",
    "Privilege_Escalation": "Vulnerability Exploit",
    "Defense_Evasion": "Abnormal System Behavior",
    "Credential_Access": "Abnormal User Behavior",
    "Discovery": "Reconnaissance",
    "Lateral Movement": "Abnormal Network Behavior",
    "Collection": "Data Leakage",
    "Command_And_Control": "Command and Control",
    "Exfiltration": "Data Leakage",
    "Impact": "Abnormal System Behavior",
    "A_Tactic_Of_Our_Own": "Malware",
}


@pytest.mark.parametrize(("tactic", "category"), TACTICS.items())
def test_an_attack_tactic_goes_before_the_class(tactic: str, category: str) -> None:
    event = eve({"category": "A Network Trojan was detected", "metadata": {"mitre_tactic_name": [tactic]}})
    assert mapped(event)["alert_type"] == {"category": category, "alert_type": "A Network Trojan was detected"}


@pytest.mark.parametrize(
    ("technique", "category"),
    [
        ("T1110", "Brute-force Cracking"),
        ("T1110.001", "Brute-force Cracking"),
        ("T1498.001", "DDoS attack"),
        ("T1499", "DDoS attack"),
        ("T1566.002", "Abnormal User Behavior"),
        ("T1046", "Reconnaissance"),
    ],
)
def test_some_techniques_have_a_closer_category_than_their_tactic(technique: str, category: str) -> None:
    metadata = {"mitre_tactic_name": ["Discovery"], "mitre_technique_id": [technique]}
    assert mapped(eve({"metadata": metadata}))["alert_type"]["category"] == category


# Texts


def test_the_title_is_the_first_line_and_the_description_has_all() -> None:
    alert = mapped(eve({"signature": "\nfirst\r\nsecond"}))
    assert alert["title"] == "first"
    assert alert["description"].startswith("first\r\nsecond\n")


@pytest.mark.parametrize(
    ("event", "line"),
    [
        ({"http": {"hostname": "h.example", "url": "/a?b=1"}}, "HTTP: h.example/a?b=1"),
        ({"http": {"url": "/a"}, "tls": {"sni": "t.example"}}, "HTTP: /a"),
        ({"http": {"hostname": "h.example", "url": "http://h.example/a"}}, "HTTP: http://h.example/a"),
        ({"http": {"hostname": "h.example", "url": "/?to=http://x.example"}}, "HTTP: h.example/?to=http://x.example"),
        ({"tls": {"sni": "t.example"}}, "TLS: t.example"),
        ({"dns": {"rrname": "d.example"}}, "DNS: d.example"),
        ({"http": 1, "tls": [], "dns": "d"}, "Category: Misc activity"),
    ],
)
def test_the_description_ends_with_what_was_asked_for(event: dict[str, Any], line: str) -> None:
    assert mapped(eve(**event))["description"].splitlines()[-1] == line


@pytest.mark.parametrize(
    "dns",
    [
        {"type": "query", "rrname": "d.example"},
        {"query": [{"type": "query", "rrname": "d.example"}, {"rrname": "second.example"}]},
        {"query": {"rrname": "d.example"}},
        {"version": 3, "queries": [{"rrname": "d.example", "rrtype": "A"}]},
        {"version": 2, "answer": {"rrname": "d.example"}},
        {"query": [3, {"rrname": ["x"]}, {"rrname": "d.example"}]},
    ],
)
def test_every_version_of_dns_gives_the_name(dns: dict[str, Any]) -> None:
    assert network(eve(dns=dns))["dest_domain"] == "d.example"


@pytest.mark.parametrize(
    ("event", "domain"),
    [
        ({"http": {"hostname": "h"}, "tls": {"sni": "t"}, "dns": {"rrname": "d"}}, "h"),
        ({"tls": {"sni": "t"}, "dns": {"rrname": "d"}}, "t"),
        ({}, None),
        ({"tls": {"sni": "t" * 128}}, "t" * 128),
        ({"tls": {"sni": "t" * 129}}, None),
    ],
)
def test_the_destination_domain(event: dict[str, Any], domain: str | None) -> None:
    assert network(eve(**event)).get("dest_domain") == domain


HOSTILE = "<script>alert(1)</script> {{7*7}} \x1b[31m \u202e =cmd() \N{REPLACEMENT CHARACTER} 名"


def test_hostile_text_is_kept_as_it_is() -> None:
    event = eve({"signature": HOSTILE}, http={"url": HOSTILE})
    assert mapped(event)["title"] == HOSTILE
    assert mapped(event)["description"].endswith(f"HTTP: {HOSTILE}")
    assert "sanitized" not in labels(event)


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(eve({"signature": "a\x00b"})).encode(),
        *(json.dumps(eve({"signature": f"a{lone}b"})).encode() for lone in ("\udc80", "\ud800")),
        json.dumps(eve({"signature": "a?b"})).encode().replace(b"a?b", b"a\xffb"),
        json.dumps({"message": json.dumps(eve({"signature": "a\ud800b"}))}).encode(),
    ],
    ids=["NUL", "low surrogate", "high surrogate", "broken UTF-8", "wrapped"],
)
def test_what_a_database_refuses_is_replaced_and_labelled(line: bytes) -> None:
    found = map_bytes(line)
    assert found is not None
    assert found.data_object["title"] == "a\N{REPLACEMENT CHARACTER}b"
    assert found.data_object["labels"].split(",")[-1] == "sanitized"


def test_a_paired_surrogate_is_one_character() -> None:
    event = eve({"signature": "a\N{OWL}b"})
    assert mapped(event)["title"] == "a\N{OWL}b"
    assert "sanitized" not in labels(event)


def test_an_unmapped_field_does_not_mark_the_alert() -> None:
    assert "sanitized" not in labels(eve(payload_printable="\x00\ud800"))


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("event", "path", "length"),
    [
        (eve({"signature": LONG}), ["title"], 255),
        (eve(http={"url": LONG}), ["description"], 1024),
        (eve({"category": LONG}), ["alert_type", "alert_type"], 1024),
        (eve(host=LONG), ["data_source", "product_module"], 1024),
        (eve(proto=LONG), ["network_list", 0, "protocol"], 64),
        (eve({"metadata": {"malware_family": [LONG]}}), ["malware", "malware_family"], 64),
        (eve(fileinfo={"filename": LONG}), ["file_info", 0, "file_path"], 128),
    ],
)
def test_a_long_text_is_cut_with_a_mark_and_labelled(event: dict[str, Any], path: list[Any], length: int) -> None:
    value: Any = mapped(event)
    for step in path:
        value = value[step]
    assert len(value) == length
    assert value.endswith("…")
    assert "truncated" in labels(event)


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (eve({"references": ["https://r.example/" + LONG]}), "source_url"),
        (eve({"references": ["https://r.example/" + LONG]}), "remediation"),
        (eve(files=[{"md5": LONG}]), "file_info"),
    ],
)
def test_a_long_address_or_hash_is_dropped_and_labelled(event: dict[str, Any], field: str) -> None:
    assert field not in mapped(event)
    assert "truncated" in labels(event)


def test_a_text_of_exactly_the_limit_is_whole() -> None:
    event = eve({"signature": "x" * 255})
    assert mapped(event)["title"] == "x" * 255
    assert "truncated" not in labels(event)


# Labels


def test_labels_start_with_attack_ids_and_lose_their_commas() -> None:
    metadata = {"mitre_tactic_id": ["TA0001", "TA0001"], "mitre_technique_id": ["T1190", "T1059.001", "bad,id", 4]}
    event = eve({"metadata": metadata, "signature_id": 5}, in_iface="a,b  c")
    assert labels(event) == ["TA0001", "T1190", "T1059.001", "sid:5", "in_iface:ab c"]


def test_labels_are_whole_and_fit() -> None:
    ids = [f"T{number:04}" for number in range(20_000)]
    event = eve({"signature_id": 5, "metadata": {"mitre_technique_id": ids}}, timestamp=None, community_id=LONG)
    text = mapped(event)["labels"]
    assert 1000 < len(text) <= 1024
    assert all(re.fullmatch(r"T\d{4}|time:missing|truncated", label) for label in text.split(","))
    assert text.endswith(",time:missing,truncated")


@pytest.mark.parametrize("value", [True, 1.5, None, [], {}, "", "  ", ","])
def test_a_label_without_a_value_is_left_out(value: Any) -> None:
    assert not any(label.startswith("app_proto") for label in labels(eve(app_proto=value)))


# Times


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-03-02T07:08:09.123456+0100", "2026-03-02T07:08:09.123+01:00"),
        ("2015-03-29T11:01:38.221126-0600", "2015-03-29T11:01:38.221-06:00"),
        ("2026-03-02T07:08:09.123999999Z", "2026-03-02T07:08:09.123+00:00"),
        ("2026-03-02T07:08:09.5+05:45", "2026-03-02T07:08:09.500+05:45"),
        ("2026-03-02 07:08:09 +01", "2026-03-02T07:08:09.000+01:00"),
        ("2026-03-02T07:08:09.120Z+0800", "2026-03-02T07:08:09.120+08:00"),
        ("1970-01-01T00:00:00-0000", "1970-01-01T00:00:00.000+00:00"),
        ("2026-03-02T07:08:09.315110", "2026-03-02T07:08:09.315+01:00"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00.000+01:00"),
        (1772431689, "2026-03-02T06:08:09.000+00:00"),
        (1772431689.5, "2026-03-02T06:08:09.500+00:00"),
        ("1772431689.5", "2026-03-02T06:08:09.500+00:00"),
        (1772431689123, "2026-03-02T06:08:09.123+00:00"),
        (1772431689123456, "2026-03-02T06:08:09.123+00:00"),
        (1772431689123456789, "2026-03-02T06:08:09.123+00:00"),
    ],
)
def test_the_time_keeps_the_senders_offset_or_takes_the_sources_zone(written: Any, expected: str) -> None:
    alert = mapped(eve(timestamp=written), dt.timezone(dt.timedelta(hours=1)))
    assert alert["first_observed_time"] == alert["last_observed_time"] == expected
    assert "labels" not in alert


def test_the_sources_zone_may_have_summer_time() -> None:
    try:
        zone = ZoneInfo("Europe/Berlin")
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time zone database")
    times = [mapped(eve(timestamp=f"2026-{month}-02T07:08:09"), zone)["first_observed_time"] for month in ("03", "07")]
    assert times == ["2026-03-02T07:08:09.000+01:00", "2026-07-02T07:08:09.000+02:00"]


def test_an_offset_with_seconds_is_written_in_whole_minutes() -> None:
    zone = dt.timezone(dt.timedelta(minutes=53, seconds=28))
    assert mapped(eve(timestamp="1850-01-01T00:00:00"), zone)["first_observed_time"] == "1849-12-31T23:59:32.000+00:53"
    assert "time:missing" in mapped(eve(timestamp="0001-01-01T00:00:00"), zone)["labels"]


@pytest.mark.parametrize(
    "written",
    [
        *(None, "", "yesterday", True, [], {}, 10**30, "inf", "nan", "1e400", "2026-13-02T07:08:09Z"),
        *("2026-03-02T25:08:09Z", "2026-03-02T07:08:09+2500", "0000-01-01T00:00:00Z", "2026-03-02"),
    ],
)
def test_an_alert_without_a_readable_time_says_so(written: Any) -> None:
    event = eve(timestamp=written)
    assert not {"first_observed_time", "last_observed_time"} & mapped(event).keys()
    assert "time:missing" in labels(event)


def test_an_alert_without_a_timestamp_says_so() -> None:
    assert "time:missing" in labels(without(eve(), "timestamp"))


# Addresses


@pytest.mark.parametrize(
    ("event", "direction"),
    [
        ({"src_ip": OUTSIDE, "dest_ip": INSIDE}, "IN"),
        ({"src_ip": INSIDE, "dest_ip": OUTSIDE}, "OUT"),
        ({"src_ip": INSIDE, "dest_ip": OTHER_INSIDE}, None),
        ({"src_ip": OUTSIDE, "dest_ip": "203.0.113.9"}, None),
        ({"src_ip": OUTSIDE, "dest_ip": INSIDE, "direction": "to_server"}, "IN"),
        ({"src_ip": OUTSIDE, "dest_ip": INSIDE, "direction": "to_client"}, "OUT"),
        ({"flow": {"src_ip": INSIDE, "dest_ip": OUTSIDE}}, "OUT"),
        ({"flow": {"src_ip": INSIDE}}, "OUT"),
        ({"flow": {"src_ip": OUTSIDE}, "direction": "to_client"}, "IN"),
        ({"flow": {"src_ip": 4}, "direction": 5}, "IN"),
        ({"src_ip": "2001:db8:20::5", "dest_ip": "2001:db8:99::5"}, "OUT"),
        ({"src_ip": "::ffff:10.20.1.5", "dest_ip": "2001:db8:99::5"}, "OUT"),
        ({"src_ip": None}, None),
        ({"dest_ip": "no address"}, None),
    ],
)
def test_the_direction_is_where_the_connection_was_opened_to(event: dict[str, Any], direction: str | None) -> None:
    assert network(eve(**event)).get("direction") == direction


@pytest.mark.parametrize(
    ("event", "ports"),
    [
        ({"src_port": 0, "dest_port": 65535}, (0, "65535")),
        ({"src_port": 65536, "dest_port": -1}, (None, None)),
        ({"src_port": "80", "dest_port": True}, (None, None)),
        ({"proto": "ICMP", "icmp_type": 8, "src_port": 0, "dest_port": 0}, (None, None)),
    ],
)
def test_a_source_port_is_a_number_and_a_destination_port_a_text(event: dict[str, Any], ports: tuple[Any, Any]) -> None:
    found = network(eve(**event))
    assert (found.get("src_port"), found.get("dest_port")) == ports


def test_icmp_has_a_type_instead_of_ports() -> None:
    assert "icmp_type:8" in labels(eve(proto="ICMP", icmp_type=8, icmp_code=0))


@pytest.mark.parametrize("address", ["10.20.1.5\x00", "x", 5, "", "fe80::1%" + "e" * 80, "fe80::1%\ud800"])
def test_what_is_no_address_is_left_out(address: Any) -> None:
    assert "src_ip" not in network(eve(src_ip=address))


def test_an_address_is_kept_as_it_was_written() -> None:
    full = "2001:0db8:0020:0000:0000:0000:0000:0005"
    assert network(eve(src_ip=full))["src_ip"] == full


def test_an_alert_without_any_address_has_no_network_list() -> None:
    assert "network_list" not in mapped(without(eve(), "src_ip", "dest_ip"))


@pytest.mark.parametrize(
    ("event", "names"),
    [
        (eve(), [INSIDE]),
        (eve(src_ip=INSIDE, dest_ip=OTHER_INSIDE), [INSIDE, OTHER_INSIDE]),
        (eve(src_ip=INSIDE, dest_ip=INSIDE), [INSIDE]),
        (eve(dest_ip="203.0.113.9"), []),
        (eve({"target": {"ip": OTHER_INSIDE, "port": 80}}), [OTHER_INSIDE, INSIDE]),
        (eve({"target": {"ip": INSIDE}}), [INSIDE]),
        (eve({"target": {"ip": "?"}}), [INSIDE]),
        (eve({"target": "10.20.1.9"}), [INSIDE]),
    ],
)
def test_the_resources_are_the_rules_target_and_our_own_addresses(event: dict[str, Any], names: list[str]) -> None:
    assert mapped(event).get("resource_list", []) == [{"name": name, "type": "ip"} for name in names]


# The rest


@pytest.mark.parametrize(
    ("references", "url"),
    [
        (["https://a.example/1", "https://a.example/2"], "https://a.example/1"),
        ("http://a.example/", "http://a.example/"),
        (["javascript:alert(1)", "HTTPS://a.example"], "HTTPS://a.example"),
        (["cve,2021-44228", 4, "https://a b", "https://a\x00b", "https://a\ud800b"], None),
        (None, None),
    ],
)
def test_the_reference_is_the_first_that_can_be_followed(references: Any, url: str | None) -> None:
    alert = mapped(eve({"references": references}))
    assert alert.get("source_url") == url
    assert alert.get("remediation", {}).get("url") == url


def test_a_reference_too_long_for_one_field_stays_in_the_other() -> None:
    url = "https://a.example/" + "x" * 1500
    alert = mapped(eve({"references": [url]}))
    assert "source_url" not in alert
    assert alert["remediation"] == {"url": url}


def test_files_come_from_both_spellings() -> None:
    event = eve(fileinfo={"filename": "one"}, files=[{"filename": "two", "sha256": "2" * 64}, 7, {}, {"size": 1}])
    assert mapped(event)["file_info"] == [{"file_path": "one"}, {"file_path": "two", "file_sha256": "2" * 64}]


def test_more_files_than_fit_are_dropped_and_labelled() -> None:
    event = eve(files=[{"filename": str(number)} for number in range(1200)])
    assert len(mapped(event)["file_info"]) <= 999
    assert "truncated" in labels(event)


@pytest.mark.parametrize(
    ("event", "module"),
    [
        (eve(host="sensor-1"), "sensor-1"),
        (eve(sensor_name="sensor-2"), "sensor-2"),
        (eve(host={"name": "x"}), None),
        ({"host": {"name": "shipper-1"}, "message": json.dumps(eve())}, "shipper-1"),
        ({"host": {"name": "shipper-1"}, "message": json.dumps(eve(host="sensor-1"))}, "sensor-1"),
    ],
)
def test_the_module_is_the_sensors_name(event: dict[str, Any], module: str | None) -> None:
    assert mapped(event)["data_source"].get("product_module") == module


# Anything at all

WORDS = st.sampled_from(
    ["", "alert", "TA0001", "T1110", "10.20.1.5", "::1", TIME, "https://a.example", "Major", "\x00"]
)
TEXTS = st.text(max_size=30) | st.text(st.characters(categories=["Cs", "Cc"]), max_size=3) | WORDS
SCALARS = st.none() | st.booleans() | st.integers() | st.integers(-1, 70_000) | st.floats() | TEXTS
KEYS = st.sampled_from(
    re.findall(
        r"\w+",
        """signature category severity action gid signature_id rev metadata references target ip signature_severity
        confidence malware_family mitre_tactic_id mitre_tactic_name mitre_technique_id http hostname url tls sni dns
        rrname query queries answer flow src_ip dest_ip src_port dest_port start fileinfo files filename md5 sha1 sha256
        timestamp proto host direction icmp_type flow_id app_proto community_id in_iface alert suricata eve message""",
    )
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=12
)
ALERTS = st.dictionaries(KEYS, VALUES, max_size=8) | st.builds(
    lambda signature, rest: {**rest, "signature": signature}, TEXTS, st.dictionaries(KEYS, VALUES, max_size=8)
)
EVENTS = st.builds(
    lambda event, alert: {**event, "event_type": "alert", "alert": alert},
    st.dictionaries(KEYS, VALUES, max_size=8),
    ALERTS | VALUES,
)
LIMITS = {"title": 255, "description": 1024, "labels": 1024, "source_url": 1024, "first_observed_time": 30}


@settings(max_examples=300, deadline=None)
@given(EVENTS)
def test_any_alert_maps_to_clean_json_or_is_unreadable(event: dict[str, Any]) -> None:
    try:
        found = map_bytes(json.dumps(event).encode())
    except UnreadableLine:
        return
    assert found is not None
    written = msgspec.json.encode(found.data_object).decode()
    assert not re.search(r"\\u0000|\\ud[89a-f]", written)
    assert found.data_object["severity"] in {"Tips", "Low", "Medium", "High", "Fatal"}
    assert all(len(found.data_object.get(field, "")) <= limit for field, limit in LIMITS.items())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_skipped_or_unreadable(line: bytes) -> None:
    try:
        assert map_bytes(line) is None
    except UnreadableLine as error:
        assert str(error)  # noqa: PT017 - either outcome is right


# The demonstration's log


def test_the_demo_morning_tells_one_attack_in_twelve_alerts() -> None:
    lines = MORNING.read_bytes().splitlines()
    alerts = [found.data_object for found in map(map_bytes, lines) if found]
    attack = [
        alert
        for alert in alerts
        if alert["network_list"][0]["src_ip"] == "10.20.4.37" and alert["severity"] in {"High", "Fatal"}
    ]
    assert len(set(lines)) == len(lines) == len(alerts) + 30
    assert len(attack) == 12
    assert not any("time:missing" in alert["labels"] or "truncated" in alert["labels"] for alert in alerts)


# Recorded logs


def sample_lines(pattern: str) -> list[bytes]:
    if not SAMPLES.is_dir():
        pytest.skip(f"the recorded Suricata logs are not at {SAMPLES}")
    return [line for path in sorted(SAMPLES.glob(pattern)) for line in path.read_bytes().splitlines()]


def test_every_recorded_alert_maps() -> None:
    lines = [line for line in sample_lines("*.jsonl") if json.loads(line)["event_type"] == "alert"]
    found = [map_bytes(line) for line in lines]
    assert len(found) > 500
    assert all(one and one.data_object["title"] and one.data_object["first_observed_time"] for one in found)
    assert not any("severity:unmapped" in one.data_object["labels"] for one in found if one)
    assert [one and one.event_id for one in found] == [one and one.event_id for one in map(map_bytes, lines)]
    assert len({one.event_id for one in found if one}) == len(set(lines))


def test_no_recorded_record_of_another_kind_maps() -> None:
    lines = sample_lines("*not-alerts.jsonl")
    assert lines
    assert all(map_bytes(line) is None for line in lines)
