"""The data objects as clients send them: every member with its type and published maximum, each optional.

Source: API reference, models Alert, Incident and CreateIndicatorDetail; which lengths not to enforce, from its README.
"""

from typing import Annotated, Any

import msgspec

from tocsin.objects.records import MAX_ID_LENGTH

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
# A port or process number arrives as a number or, from some clients, as text; `documents.py` writes the declared type.
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
    # Of the import template.
    ref_order_id: T128 = None
    extend_properties: dict[str, Any] | None = None
    ttd: Count = None
    ttr: Count = None


class Alert(DataObject, frozen=True, kw_only=True):
    """An alert as a client sends it."""

    alert_type: AlertType | None = None


class Incident(DataObject, frozen=True, kw_only=True):
    """An incident as a client sends it."""

    incident_type: IncidentType | None = None


class IndicatorType(msgspec.Struct, frozen=True):
    indicator_type: T64 = None
    id: T64 = None
    # Sent by Terraform; in no model.
    category: T64 = None


class IndicatorSource(msgspec.Struct, frozen=True):
    """What reported an indicator; its `source_type` has more values than that of an alert."""

    source_type: Annotated[int, msgspec.Meta(ge=0, le=9999)] | None = None
    domain_id: T64 = None
    project_id: T64 = None
    region_id: T64 = None
    product_name: T64 = None
    product_feature: T64 = None


class IndicatorEnvironment(msgspec.Struct, frozen=True):
    vendor_type: T1024 = None
    domain_id: T64 = None
    region_id: T64 = None
    project_id: T64 = None


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """An indicator of a threat as a client sends it: an address, a domain, a hash."""

    id: Annotated[str, msgspec.Meta(max_length=MAX_ID_LENGTH)] | None = None
    name: T64 = None
    # Published as up to 128 on create and up to 256 in answers and updates.
    value: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    indicator_type: IndicatorType | None = None
    verdict: T64 = None
    confidence: Percent = None
    status: T64 = None
    labels: T1024 = None
    # 1 first seen, 2 own data, 3 bought, 4 public: text on create, a number in the answer.
    granular_marking: Annotated[int, msgspec.Meta(ge=1, le=4)] | T64 = None
    defanged: bool | None = None
    revoked: bool | None = None
    first_report_time: T64 = None
    last_report_time: T64 = None
    data_source: IndicatorSource | None = None
    environment: IndicatorEnvironment | None = None


MODELS: dict[str, type[msgspec.Struct]] = {"alerts": Alert, "incidents": Incident, "indicators": Indicator}
