"""Alerts and incidents: create, show, search, change, delete. One handler each, whatever the data class."""

from collections.abc import Callable

from tocsin.api.envelope import (
    BatchAnswer,
    BatchIdsBody,
    BatchResult,
    DataObjectBody,
    DetailAnswer,
    SearchAnswer,
    id_list,
    search_answer,
)
from tocsin.api.operations import Call, Operation, Run
from tocsin.errors import InvalidRequest
from tocsin.identity.records import Permission
from tocsin.objects import service
from tocsin.objects.records import ALERTS, INCIDENTS, DataClass
from tocsin.objects.searching import SearchBody, parse_search
from tocsin.storage.database import Transaction

_BASE = "/v1/{project_id}/workspaces/{workspace_id}/soc"


def create(dataclass: DataClass) -> Callable[[Transaction, Call[DataObjectBody]], DetailAnswer]:
    def handler(tx: Transaction, call: Call[DataObjectBody]) -> DetailAnswer:
        return DetailAnswer(data=service.create_object(tx, call.acting, dataclass, bytes(call.body.data_object)))

    return handler


def show(dataclass: DataClass, parameter: str) -> Callable[[Transaction, Call[None]], DetailAnswer]:
    def handler(tx: Transaction, call: Call[None]) -> DetailAnswer:
        return DetailAnswer(data=service.show_object(tx, call.acting, dataclass, call.path[parameter]))

    return handler


def search(dataclass: DataClass) -> Callable[[Transaction, Call[SearchBody]], SearchAnswer]:
    def handler(tx: Transaction, call: Call[SearchBody]) -> SearchAnswer:
        wanted = parse_search(dataclass, call.body, call.acting.offset_min)
        return search_answer(service.search_objects(tx, call.acting, dataclass, wanted), wanted)

    return handler


def change(dataclass: DataClass, parameter: str) -> Callable[[Transaction, Call[DataObjectBody]], DetailAnswer]:
    def handler(tx: Transaction, call: Call[DataObjectBody]) -> DetailAnswer:
        object_id, raw = call.path[parameter], bytes(call.body.data_object)
        return DetailAnswer(data=service.change_object(tx, call.acting, dataclass, object_id, raw))

    return handler


def delete(dataclass: DataClass) -> Callable[[Transaction, Call[BatchIdsBody]], BatchAnswer]:
    def handler(tx: Transaction, call: Call[BatchIdsBody]) -> BatchAnswer:
        ids = id_list(call.body.batch_ids)
        if not ids:
            raise InvalidRequest("name 1 to 999 objects", field="batch_ids")
        done, failed = service.delete_objects(tx, call.acting, dataclass, ids)
        return BatchAnswer(data=BatchResult(error_ids=failed, success_ids=done))

    return handler


OPERATIONS = [
    Operation(
        name="create_alert",
        method="POST",
        path=f"{_BASE}/alerts",
        summary="Create an alert",
        handler=create(ALERTS),
        run=Run.WRITE,
        body=DataObjectBody,
        answer=DetailAnswer,
        permission=Permission.WRITE,
        error_code="SecMaster.20041805",
    ),
    Operation(
        name="list_alerts",
        method="POST",
        path=f"{_BASE}/alerts/search",
        summary="Search alerts",
        handler=search(ALERTS),
        run=Run.READ,
        body=SearchBody,
        body_required=False,
        answer=SearchAnswer,
        permission=Permission.READ,
        error_code="SecMaster.20041002",
    ),
    Operation(
        name="delete_alert",
        method="DELETE",
        path=f"{_BASE}/alerts",
        summary="Delete alerts",
        handler=delete(ALERTS),
        run=Run.WRITE,
        body=BatchIdsBody,
        answer=BatchAnswer,
        permission=Permission.ADMINISTER,
        error_code="SecMaster.20041002",
    ),
    Operation(
        name="show_alert",
        method="GET",
        path=f"{_BASE}/alerts/{{alert_id}}",
        summary="Show an alert",
        handler=show(ALERTS, "alert_id"),
        run=Run.READ,
        answer=DetailAnswer,
        permission=Permission.READ,
        error_code="SecMaster.20030001",
    ),
    Operation(
        name="change_alert",
        method="PUT",
        path=f"{_BASE}/alerts/{{alert_id}}",
        summary="Change an alert",
        handler=change(ALERTS, "alert_id"),
        run=Run.WRITE,
        body=DataObjectBody,
        answer=DetailAnswer,
        permission=Permission.WRITE,
        error_code="SecMaster.20041808",
    ),
    Operation(
        name="list_incidents",
        method="POST",
        path=f"{_BASE}/incidents/search",
        summary="Search incidents",
        handler=search(INCIDENTS),
        run=Run.READ,
        body=SearchBody,
        body_required=False,
        answer=SearchAnswer,
        permission=Permission.READ,
        error_code="SecMaster.20041002",
    ),
    Operation(
        name="show_incident",
        method="GET",
        path=f"{_BASE}/incidents/{{incident_id}}",
        summary="Show an incident",
        handler=show(INCIDENTS, "incident_id"),
        run=Run.READ,
        answer=DetailAnswer,
        permission=Permission.READ,
        error_code="SecMaster.20030001",
    ),
]
