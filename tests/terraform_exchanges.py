"""What the Terraform provider sends and what it reads of the answers, as a table.

Bodies are the bytes on the wire: compact, keys in order, a newline at the end (the driver adds it). `<name>` stands for
a value that the driver knows or that an earlier answer gave. Paths that begin with / are whole; others stand below the
workspace.

Source: recorded requests of golangsdk, section 4; API reference notes labelled TF.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

ABSENT = object()
TEXT, FLAG, NUMBER = str, bool, int
# What the provider parses: the full form with milliseconds, a literal Z, then the offset.
Z_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z[+-]\d{4}")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")

# How a request is let in.
TOKEN, SIGNED, OPEN = "token", "signed", "open"


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and of its answer what the provider looks at."""

    send: str
    body: str = ""
    credentials: str = TOKEN
    status: int = 200
    # JSON path (dots, indexes, # for a length) to a value, a type, a pattern, or ABSENT.
    reads: Mapping[str, Any] = {}
    # Name to the JSON path, or to the response header, that later requests take it from.
    keeps: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}


def gone(send: str) -> Exchange:
    """The provider drops the object from its state."""
    return Exchange(send=send, status=400, reads={"code": "SecMaster.20030005", "message": TEXT})


_USER = '{"domain":{"name":"<domain_name>"},"name":"<user>","password":"<password>"}'
_PASSWORD = '{"auth":{"identity":{"methods":["password"],"password":{"user":' + _USER + "}},"
PROJECT_TOKEN = _PASSWORD + '"scope":{"project":{"domain":{"name":"<domain_name>"},"name":"<region>"}}}}'
LOGIN = Exchange(
    send="POST /v3/auth/tokens", body=PROJECT_TOKEN, credentials=OPEN, status=201,
    reads={
        "token.expires_at": RFC_3339, "token.project.id": TEXT, "token.project.domain.id": TEXT,
        "token.user.id": TEXT, "token.catalog": list,
    },
    keeps={"token": "X-Subject-Token", "project": "token.project.id", "domain": "token.project.domain.id"},
)  # fmt: skip

START = [
    LOGIN,
    Exchange(
        send="POST /v3/auth/tokens", body=_PASSWORD + '"scope":{"domain":{"name":"<domain_name>"}}}}', credentials=OPEN,
        status=201, reads={"token.domain.id": TEXT, "token.domain.name": "<domain_name>", "token.project": ABSENT},
    ),
    Exchange(
        send="GET /v3/auth/domains",
        reads={"domains.#": 1, "domains.0.id": "<domain>", "domains.0.name": "<domain_name>", "links.next": None},
    ),
    Exchange(send="GET /v3/users?name=<user>", reads={"users.#": 1, "users.0.id": TEXT, "users.0.name": "<user>"}),
    Exchange(
        send="GET /v3/projects?name=<region>",
        reads={
            "projects.#": 1, "projects.0.id": "<project>", "projects.0.name": "<region>", "projects.0.enabled": True,
            "projects.0.is_domain": False, "projects.0.domain_id": "<domain>", "projects.0.parent_id": TEXT,
            "projects.0.description": TEXT, "links.next": None,
        },
    ),
    Exchange(
        send="POST /v3/auth/tokens", credentials=OPEN, status=201,
        body='{"auth":{"identity":{"methods":["token"],"token":{"id":"<token>"}},"scope":{"project":{"id":"<project>"}}}}',
        reads={"token.project.id": "<project>"},
    ),
    Exchange(send="GET dataclasses?limit=1", reads={"total": 3}),
]  # fmt: skip

WRONG_PASSWORD = [
    Exchange(
        send="POST /v3/auth/tokens", body=PROJECT_TOKEN.replace("<password>", "wrong"), credentials=OPEN, status=401
    ),
    Exchange(send="POST /v3/auth/tokens", body=PROJECT_TOKEN.replace("<user>", "nobody"), credentials=OPEN, status=401),
    Exchange(send="GET dataclasses", credentials=OPEN, status=401, reads={"error_code": "APIGW.0301"}),
]

DISCOVERY = [Exchange(send="GET /", credentials=OPEN, reads={"versions.values.0.id": re.compile("v3.*"),
                                                             "versions.values.0.status": "stable"})]  # fmt: skip

BY_KEY = [
    Exchange(
        send="GET /v3/projects?name=<region>", credentials=SIGNED, reads={"projects.#": 1}, keeps={"project": "projects.0.id"}
    ),
    Exchange(
        send="GET /v3/auth/domains", credentials=SIGNED, headers={"X-Project-Id": "<project>"}, reads={"domains.#": 1}
    ),
    Exchange(
        send="POST alerts", credentials=SIGNED, headers={"X-Project-Id": "<project>"}, body='{"data_object":{"title":"ü"}}',
        keeps={"alert": "data.id"},
    ),
    Exchange(
        send="POST alerts/batch-order", credentials=SIGNED, headers={"X-Project-Id": "<project>"},
        body='{"ids":["<alert>"],"incident_content":{"title":"XXX <&>"}}',
        reads={"data.success_ids": ["<alert>"], "data.error_ids": []},
    ),
]  # fmt: skip

_SOURCE = (
    '"data_source":{"domain_id":"<domain>","product_feature":"hss","product_name":"hss","project_id":"<project>",'
    '"region_id":"<region>","source_type":1},'
)
_PLACE = '"environment":{"domain_id":"<domain>","project_id":"<project>","region_id":"<region>"},'


def alert_body(
    *, description: str, kind: str, state: str, phase: str, status: str, severity: str, more: str = "", close: str = "",
    simulation: str = "", batch: str = "",
) -> str:  # fmt: skip
    """An alert as the provider writes it; what is optional is given as text with a comma behind it."""
    return (
        "{" + batch + '"data_object":{"alert_type":' + kind + "," + close + _SOURCE + f'"description":"{description}",'
        '"domain_id":"<domain>",' + _PLACE + '"first_observed_time":"2021-01-30T23:00:00.000Z+0800",'
        f'"handle_status":"{status}","ipdrr_phase":"{phase}",' + more + '"region_id":"<region>",'
        f'"severity":"{severity}",' + simulation + f'"title":"test alert","verification_state":"{state}"}}}}'
    )  # fmt: skip


_ACK = '{"alert_type":"ACK Flood","category":"DDoS"}'
_TYPE = '{"alert_type":"Black IP","category":"Web Attack"}'

ALERT = [
    LOGIN,
    Exchange(
        send="POST alerts",
        body=alert_body(
            description="created by terraform <&>", kind=_ACK, state="Unknown", phase="Containm,Eradication& Recovery",
            status="Open", severity="Tips", more='"labels":"test label","last_observed_time":"2021-01-30T23:30:00.000'
            'Z+0800","owner":"alice",', simulation='"simulation":true,',
        ),
        reads={"data.id": UUID},
        keeps={"alert": "data.id"},
    ),
    Exchange(
        send="GET alerts/<alert>",
        reads={
            f"data.data_object.{path}": value
            for path, value in {
                "title": "test alert", "description": "created by terraform <&>", "alert_type.category": "DDoS",
                "alert_type.alert_type": "ACK Flood", "data_source.source_type": 1,
                "data_source.product_name": "hss", "data_source.product_feature": "hss",
                "data_source.domain_id": "<domain>", "data_source.project_id": "<project>",
                "data_source.region_id": "<region>", "environment.domain_id": "<domain>",
                "environment.project_id": "<project>", "environment.region_id": "<region>",
                "environment.vendor_type": ABSENT, "severity": "Tips", "handle_status": "Open",
                "ipdrr_phase": "Containm,Eradication& Recovery", "verification_state": "Unknown",
                "first_observed_time": "2021-01-30T23:00:00.000+08:00",
                "last_observed_time": "2021-01-30T23:30:00.000+08:00", "owner": "alice", "simulation": True,
                "labels": "test label", "domain_id": "<domain>", "region_id": "<region>",
                "workspace_id": "<workspace>", "create_time": Z_FORM, "update_time": Z_FORM, "id": "<alert>",
                "close_reason": ABSENT, "close_comment": ABSENT,
            }.items()
        },
    ),
    Exchange(
        send="PUT alerts/<alert>",
        body=alert_body(
            batch='"batch_ids":["<alert>"],', description="", kind=_TYPE, state="Positive",
            phase="Detection and analysis", status="Block", severity="Medium", more='"labels":"","owner":"bob",',
            simulation='"simulation":false,',
        ),
    ),
    Exchange(
        send="GET alerts/<alert>",
        reads={
            f"data.data_object.{path}": value
            for path, value in {
                "description": "", "labels": "", "owner": "bob", "alert_type.category": "Web Attack",
                "alert_type.alert_type": "Black IP", "severity": "Medium", "handle_status": "Block",
                "ipdrr_phase": "Detection and analysis", "verification_state": "Positive", "simulation": False,
                "first_observed_time": "2021-01-30T23:00:00.000+08:00",
                # It was not sent again, so it stays.
                "last_observed_time": "2021-01-30T23:30:00.000+08:00",
            }.items()
        },
    ),
    Exchange(
        send="PUT alerts/<alert>",
        body=alert_body(
            batch='"batch_ids":["<alert>"],', description="d", kind=_TYPE, state="False positive", phase="Preparation",
            status="Closed", severity="Low", close='"close_comment":"test","close_reason":"False detection",',
        ),
        reads={"data.data_object.close_reason": "False detection", "data.data_object.close_comment": "test",
               "data.data_object.handle_status": "Closed", "data.data_object.verification_state": "False positive"},
    ),
    Exchange(
        send="POST alerts/search",
        body='{"condition":{"conditions":[{"data":["severity","in","Tips,Low"],"name":"severity"},{"data":'
        '["handle_status","=","Closed"],"name":"handle_status"},{"data":["alert_type.alert_type","contains","Black"],'
        '"name":"type"},{"data":["create_time",">=","2024-08-15T19:18:38Z+0800"],"name":"time"}],"logics":["severity",'
        '"and","handle_status","and","type","and","time"]},"from_date":"2024-08-15T19:18:38.000Z+0800","limit":1000,'
        '"offset":0,"order":"ASC","sort_by":"update_time","to_date":"2124-08-15T19:18:38.000Z+0800"}',
        reads={"total": 1, "data.0.data_object.id": "<alert>", "data.0.data_object.project_id": "<project>",
               "data.0.data_object.dataclass_id": UUID, "data.0.dataclass_ref.name": "Alert"},
    ),
    Exchange(
        send="POST alerts/search",
        body='{"condition":{"conditions":[{"data":["severity","!=","Low"],"name":"severity"}],"logics":["severity"]},'
        '"limit":1000,"offset":0}',
        reads={"total": 0, "data.#": 0},
    ),
    Exchange(send="DELETE alerts", body='{"batch_ids":["<alert>"]}'),
    gone("GET alerts/<alert>"),
    # It deletes what is gone already, and must not fail.
    Exchange(send="DELETE alerts", body='{"batch_ids":["<alert>"]}'),
    Exchange(send="DELETE alerts", body='{"batch_ids":"<alert>"}'),
]  # fmt: skip

# Absent stays absent: its setter refuses anything but a boolean.
SIMULATION = [
    LOGIN,
    *(
        exchange
        for kind in ("alerts", "incidents")
        for given, read in (('"simulation":true,', True), ('"simulation":false,', False), ("", ABSENT))
        for exchange in (
            Exchange(send=f"POST {kind}", body='{"data_object":{' + given + '"title":"t"}}', keeps={"made": "data.id"}),
            Exchange(send=f"GET {kind}/<made>", reads={"data.data_object.simulation": read}),
        )
    ),
]

# It turns ports into texts itself, from whatever type they have.
PORTS = [
    LOGIN,
    *(
        exchange
        for port in ('"443"', "443")
        for exchange in (
            Exchange(
                send="POST alerts",
                body='{"data_object":{"network_list":[{"dest_ip":"192.0.2.1","dest_port":' + port + ',"src_port":'
                + port + '}],"title":"t"}}',
                keeps={"made": "data.id"},
            ),
            Exchange(
                send="GET alerts/<made>",
                reads={"data.data_object.network_list.0.src_port": 443,
                       "data.data_object.network_list.0.dest_port": "443"},
            ),
        )
    ),
]  # fmt: skip


def incident_body(
    *, kind: str, description: str, state: str, phase: str, status: str, severity: str, more: str = "", sla: str = "",
) -> str:  # fmt: skip
    return (
        '{"data_object":{' + _SOURCE + f'"description":"{description}","domain_id":"<domain>",' + _PLACE +
        '"first_observed_time":"2024-10-24T16:06:00.000Z+0800",' + f'"handle_status":"{status}",'
        '"incident_type":' + kind + f',"ipdrr_phase":"{phase}",' + more + '"region_id":"<region>",'
        f'"severity":"{severity}",' + sla + f'"title":"test incident","verification_state":"{state}"}}}}'
    )  # fmt: skip


INCIDENT = [
    LOGIN,
    Exchange(
        send="POST incidents",
        body=incident_body(
            kind='{"category":"DDoS","incident_type":"ACK Flood"}', description="created by terraform",
            state="Unknown", phase="Containm,Eradication& Recovery", status="Open", severity="Tips",
            more='"last_observed_time":"2024-10-24T17:06:00.000Z+0800","owner":"alice",',
            sla='"simulation":false,"sla":"2024-10-30T16:06:00.000Z+0800",',
        ),
        reads={"data.id": UUID},
        keeps={"incident": "data.id"},
    ),
    Exchange(
        send="GET incidents/<incident>",
        reads={
            f"data.data_object.{path}": value
            for path, value in {
                "title": "test incident", "description": "created by terraform", "incident_type.category": "DDoS",
                "incident_type.incident_type": "ACK Flood", "data_source.source_type": 1, "severity": "Tips",
                "handle_status": "Open", "ipdrr_phase": "Containm,Eradication& Recovery",
                "verification_state": "Unknown", "owner": "alice", "simulation": False,
                "first_observed_time": "2024-10-24T16:06:00.000+08:00",
                "last_observed_time": "2024-10-24T17:06:00.000+08:00",
                "sla": "2024-10-30T16:06:00.000Z+0800", "create_time": Z_FORM, "update_time": Z_FORM,
                "workspace_id": "<workspace>", "domain_id": "<domain>", "region_id": "<region>",
                "environment.domain_id": "<domain>",
            }.items()
        },
    ),
    Exchange(
        send="PUT incidents/<incident>",
        body=incident_body(
            kind='{"category":"Web Attack","incident_type":"Black IP"}', description="updated", state="Positive",
            phase="Detection and analysis", status="Block", severity="Medium",
        ),
    ),
    Exchange(
        send="GET incidents/<incident>",
        reads={
            f"data.data_object.{path}": value
            for path, value in {
                "description": "updated", "incident_type.category": "Web Attack", "incident_type.incident_type": "Black IP",
                "handle_status": "Block", "verification_state": "Positive", "ipdrr_phase": "Detection and analysis",
                "severity": "Medium", "owner": "alice", "sla": "2024-10-30T16:06:00.000Z+0800",
            }.items()
        },
    ),
    Exchange(send="DELETE incidents", body='{"batch_ids":"<incident>"}'),
    gone("GET incidents/<incident>"),
    Exchange(send="DELETE incidents", body='{"batch_ids":"<incident>"}'),
]  # fmt: skip


_DOMAIN = "ac794b2dfab9fe8c0676587301a636d3"


def indicator_body(*, value: str, verdict: str, status: str, marking: int, more: str = "") -> str:
    return (
        f'{{"data_object":{{"confidence":{80 + marking},' + _SOURCE + '"defanged":false,' + _PLACE +
        '"first_report_time":"2023-02-25T12:00:29.623Z+0800",'
        f'"granular_marking":{marking},"indicator_type":{{"category":"Domain","id":"{_DOMAIN}","indicator_type":"Domain"}},'
        + more + f'"name":"test indicator","status":"{status}","value":"{value}","verdict":"{verdict}"}}}}'
    )  # fmt: skip


INDICATOR = [
    LOGIN,
    Exchange(
        send="POST indicators",
        body=indicator_body(
            value="bad.example", verdict="Black", status="Open", marking=1,
            more='"labels":"l","last_report_time":"2023-02-25T13:00:29.623Z+0800",',
        ),
        reads={"data.id": UUID},
        keeps={"indicator": "data.id"},
    ),
    Exchange(
        send="GET indicators/<indicator>",
        reads={
            f"data.data_object.{path}": value
            for path, value in {
                "name": "test indicator", "value": "bad.example", "verdict": "Black", "status": "Open",
                "confidence": 81, "defanged": False, "granular_marking": 1, "labels": "l",
                "indicator_type.category": "Domain", "indicator_type.indicator_type": "Domain",
                "indicator_type.id": _DOMAIN,
                "first_report_time": "2023-02-25T12:00:29.623+08:00",
                "last_report_time": "2023-02-25T13:00:29.623+08:00",
                "data_source.source_type": 1, "data_source.product_name": "hss",
                "environment.region_id": "<region>", "environment.project_id": "<project>",
            }.items()
        },
    ),
    Exchange(
        send="PUT indicators/<indicator>",
        body=indicator_body(value="worse.example", verdict="Gray", status="Closed", marking=4),
    ),
    Exchange(
        send="GET indicators/<indicator>",
        reads={"data.data_object.value": "worse.example", "data.data_object.verdict": "Gray",
               "data.data_object.status": "Closed", "data.data_object.granular_marking": 4,
               "data.data_object.confidence": 84,
               "data.data_object.last_report_time": "2023-02-25T13:00:29.623+08:00"},
    ),
    Exchange(send="DELETE indicators", body='{"batch_ids":["<indicator>"]}'),
    gone("GET indicators/<indicator>"),
]  # fmt: skip

CONVERSION = [
    LOGIN,
    *(
        Exchange(send="POST alerts", body='{"data_object":{"title":"t"}}', keeps={name: "data.id"})
        for name in ("one", "two")
    ),
    Exchange(
        send="POST alerts/batch-order",
        body='{"ids":["<one>","<two>"],"incident_content":{"incident_type":{"category":"DDoS","id":'
        '"909494e3-558e-46b6-a9eb-07a8e18ca62f","incident_type":"ACK Flood"},"title":"XXX <&>"}}',
        reads={"data.success_ids": ["<one>", "<two>"], "data.error_ids": []},
        keeps={"incident": "data.results.0.incident_id"},
    ),
    Exchange(send="GET incidents/<incident>", reads={"data.data_object.title": "XXX <&>"}),
    Exchange(
        send="POST incidents/<incident>/alerts/search", body='{"limit":1000,"offset":0}',
        reads={"total": 2, "data.#": 2, "data.0.data_object.id": UUID},
    ),
    Exchange(send="POST incidents/<incident>/alerts/search", body='{"limit":1000,"offset":2}', reads={"data.#": 0}),
    Exchange(
        send="POST alerts/<one>/incidents/search", body='{"limit":1000,"offset":0}',
        reads={"data.#": 1, "data.0.data_object.id": "<incident>"},
    ),
    Exchange(send="POST alerts/<one>/indicators/search", body='{"limit":1000,"offset":0}', reads={"data.#": 0}),
    Exchange(
        send="POST incidents/00000000-0000-4000-8000-000000000000/alerts/search", body='{"limit":1000,"offset":0}',
        status=400, reads={"code": "SecMaster.20030005"},
    ),
]  # fmt: skip

_RELATION = "alerts/<alert>/indicators"
RELATION = [
    LOGIN,
    Exchange(send="POST alerts", body='{"data_object":{"title":"t"}}', keeps={"alert": "data.id"}),
    Exchange(
        send="POST indicators",
        body='{"data_object":{"indicator_type":{"category":"IPv4","indicator_type":"IPv4"},"name":"n","value":"v"}}',
        keeps={"indicator": "data.id"},
    ),
    Exchange(send=f"POST {_RELATION}/search", body='{"limit":1000,"offset":0}', reads={"data.#": 0}),
    Exchange(send=f"POST {_RELATION}", body='{"ids":["<indicator>"]}', reads={"data.success_ids": ["<indicator>"]}),
    Exchange(
        send=f"POST {_RELATION}/search", body='{"limit":1000,"offset":0}',
        reads={"data.#": 1, "data.0.data_object.id": "<indicator>"},
    ),
    Exchange(send=f"DELETE {_RELATION}", body='{"ids":["<indicator>"]}'),
    Exchange(send=f"POST {_RELATION}/search", body='{"limit":1000,"offset":0}', reads={"data.#": 0}),
]  # fmt: skip

CATALOGUE = [
    LOGIN,
    Exchange(
        send="GET dataclasses?limit=1000&name=Incident",
        reads={"dataclass_details.#": 1, "dataclass_details.0.id": UUID, "dataclass_details.0.name": "Incident",
               "dataclass_details.0.business_code": TEXT, "dataclass_details.0.is_built_in": True,
               "dataclass_details.0.type_num": NUMBER},
        keeps={"class": "dataclass_details.0.id"},
    ),
    Exchange(
        send="GET dataclasses/<class>/types?enabled=true&level=2&limit=1000&offset=0&order=DESC&sortby=CATEGORY",
        reads={"dataclass_type_details.0.id": TEXT, "dataclass_type_details.0.sub_category": TEXT,
               "dataclass_type_details.0.enabled": True, "dataclass_type_details.0.level": 2,
               "dataclass_type_details.0.is_built_in": True, "dataclass_type_details.0.sla": NUMBER,
               "dataclass_type_details.0.dataclass_id": "<class>"},
    ),
    Exchange(
        send="GET dataclasses/<class>/types?limit=1000&offset=1000", reads={"dataclass_type_details.#": 0}
    ),
    Exchange(
        send="GET dataclasses/<class>/types?category_code=DDoS&is_built_in=true&limit=1000&name=ACK&sub_category=ACK",
        reads={"dataclass_type_details.0.sub_category": "ACK Flood"},
    ),
    Exchange(send="GET dataclasses/<class>/fields?limit=1000", reads={"field_details.0.field_key": TEXT}),
]  # fmt: skip

_WORKSPACES = "/v1/<project>/workspaces"
_LANGUAGE = {"Content-Type": "application/json;charset=UTF-8", "X-Language": "en-us"}
WORKSPACE = [
    LOGIN,
    Exchange(
        send=f"POST {_WORKSPACES}", headers=_LANGUAGE,
        body='{"description":"by terraform","name":"tf-desk","project_name":"<region>","region_id":"<region>",'
        '"tags":[{"key":"k","value":"v"}]}',
        reads={"id": UUID},
        keeps={"made": "id"},
    ),
    Exchange(send=f"GET {_WORKSPACES}/<made>/sa/guides?version=1", headers=_LANGUAGE),
    Exchange(
        send=f"GET {_WORKSPACES}/<made>", headers=_LANGUAGE,
        reads={
            "workspace.id": "<made>", "workspace.name": "tf-desk", "workspace.description": "by terraform",
            "workspace.project_id": "<project>", "workspace.project_name": "<region>",
            "workspace.region_id": "<region>", "workspace.domain_id": "<domain>",
            "workspace.domain_name": "<domain_name>", "workspace.enterprise_project_id": TEXT,
            "workspace.is_view": False, "workspace.view_bind_id": TEXT, "workspace.view_bind_name": TEXT,
            "workspace.creator_id": TEXT, "workspace.creator_name": "<user>", "workspace.modifier_name": "<user>",
            "workspace.create_time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ[+-]\d{4}"),
            "workspace.workspace_agency_list": list,
        },
    ),
    Exchange(
        send=f"PUT {_WORKSPACES}/<made>", headers=_LANGUAGE, body='{"description":"","name":"tf-desk-2"}',
        reads={"name": "tf-desk-2", "description": ""},
    ),
    Exchange(
        send=f"GET {_WORKSPACES}?limit=100&offset=0", headers=_LANGUAGE,
        reads={"count": 2, "workspaces.#": 2, "workspaces.0.id": UUID},
    ),
    Exchange(
        send=f"GET {_WORKSPACES}?limit=100&name=tf-desk-2&offset=0", headers=_LANGUAGE,
        reads={"workspaces.#": 1, "workspaces.0.id": "<made>"},
    ),
    Exchange(send=f"GET {_WORKSPACES}?limit=100&offset=100", headers=_LANGUAGE, reads={"workspaces.#": 0}),
    Exchange(send=f"DELETE {_WORKSPACES}/<made>", headers=_LANGUAGE),
    Exchange(
        send=f"GET {_WORKSPACES}/<made>", headers=_LANGUAGE, status=400, reads={"code": "SecMaster.20011003"}
    ),
    # Not ready is 400, too; anything else ends the wait.
    Exchange(send=f"GET {_WORKSPACES}/<made>/sa/guides?version=1", headers=_LANGUAGE, status=400),
    Exchange(send=f"GET {_WORKSPACES}/<made>/soc/alerts/x", status=403, reads={"code": "SecMaster.20010001"}),
]  # fmt: skip

_ELSEWHERE = "/v1/<project>/workspaces/00000000-0000-4000-8000-000000000000/soc"
NO_WORKSPACE = [
    LOGIN,
    *(
        Exchange(send=f"{send[0]} {_ELSEWHERE}/{send[1]}", body=body, status=403, reads={"code": "SecMaster.20010001"})
        for *send, body in (
            ("GET", "alerts/x", ""),
            ("GET", "incidents/x", ""),
            ("GET", "indicators/x", ""),
            ("POST", "alerts/search", '{"limit":1000,"offset":0}'),
            ("POST", "incidents/search", '{"limit":1000,"offset":0}'),
            ("POST", "incidents/x/alerts/search", '{"limit":1000,"offset":0}'),
            ("POST", "alerts", '{"data_object":{"title":"t"}}'),
            ("GET", "dataclasses?limit=1000", ""),
        )
    ),
    gone("GET alerts/00000000-0000-4000-8000-000000000000"),
    gone("GET incidents/00000000-0000-4000-8000-000000000000"),
    gone("GET indicators/00000000-0000-4000-8000-000000000000"),
]

STORIES: dict[str, list[Exchange]] = {
    "it starts with a user name and password": START,
    "it is told when the password is wrong": WRONG_PASSWORD,
    "it finds out the version of the identity service": DISCOVERY,
    "it works with an access key": BY_KEY,
    "it creates, changes and deletes an alert": ALERT,
    "it reads whether something is a simulation": SIMULATION,
    "it reads ports": PORTS,
    "it creates, changes and deletes an incident": INCIDENT,
    "it creates, changes and deletes an indicator": INDICATOR,
    "it turns alerts into an incident": CONVERSION,
    "it relates an alert to an indicator": RELATION,
    "it lists classes, types and fields": CATALOGUE,
    "it creates, waits for, changes and deletes a workspace": WORKSPACE,
    "it forgets what is not there": NO_WORKSPACE,
}
