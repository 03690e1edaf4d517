"""The conversion of alerts as data: what is there before, what is asked, and what must come of it; and the hands that
prepare and check it beside the API.

Sources: API reference, "Converting Alerts into Incidents" (operation table, type table, alert table, outcome table,
incident table) and the decisions in docs/reference/conversion.md.

In bodies and expectations `$0`, `$1` stand for the ids of the case's own alerts, and these for what a desk has anyway:
`$unknown`, `$foreign` (an alert of another workspace), `$deleted`, `$incident` (with one alert), `$foreign_incident`,
`$deleted_incident`, `$sla_type`, `$disabled_type`.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from support import TestDesk
from tocsin.clock import now_ms
from tocsin.identity.records import Caller
from tocsin.ids import new_id
from tocsin.objects.records import ALERTS, DataClass
from tocsin.objects.service import Draft, create_object, delete_objects
from tocsin.workspaces.records import Scope

ROOTKIT = "b03166f1b63f021663d9889c6274c27e"  # MD5 of its code, as in the published sample
UNKNOWN_TYPE = "909494e3-558e-46b6-a9eb-07a8e18ca621"
SLA_TYPE = "7f6c2c1e-0000-4000-8000-000000000001"
DISABLED_TYPE = "7f6c2c1e-0000-4000-8000-000000000002"
SLA_MS = 5_400_000
EMOJI = "Злом 入侵 🚨👩‍💻 \u202e<b>'\"\\"


class Absent:
    """The field must not be there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = Absent()


class Case(NamedTuple):
    """A conversion that is answered 200. Without `outcomes` every alert of the case is converted, in order."""

    meaning: str
    body: Mapping[str, Any]
    alerts: Sequence[Mapping[str, Any]] = ({},)
    # What is done to the alerts first, such as ("close", "$0").
    before: Sequence[tuple[str, str]] = ()
    settings: Mapping[str, Any] = {}
    outcomes: Sequence[tuple[str, str]] | None = None
    # Members of the (first) incident, and of the first alert afterwards.
    incident: Mapping[str, Any] = {}
    alert: Mapping[str, Any] = {}
    incidents: int = 1
    evidence: bool = False


class Refusal(NamedTuple):
    """A conversion that is answered with an error, after which nothing has changed."""

    meaning: str
    # Sent as JSON, or as it is when it is bytes.
    body: Any
    # What the message must name.
    names: str = ""
    alerts: Sequence[Mapping[str, Any]] = ({},)
    before: Sequence[tuple[str, str]] = ()
    settings: Mapping[str, Any] = {}
    status: int = 400
    code: str = "SecMaster.20041804"


ONE = {"ids": ["$0"]}
OPEN = {"handle_status": "Open", "close_time": ABSENT, "close_reason": ABSENT, "close_comment": ABSENT}


def typed(**content: Any) -> dict[str, Any]:
    return {**ONE, "incident_content": {"incident_type": content}}


def content(**members: Any) -> dict[str, Any]:
    return {**ONE, "incident_content": members}


IDS = [
    Case("one id", ONE),
    Case("two ids, one incident", {"ids": ["$0", "$1"]}, alerts=({}, {})),
    Case("the order of the request holds", {"ids": ["$1", "$0"]}, alerts=({}, {}), outcomes=(("$1", ""), ("$0", ""))),
    Case("a bare string is a list of one", {"ids": "$0"}),
    Case("a bare string that names nothing", {"ids": "nothing"}, alerts=(), outcomes=(("nothing", "not_found"),)),
    Case("a bare empty string", {"ids": [""]}, alerts=(), outcomes=(("", "not_found"),)),
    Case(
        "duplicates are removed and the order kept",
        {"ids": ["$1", "$0", "$1", "$1", "$0"]},
        alerts=({}, {}),
        outcomes=(("$1", ""), ("$0", "")),
    ),
    Case(
        "duplicates of an unknown id are reported once",
        {"ids": ["x", "$0", "x"]},
        outcomes=(("x", "not_found"), ("$0", "")),
    ),
    Case(
        "an empty id is an unknown id",
        {"ids": ["", "$0", ""]},
        outcomes=(("", "not_found"), ("$0", "")),
    ),
    Case("an id of 100 characters", {"ids": ["x" * 100, "$0"]}, outcomes=(("x" * 100, "not_found"), ("$0", ""))),
    Case("an id in another case is unknown", {"ids": ["UPPER", "$0"]}, outcomes=(("UPPER", "not_found"), ("$0", ""))),
    Case("an id of emoji", {"ids": [EMOJI, "$0"]}, outcomes=((EMOJI, "not_found"), ("$0", ""))),
    Case("999 ids that are unknown", {"ids": [f"u{n}" for n in range(999)]}, alerts=(),
         outcomes=[(f"u{n}", "not_found") for n in range(999)]),
    Case("999 times one id", {"ids": ["$0"] * 999}),
    Case("only unknown ids", {"ids": ["$unknown", "$foreign"]}, alerts=(),
         outcomes=(("$unknown", "not_found"), ("$foreign", "not_found"))),
    Case("an incident's id is no alert's", {"ids": ["$incident", "$0"]},
         outcomes=(("$incident", "not_found"), ("$0", ""))),
]  # fmt: skip

CONDITIONS = [
    *(Case(f"an alert that is {status}", ONE, alerts=({"handle_status": status},)) for status in ("Open", "Block")),
    Case("unknown", {"ids": ["$unknown", "$0"]}, outcomes=(("$unknown", "not_found"), ("$0", ""))),
    Case("another workspace's", {"ids": ["$0", "$foreign"]}, outcomes=(("$0", ""), ("$foreign", "not_found"))),
    Case("deleted", {"ids": ["$deleted", "$0"]}, outcomes=(("$deleted", "not_found"), ("$0", ""))),
    Case(
        "deleted by the case itself",
        {"ids": ["$0", "$1"]},
        alerts=({}, {}),
        before=(("delete", "$0"),),
        outcomes=(("$0", "not_found"), ("$1", "")),
    ),
    Case(
        "already converted",
        {"ids": ["$0", "$1"]},
        alerts=({}, {}),
        before=(("convert", "$0"),),
        outcomes=(("$0", "already_converted"), ("$1", "")),
    ),
    Case(
        "already converted, and nothing else is asked",
        ONE,
        before=(("convert", "$0"),),
        outcomes=(("$0", "already_converted"),),
        incidents=0,
    ),
    Case(
        "reopened stays already converted",
        ONE,
        before=(("convert", "$0"), ("reopen", "$0")),
        outcomes=(("$0", "already_converted"),),
        incidents=0,
        alert=OPEN,
    ),
    Case(
        "closed before keeps how it was closed",
        ONE,
        alerts=(
            {
                "handle_status": "Closed",
                "close_reason": "False detection",
                "close_comment": "known scanner",
                "close_time": "2024-05-06T07:08:09.010-03:00",
            },
        ),
        alert={
            "handle_status": "Closed",
            "close_reason": "False detection",
            "close_comment": "known scanner",
            "close_time": "2024-05-06T07:08:09.010-03:00",
        },
    ),
    Case(
        "closed before without a reason gets none",
        ONE,
        before=(("close", "$0"),),
        alert={"handle_status": "Closed", "close_reason": ABSENT, "close_comment": ABSENT},
    ),
    Case("an incident deleted ends its conversion", ONE, before=(("convert", "$0"), ("drop_incident", "$0"))),
    Case(
        "all sorts in one call",
        {"ids": ["$unknown", "$0", "$foreign", "$1", "$deleted", "$0", "$2"]},
        alerts=({}, {"severity": "Fatal"}, {}),
        before=(("convert", "$2"),),
        outcomes=(
            ("$unknown", "not_found"),
            ("$0", ""),
            ("$foreign", "not_found"),
            ("$1", ""),
            ("$deleted", "not_found"),
            ("$2", "already_converted"),
        ),
        incident={"severity": "Fatal"},
    ),
]

CLOSING = [
    Case("the alert is closed", ONE, alert={"handle_status": "Closed", "close_reason": "Other"}),
    Case("verification_state of the alert stays", ONE, alerts=({"verification_state": "True_Positive"},),
         alert={"verification_state": "True_Positive", "handle_status": "Closed"}),
    Case("the owner of the alert stays", ONE, alerts=({"owner": "ann"},), alert={"owner": "ann"}),
    Case("handle_status of the incident is Open", ONE, incident=OPEN),
]  # fmt: skip

_TYPE = {"alert_type": {"category": "Abnormal Network Behavior", "alert_type": "Odd one"}}
_DEFAULT = {"category": "Abnormal Network Behavior", "incident_type": "Odd one"}


def _type_case(meaning: str, given: Mapping[str, Any], expected: Any, **more: Any) -> Case:
    return Case(meaning, typed(**given), alerts=(_TYPE,), incident={"incident_type": expected}, **more)


TYPES = [
    _type_case("known id", {"id": ROOTKIT}, {"category": "Malware", "incident_type": "Rootkit"}),
    _type_case(
        "known id and its texts",
        {"id": ROOTKIT, "category": "MALWARE", "incident_type": "rootKit"},
        {"category": "MALWARE", "incident_type": "rootKit"},
    ),
    _type_case(
        "the published sample of 2025: unknown id, display names",
        {"id": UNKNOWN_TYPE, "category": "DDoS attack", "incident_type": "DNS protocol attacks"},
        {"category": "DDoS attack", "incident_type": "DNS protocol attacks"},
    ),
    _type_case(
        "the published sample of 2026",
        {"id": ROOTKIT, "category": "Malware", "incident_type": "Rootkit"},
        {"category": "Malware", "incident_type": "Rootkit"},
    ),
    _type_case(
        "Terraform's example: codes without id",
        {"category": "DDoS", "incident_type": "ACK Flood"},
        {"category": "DDoS", "incident_type": "ACK Flood"},
    ),
    _type_case("only the child", {"incident_type": "Rootkit"}, {"category": "Malware", "incident_type": "Rootkit"}),
    _type_case("only the category", {"category": "DDoS攻击"}, {"category": "DDoS攻击"}),
    _type_case("Chinese names", {"incident_type": "DNS协议攻击"}, {"category": "DDoS", "incident_type": "DNS协议攻击"}),
    _type_case(
        "texts that nothing matches are stored as sent",
        {"category": "Zoo", "incident_type": EMOJI},
        {"category": "Zoo", "incident_type": EMOJI},
    ),
    _type_case(
        "unknown id and unknown texts",
        {"id": UNKNOWN_TYPE, "category": "Zoo", "incident_type": "Escape"},
        {"category": "Zoo", "incident_type": "Escape"},
    ),
    _type_case("an unknown category alone", {"category": "Zoo"}, {"category": "Zoo"}),
    _type_case("no type: the first alert's", {}, _DEFAULT),
    _type_case("all three empty: the first alert's", {"id": "", "category": "", "incident_type": ""}, _DEFAULT),
    _type_case("all three null: the first alert's", {"id": None, "category": None, "incident_type": None}, _DEFAULT),
    _type_case("legacy parts of the type are dropped", {"id": ROOTKIT, "layoutId": 7}, ABSENT)._replace(
        incident={"incident_type": {"category": "Malware", "incident_type": "Rootkit"}}
    ),
    Case("no type anywhere", ONE, incident={"incident_type": ABSENT, "sla": ABSENT}),
    Case(
        "the first accepted alert's type, not the first named",
        {"ids": ["$unknown", "$1", "$0"]},
        alerts=({}, _TYPE),
        outcomes=(("$unknown", "not_found"), ("$1", ""), ("$0", "")),
        incident={"incident_type": _DEFAULT},
    ),
    Case("an alert's category alone", ONE, alerts=({"alert_type": {"category": "Zoo"}},),
         incident={"incident_type": {"category": "Zoo"}}),
    Case("strict: known texts", typed(incident_type="Rootkit"),
         incident={"incident_type": {"category": "Malware", "incident_type": "Rootkit"}},
         settings={"types_strict": True}),
    Case("strict: no type is still the first alert's", typed(),
         alerts=({"alert_type": {"category": "Malware", "alert_type": "Rootkit"}},),
         incident={"incident_type": {"category": "Malware", "incident_type": "Rootkit"}},
         settings={"types_strict": True}),
    _type_case("a type of the workspace's own", {"id": SLA_TYPE}, {"category": "Phish", "incident_type": "Mail"}),
]  # fmt: skip

_TITLED = ({"title": "The alert's own"},)
PARTS = [
    Case("incident_content absent", ONE, alerts=_TITLED, incident={"title": "The alert's own"}),
    Case("incident_content null", {**ONE, "incident_content": None}, _TITLED, incident={"title": "The alert's own"}),
    Case("incident_content empty", content(), _TITLED, incident={"title": "The alert's own"}),
    Case("title null", content(title=None), _TITLED, incident={"title": "The alert's own"}),
    Case("title empty", content(title=""), _TITLED, incident={"title": "The alert's own"}),
    Case("title given", content(title="Intrusion on web-01"), _TITLED, incident={"title": "Intrusion on web-01"}),
    Case("title of one character", content(title="x"), incident={"title": "x"}),
    Case("title of 255 characters", content(title="é" * 255), incident={"title": "é" * 255}),
    Case("title of 255 emoji", content(title="🚨" * 255), incident={"title": "🚨" * 255}),
    Case("title with everything in it", content(title=EMOJI), incident={"title": EMOJI}),
    Case("title with control characters", content(title="a\tb\nc\u007f"), incident={"title": "a\tb\nc\u007f"}),
    Case("incident_type null", content(incident_type=None), alerts=(_TYPE,), incident={"incident_type": _DEFAULT}),
    Case("incident_type empty", content(incident_type={}), alerts=(_TYPE,), incident={"incident_type": _DEFAULT}),
    Case("texts of 255 characters", typed(category="c" * 255, incident_type="é" * 255),
         incident={"incident_type": {"category": "c" * 255, "incident_type": "é" * 255}}),
    Case("unknown keys at every level", {**ONE, "x": {"y": [1, None]}, "incident_content": {"z": 1, "incident_type": {"q": 0}}}),
]  # fmt: skip

LEGACY = [
    Case(
        "the dropped ones are accepted in any form",
        {
            **ONE,
            "incident_content": {
                "type_category": 5,
                "evidence_list": ["e"],
                "note_list": None,
                "attachment_list": "a",
                "incident_type": {"layoutId": []},
            },
        },
    ),
    Case("description of the request", content(description="told"), alerts=({"description": "own"},),
         incident={"description": "told"}),
    Case("description null", content(description=None), ({"description": "own"},), incident={"description": "own"}),
    Case("description of 1024 characters", content(description="é" * 1024), incident={"description": "é" * 1024}),
    Case("event_content Open", {**ONE, "event_content": {"handle_status": "Open"}}, alert=OPEN),
    Case("event_content Block", {**ONE, "event_content": {"handle_status": "Block"}},
         alert={**OPEN, "handle_status": "Block"}),
    Case("event_content Closed", {**ONE, "event_content": {"handle_status": "Closed"}},
         alert={"handle_status": "Closed", "close_reason": "Other"}),
    Case("event_content Closed beats the setting", {**ONE, "event_content": {"handle_status": "Closed"}},
         settings={"conversion_close_alerts": False}, alert={"handle_status": "Closed", "close_reason": "Other"}),
    Case("event_content Open reopens", {**ONE, "event_content": {"handle_status": "Open"}},
         alerts=({"handle_status": "Closed", "close_reason": "Repeated", "close_comment": "c"},), alert=OPEN),
    *(
        Case(f"event_content {value!r}", {**ONE, "event_content": value}, alert={"handle_status": "Closed"})
        for value in (None, {}, {"handle_status": None}, {"other": 1})
    ),
    Case("marked as evidence", {**ONE, "marked_evidence": True}, evidence=True),
    Case("marked_evidence false", {**ONE, "marked_evidence": False}),
    Case("marked_evidence null", {**ONE, "marked_evidence": None}),
    Case("incident_id null", {**ONE, "incident_id": None}),
]  # fmt: skip

SETTINGS = [
    Case("one incident for each", {"ids": ["$0", "$unknown", "$1"]}, alerts=({"title": "A"}, {"title": "B"}),
         settings={"conversion_shape": "each"}, outcomes=(("$0", ""), ("$unknown", "not_found"), ("$1", "")),
         incidents=2, incident={"title": "A"}),
    Case("one for each, under one title", {"ids": ["$0", "$1"], "incident_content": {"title": "T"}}, alerts=({}, {}),
         settings={"conversion_shape": "each"}, incidents=2, incident={"title": "T"}),
    Case("alerts are left as they are", ONE, alerts=({"handle_status": "Block"},),
         settings={"conversion_close_alerts": False}, alert={**OPEN, "handle_status": "Block"}),
    Case("again is allowed", ONE, before=(("convert", "$0"),), settings={"conversion_allow_again": True}),
    Case("the owner is none", ONE, incident={"owner": ABSENT}),
    Case("the owner is the caller", ONE, settings={"conversion_owner": "caller"}, incident={"owner": "admin"}),
    Case("the daily limit is not reached", ONE, settings={"conversion_daily_limit": 100}),
]  # fmt: skip


def _pair(field: str, first: Any, second: Any) -> Sequence[Mapping[str, Any]]:
    return tuple({} if value is ABSENT else {field: value} for value in (first, second))


def _field(meaning: str, field: str, first: Any, second: Any, expected: Any) -> Case:
    alerts = _pair(field, first, second)
    return Case(f"{field}: {meaning}", {"ids": ["$0", "$1"]}, alerts, incident={field: expected})


_NET = {"direction": "IN", "src_ip": "10.0.0.1", "src_port": 1, "dest_ip": "10.0.0.2", "dest_port": "22"}
FIELDS = [
    *(
        _field(f"{low} and {high}", "severity", low, high, high)
        for low, high in (("Tips", "Low"), ("Low", "Medium"), ("Medium", "High"), ("High", "Fatal"), ("Tips", "Fatal"))
    ),
    _field("the higher one first", "severity", "Fatal", "Low", "Fatal"),
    _field("none is given", "severity", ABSENT, ABSENT, "Tips"),
    _field("maximum", "confidence", 10, 90, 90),
    _field("one is given", "confidence", ABSENT, 7, 7),
    _field("none is given", "confidence", ABSENT, ABSENT, ABSENT),
    _field("zero is a value", "confidence", 0, ABSENT, 0),
    _field("maximum", "criticality", 90, 10, 90),
    _field("none is given", "criticality", ABSENT, ABSENT, ABSENT),
    _field("of the first", "description", "one", "two", "one"),
    _field("of the first, which has none", "description", ABSENT, "two", ABSENT),
    _field("agree", "verification_state", "True_Positive", "True_Positive", "True_Positive"),
    _field("disagree", "verification_state", "True_Positive", "False_Positive", "Unknown"),
    _field("one is not given", "verification_state", "True_Positive", ABSENT, "Unknown"),
    _field("agree", "ipdrr_phase", "Detection and Analysis", "Detection and Analysis", "Detection and Analysis"),
    _field("disagree", "ipdrr_phase", "Detection and Analysis", "Prepartion", "Preparation"),
    _field("one is not given", "ipdrr_phase", "Detection and Analysis", ABSENT, "Preparation"),
    _field("none is given", "ipdrr_phase", ABSENT, ABSENT, "Preparation"),
    _field("sum", "count", 7, 5, 12),
    _field("beyond the published 999", "count", 999, 999, 1998),
    _field("none is given", "count", ABSENT, ABSENT, 2),
    _field("zero is a value", "count", 0, 3, 3),
    _field("large", "count", 2**53, 2**53, 2**54),
    _field("minimum across offsets", "first_observed_time", "2024-03-01T10:00:00.000+08:00",
           "2024-03-01T01:59:59.999-01:00", "2024-03-01T10:00:00.000+08:00"),
    _field("minimum is the second's", "first_observed_time", "2024-03-01T10:00:00.000+08:00",
           "2024-03-01T01:59:59.999Z+0000", "2024-03-01T01:59:59.999+00:00"),
    _field("one is given", "first_observed_time", ABSENT, "2024-03-01T01:59:59Z", "2024-03-01T01:59:59.000+00:00"),
    _field("none is given", "first_observed_time", ABSENT, ABSENT, ABSENT),
    _field("maximum across offsets", "last_observed_time", "2024-03-01T10:00:00.000+08:00",
           "2024-03-01T01:59:59.999-01:00", "2024-03-01T01:59:59.999-01:00"),
    _field("union without equal entries", "network_list", [_NET, {"src_ip": "a"}], [{"src_ip": "a"}, {"src_ip": "b"}],
           [_NET, {"src_ip": "a"}, {"src_ip": "b"}]),
    _field("equal whatever the order of keys", "user_info", [{"user_id": "1", "user_name": "ann"}],
           [{"user_name": "ann", "user_id": "1"}], [{"user_id": "1", "user_name": "ann"}]),
    _field("equal within one alert", "user_info", [{"user_id": "1"}, {"user_id": "1"}], ABSENT, [{"user_id": "1"}]),
    _field("union", "process", [{"process_name": "a"}], [{"process_name": "b"}],
           [{"process_name": "a"}, {"process_name": "b"}]),
    _field("union", "file_info", [{"file_path": "/a"}], [{"file_path": "/b"}], [{"file_path": "/a"}, {"file_path": "/b"}]),
    _field("unknown keys stay", "file_info", [{"x": {"y": 123456789012345678901234567890}}], [{"x": {"y": 1.50}}],
           [{"x": {"y": 123456789012345678901234567890}}, {"x": {"y": 1.5}}]),
    _field("none", "network_list", ABSENT, ABSENT, ABSENT),
    _field("tags as text", "resource_list", [{"id": "r", "tags": {"env": "prod", "a": "b"}}], ABSENT,
           [{"id": "r", "tags": "env:prod,a:b"}]),
    _field("tags of both spellings are equal", "resource_list", [{"id": "r", "tags": {"env": "prod"}}],
           [{"id": "r", "tags": "env:prod"}], [{"id": "r", "tags": "env:prod"}]),
    _field("tags that are no text keep their JSON spelling", "resource_list", [{"tags": {"a": True, "b": None, "c": 5}}],
           ABSENT, [{"tags": "a:true,b:null,c:5"}]),
    _field("the first 999", "file_info", [{"file_path": f"/a{n}"} for n in range(600)],
           [{"file_path": f"/b{n}"} for n in range(600)],
           [{"file_path": f"/a{n}"} for n in range(600)] + [{"file_path": f"/b{n}"} for n in range(399)]),
    *(
        _field("of the first", field, first, second, first)
        for field, first, second in (
            ("environment", {"vendor_type": "HWC", "x": [1]}, {"vendor_type": "AWS"}),
            ("data_source", {"source_type": 1, "product_name": "hss"}, {"source_type": 2}),
            ("domain_id", "d1", "d2"),
            ("region_id", "r1", "r2"),
            ("malware", {"malware_family": "m"}, {"malware_class": "n"}),
            ("remediation", {"recommendation": "isolate"}, {"url": "u"}),
            ("system_info", {"b": 1, "a": [1.50]}, {}),
            ("source_url", "https://one.example", "https://two.example"),
        )
    ),
    _field("not of the second", "environment", ABSENT, {"vendor_type": "AWS"}, ABSENT),
    _field("union", "labels", "web,ssh", "ssh,eu", "web,ssh,eu"),
    _field("of the second only", "labels", ABSENT, "eu", "eu"),
    _field("whole ones within 1024", "labels", "a" * 1000, "b" * 10 + "," + "c" * 20, "a" * 1000 + "," + "b" * 10),
    _field("up to exactly 1024", "labels", "a" * 1000, "b" * 23, "a" * 1000 + "," + "b" * 23),
    _field("not of 1025", "labels", "a" * 1000, "b" * 24, "a" * 1000),
    _field("all booleans", "simulation", True, True, True),
    _field("in the type of the first: text", "simulation", "true", True, "true"),
    _field("in the type of the first: boolean", "simulation", True, "true", True),
    _field("one is real", "simulation", True, False, ABSENT),
    _field("one is real, as text", "simulation", "true", "false", ABSENT),
    _field("one is not given", "simulation", True, ABSENT, ABSENT),
    _field("none is", "simulation", False, False, ABSENT),
    _field("the alerts' is not the incident's", "owner", "ann", "ann", ABSENT),
    _field("the caller, not the alerts'", "creator", "ann", "ann", "admin"),
    _field("not taken over", "actor", "ann", "ann", ABSENT),
]  # fmt: skip

ACCEPTED = [*IDS, *CONDITIONS, *CLOSING, *TYPES, *PARTS, *LEGACY, *SETTINGS, *FIELDS]


def _wrong_types() -> Iterator[Refusal]:
    wrong_text = (5, 1.5, True, {}, [], ["x"], {"a": "b"})
    wrong_object = ("x", "", 5, True, [], [{}])
    for value in (5, 0, 1.5, True, False, {}, {"0": "$0"}, [5], [None], [["$0"]], [{}], ["$0", 5], [True]):
        yield Refusal(f"ids {value!r}", {"ids": value}, "ids")
    for value in wrong_object:
        yield Refusal(f"incident_content {value!r}", {**ONE, "incident_content": value}, "incident_content")
        yield Refusal(f"incident_type {value!r}", content(incident_type=value), "incident_content.incident_type")
        yield Refusal(f"event_content {value!r}", {**ONE, "event_content": value}, "event_content")
    for value in wrong_text:
        yield Refusal(f"title {value!r}", content(title=value), "incident_content.title")
        yield Refusal(f"description {value!r}", content(description=value), "incident_content.description")
        yield Refusal(f"incident_id {value!r}", {**ONE, "incident_id": value}, "incident_id")
        yield Refusal(
            f"handle_status {value!r}",
            {**ONE, "event_content": {"handle_status": value}},
            "event_content.handle_status",
        )
        for part in ("id", "category", "incident_type"):
            yield Refusal(f"type {part} {value!r}", typed(**{part: value}), f"incident_content.incident_type.{part}")
    for value in ("true", "", 1, 0, [], {}):
        yield Refusal(f"marked_evidence {value!r}", {**ONE, "marked_evidence": value}, "marked_evidence")


_DEEP = b'{"ids":["$0"],"x":'
REFUSED = [
    *_wrong_types(),
    Refusal("no ids", {}, "ids"),
    Refusal("no ids, but all else", {"incident_content": {"title": "T"}}, "ids"),
    Refusal("ids null", {"ids": None}, "ids"),
    Refusal("ids empty", {"ids": []}, "ids"),
    Refusal("1000 ids", {"ids": [f"u{n}" for n in range(1000)]}, "ids"),
    Refusal("1000 times one id", {"ids": ["$0"] * 1000}, "ids"),
    Refusal("an id of 101 characters", {"ids": ["$0", "x" * 101]}, "ids"),
    Refusal("a bare string of 101 characters", {"ids": "x" * 101}, "ids"),
    Refusal("title of 256 characters", content(title="é" * 256), "incident_content.title"),
    Refusal("description of 1025 characters", content(description="é" * 1025), "incident_content.description"),
    *(
        Refusal(f"type {part} of 256 characters", typed(**{part: "x" * 256}), f"incident_type.{part}")
        for part in ("id", "category", "incident_type")
    ),
    Refusal("unknown type id alone", typed(id=UNKNOWN_TYPE), "incident_content.incident_type.id"),
    Refusal("unknown type id, empty texts", typed(id=UNKNOWN_TYPE, category=""), "incident_content.incident_type.id"),
    Refusal("id and texts of two types", typed(id=ROOTKIT, category="DDoS"), "incident_content.incident_type"),
    Refusal("an ambiguous child", typed(incident_type="Other"), "incident_content.incident_type"),
    Refusal("a disabled type by id", typed(id=DISABLED_TYPE), "incident_content.incident_type"),
    Refusal(
        "a disabled type by texts", typed(category="Phish", incident_type="Retired"), "incident_content.incident_type"
    ),
    Refusal(
        "strict types",
        typed(category="Zoo", incident_type="Escape"),
        "incident_content.incident_type",
        settings={"types_strict": True},
    ),
    Refusal("a wrong type with unknown ids only", {**typed(id=UNKNOWN_TYPE), "ids": ["$unknown"]}, "incident_type"),
    *(
        Refusal(f"event_content {text!r}", {**ONE, "event_content": {"handle_status": text}}, "handle_status")
        for text in ("Converted", "CLOSED!", "关闭", " ")
    ),
    *(
        Refusal(f"incident_id {text}", {**ONE, "incident_id": text}, "incident_id")
        for text in ("$unknown", "$0", "$foreign_incident", "$deleted_incident", "x" * 101)
    ),
    Refusal("incident_id unknown and no alert known", {"ids": ["$unknown"], "incident_id": "$unknown"}, "incident_id"),
    Refusal(
        "the daily limit is reached",
        ONE,
        before=(("convert", "$1"),),
        alerts=({}, {}),
        settings={"conversion_daily_limit": 1},
        code="SecMaster.20041509",
    ),
    Refusal(
        "the daily limit is reached, whatever the alerts",
        {"ids": ["$unknown", "$1"]},
        before=(("convert", "$1"),),
        alerts=({}, {}),
        settings={"conversion_daily_limit": 1},
        code="SecMaster.20041509",
    ),
    Refusal(
        "the daily limit would be passed by one for each",
        {"ids": ["$0", "$1"]},
        alerts=({}, {}),
        settings={"conversion_daily_limit": 1, "conversion_shape": "each"},
        code="SecMaster.20041509",
    ),
    Refusal("a wrong type before the daily limit", typed(id=UNKNOWN_TYPE), "incident_type",
            before=(("convert", "$1"),), alerts=({}, {}), settings={"conversion_daily_limit": 1}),
    Refusal("an empty body", b"", "body"),
    Refusal("white space", b" \r\n\t", "body"),
    Refusal("null", b"null", "body"),
    Refusal("an array", b'["$0"]', "body"),
    Refusal("a string", b'"$0"', "body"),
    Refusal("a number", b"1", "body"),
    Refusal("no JSON", b"ids=$0", "body"),
    Refusal("JSON cut off", b'{"ids":["$0"]', "body"),
    Refusal("two objects", b'{"ids":["$0"]}{}', "body"),
    Refusal("a comma too many", b'{"ids":["$0",]}', "body"),
    Refusal("NaN", b'{"ids":["$0"],"x":NaN}', "body"),
    Refusal("single quotes", b"{'ids':['$0']}", "body"),
    Refusal("a byte order mark", b'\xef\xbb\xbf{"ids":["$0"]}', "body"),
    Refusal("UTF-16", '{"ids":["$0"]}'.encode("utf-16"), "body"),
    Refusal("invalid UTF-8", b'{"ids":["$0"],"incident_content":{"title":"\xff\xfe"}}', "UTF-8"),
    Refusal("overlong UTF-8", b'{"ids":["$0"],"incident_content":{"title":"\xc0\xaf"}}', "UTF-8"),
    Refusal("a surrogate in UTF-8", b'{"ids":["$0"],"incident_content":{"title":"\xed\xa0\x80"}}', "UTF-8"),
    Refusal("a lone high surrogate", b'{"ids":["$0"],"incident_content":{"title":"a\\ud800b"}}', "title"),
    Refusal("a lone low surrogate", b'{"ids":["$0","\\udc00"]}', "ids"),
    Refusal("surrogates the wrong way round", b'{"ids":["$0"],"incident_content":{"title":"\\udc00\\ud800"}}', "title"),
    Refusal("NUL in the title", b'{"ids":["$0"],"incident_content":{"title":"a\\u0000"}}', "title"),
    Refusal("NUL in an id", b'{"ids":["$0","\\u0000"]}', "ids"),
    Refusal("NUL in a type", b'{"ids":["$0"],"incident_content":{"incident_type":{"category":"\\u0000"}}}', "category"),
    Refusal("a raw NUL", b'{"ids":["$0\x00"]}', "body"),
    Refusal("a bomb of arrays", _DEEP + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
    Refusal("a bomb of objects", _DEEP + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, "nested"),
    Refusal("a bomb that is not closed", b"[" * 200_000, ""),
    Refusal("65 levels", _DEEP + b"[" * 64 + b"]" * 64 + b"}", "nested"),
    Refusal("an exponent without end", _DEEP + b"1e99999}", "number"),
    Refusal("a number of 100 000 digits", _DEEP + b"9" * 100_000 + b"}", "number"),
    Refusal("a number as id", b'{"ids":[' + b"9" * 40 + b"]}", "ids"),
    Refusal(
        "over 12 MB",
        b'{"ids":["$0"],"x":"' + b"x" * (12 * 1024 * 1024) + b'"}',
        "too large",
        status=413,
        code="APIGW.0201",
    ),
]  # fmt: skip

# Bodies that look wrong and are not.
ODD = [
    ("duplicate keys: the last one counts", b'{"ids":["$unknown"],"ids":["$0"]}'),
    ("escaped keys and ids", b'{"\\u0069ds":["$0"]}'),
    ("white space around", b'\r\n\t {"ids" : [ "$0" ] } \n'),
    ("64 levels", _DEEP + b"[" * 63 + b"]" * 63 + b"}"),
    ("a surrogate pair as escapes", b'{"ids":["$0"],"incident_content":{"title":"\\ud83d\\ude80"}}'),
    ("an escaped backslash before u0000", b'{"ids":["$0"],"incident_content":{"title":"\\\\u0000"}}'),
    ("a large number where nobody looks", _DEEP + b"1" * 40 + b"}"),
    ("nearly 12 MB", b'{"ids":["$0"],"x":"' + b"x" * (12 * 1024 * 1024 - 200) + b'"}'),
]


# What the tests read and write beside the API.


def rows(desk: TestDesk, statement: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"file:{desk.path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement, params)]


def contents(desk: TestDesk, *, without: Iterable[str] = ("tokens",)) -> dict[str, list[Any]]:
    """Every row of every table, but of those that change without an effect."""
    with closing(sqlite3.connect(f"file:{desk.path}?mode=ro", uri=True)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        connection.execute("BEGIN")
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr)
            for name in names
            if name not in without
        }


def scope(desk: TestDesk, workspace_id: str | None = None, operation: str = "test") -> Scope:
    return Scope(
        workspace_id=workspace_id or desk.made.workspace_id or "",
        project_id=desk.made.project_id,
        caller=Caller(user_id="test", user_name="test", domain_id="", domain_name=""),
        operation=operation,
        request_id=new_id(),
        now_ms=now_ms(),
        offset_min=480,
    )


def add_objects(
    desk: TestDesk,
    documents: Iterable[Mapping[str, Any]],
    *,
    dataclass: DataClass = ALERTS,
    workspace_id: str | None = None,
) -> list[str]:
    """Objects stored in one transaction, without HTTP; returns their ids."""
    texts = [json.dumps({"title": "An alert", **document}).encode() for document in documents]
    scopes = [scope(desk, workspace_id) for _ in texts]
    with desk.database() as database:
        return database.write(
            lambda tx: [
                create_object(tx, each, dataclass, Draft(text)).id for each, text in zip(scopes, texts, strict=True)
            ]
        ).result()


def delete(desk: TestDesk, dataclass: DataClass, ids: Sequence[str], workspace_id: str | None = None) -> None:
    within = scope(desk, workspace_id, "delete")
    with desk.database() as database:
        done, _ = database.write(lambda tx: delete_objects(tx, within, dataclass, ids)).result()
    assert done == list(ids)


def add_types(desk: TestDesk) -> None:
    """A parent of the workspace's own with two children: one with a time to respond, one disabled."""
    common = "level, category, category_code, sub_category, sub_category_code, description, enabled, sla_ms"
    with closing(sqlite3.connect(desk.path)) as connection, connection:
        connection.executemany(
            f"INSERT INTO object_types (workspace_id, dataclass, id, {common}, creator_id, creator_name, create_time, "
            "update_time) VALUES (?, 'incidents', ?, ?, 'Phishing', 'Phish', ?, ?, '', ?, ?, 'u', 'u', 0, 0)",
            [
                (desk.made.workspace_id, new_id(), 1, None, None, True, 0),
                (desk.made.workspace_id, SLA_TYPE, 2, "By mail", "Mail", True, SLA_MS),
                (desk.made.workspace_id, DISABLED_TYPE, 2, "Retired one", "Retired", False, 0),
            ],
        )


def incidents_of(desk: TestDesk, alert_ids: Iterable[str]) -> dict[str, list[str]]:
    """The incidents that each alert is part of, by relations that stand."""
    found: dict[str, list[str]] = {one: [] for one in alert_ids}
    for row in rows(desk, "SELECT from_id, to_id FROM relations WHERE deleted_time IS NULL AND to_class = 'incidents'"):
        if row["from_id"] in found:
            found[row["from_id"]].append(row["to_id"])
    return found


def check_invariants(desk: TestDesk) -> None:
    """What holds in every database at every instant: no incident of a conversion without alert, no alert marked
    converted without its incident, relation, conversion record and audit row, and none of these alone."""
    incidents = {row["id"]: row for row in rows(desk, "SELECT * FROM data_objects WHERE dataclass = 'incidents'")}
    alerts = {row["id"]: row for row in rows(desk, "SELECT * FROM data_objects WHERE dataclass = 'alerts'")}
    conversions = {row["id"]: row for row in rows(desk, "SELECT * FROM conversions")}
    relations = rows(desk, "SELECT * FROM relations WHERE conversion_id IS NOT NULL")
    audit = Counter(
        (row["request_id"], row["object_class"], row["object_id"])
        for row in rows(desk, "SELECT * FROM audit WHERE operation = 'create_batch_order_alerts'")
    )
    pairs = {(row["from_id"], row["to_id"]) for row in relations}
    standing = {(row["from_id"], row["to_id"]) for row in relations if row["deleted_time"] is None}
    expected_audit: Counter[tuple[str, str, str]] = Counter()
    for conversion in conversions.values():
        kept = json.loads(conversion["alerts"])
        assert kept
        assert {one["incident_id"] for one in kept} == set(json.loads(conversion["incident_ids"]))
        for one in kept:
            assert (one["alert_id"], one["incident_id"]) in pairs
            expected_audit[conversion["request_id"], "alerts", one["alert_id"]] += 1
        for incident_id in json.loads(conversion["incident_ids"]):
            assert incident_id in incidents
            expected_audit[conversion["request_id"], "incidents", incident_id] += 1
    assert audit == expected_audit
    for alert in alerts.values():
        if alert["incident_id"] is not None:
            assert (alert["id"], alert["incident_id"]) in standing
            assert incidents[alert["incident_id"]]["deleted_time"] is None
    for relation in relations:
        assert relation["conversion_id"] in conversions
        assert relation["from_id"] in alerts
        assert relation["to_id"] in incidents


def leaks_nothing(text: str, desk: TestDesk) -> None:
    """No trace, statement or file name in what a stranger reads."""
    for word in (
        "Traceback",
        'File "',
        "SELECT ",
        "INSERT ",
        "UPDATE ",
        "sqlite",
        "SQLITE",
        ".py",
        ".db",
        str(desk.path),
    ):
        assert word.lower() not in text.lower(), text
