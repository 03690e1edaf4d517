"""Data objects: every operation that alerts, incidents, indicators and generic objects have in common.

A `Target` says which data class a path is about, a `Verb` what is done; a row of the table joins the two under the
vendor's name. So a handler serves a specific path and its generic twin.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from tocsin.api import spreadsheets
from tocsin.api.envelope import (
    BatchDetail,
    BatchDetailAnswer,
    BatchIdsBody,
    ChangeBody,
    CreateBody,
    DeleteAnswer,
    DetailAnswer,
    ObjectSearchAnswer,
    ObjectText,
    done_or_not,
    named_ids,
    object_search_answer,
)
from tocsin.api.operations import XLSX, Call, ErrorStyle, Operation, Run
from tocsin.errors import DataClassNotFound, InvalidRequest
from tocsin.identity.records import Permission
from tocsin.objects import service
from tocsin.objects.documents import members_of, read_object
from tocsin.objects.records import (
    ALERTS,
    INCIDENTS,
    INDICATORS,
    DataClass,
    data_class_named,
    data_class_with_id,
)
from tocsin.objects.searching import IndicatorSearchBody, SearchBody, parse_search
from tocsin.objects.service import Draft
from tocsin.storage.database import Transaction

_BASE = "/v1/{project_id}/workspaces/{workspace_id}/soc"
_ALERT_OR_INCIDENT = "SecMaster.20041002"
_GENERAL = "SecMaster.20030001"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a path is about: one data class, or the one that the path names."""

    # Below /soc.
    path: str
    # The path parameter that holds an object's id.
    parameter: str
    one: str
    many: str
    find: Callable[[Call[Any]], DataClass]
    search_body: type = SearchBody
    # Of its answers that have `success` and `data`.
    error_style: ErrorStyle = ErrorStyle.SOC

    def dataclass(self, call: Call[Any]) -> DataClass:
        """Raises DataClassNotFound."""
        return self.find(call)

    def object_id(self, call: Call[Any]) -> str:
        return call.path[self.parameter]


class Verb(msgspec.Struct, frozen=True, kw_only=True):
    """What is done; `{object}` in the path and `{one}`, `{many}` in the summary stand for the target's words."""

    method: str
    path: str
    summary: str
    # (target, transaction, call), or (target, call) where `run` is OWN.
    handler: Callable[..., Any]
    run: Run
    permission: Permission
    answer: Any = None
    body: Any = None
    body_required: bool = True
    media: str = "application/json"
    prepare: Callable[..., Any] | None = None
    form: bool = False


def of_class(dataclass: DataClass, search_body: type = SearchBody) -> Target:
    return Target(
        path=f"/{dataclass.name}",
        parameter=f"{dataclass.singular}_id",
        one=f"an {dataclass.singular}",
        many=dataclass.name,
        find=lambda _call: dataclass,
        search_body=search_body,
    )


GENERIC = Target(
    path="/{dataclass_name}",
    parameter="data_object_id",
    one="an object of a class",
    many="objects of a class",
    find=lambda call: data_class_named(call.path["dataclass_name"]),
    error_style=ErrorStyle.FLAGGED,
)
DATAPANEL = Target(
    path="/datapanel/{dataclass}/data-objects",
    parameter="dataobject_id",
    one="an object by the id of its class",
    many="objects by the id of their class",
    find=lambda call: data_class_with_id(call.path["dataclass"], call.acting.project_id, call.acting.workspace_id),
    error_style=ErrorStyle.FLAGGED,
)


class BatchCreateBody(msgspec.Struct, frozen=True, kw_only=True):
    """DataObjectCreateForm with a list in place of one object."""

    data_object_list: list[ObjectText]


class CreatedObject(msgspec.Struct, frozen=True):
    id: str
    event_id: str


MAX_BATCH = 1000


def create(target: Target, tx: Transaction, call: Call[CreateBody]) -> DetailAnswer:
    draft = Draft(bytes(call.body.data_object), call.body.id or None)
    strict = call.services.rules.strict_types
    return DetailAnswer(data=service.create_object(tx, call.acting, target.dataclass(call), draft, strict_types=strict))


def batch_create(target: Target, tx: Transaction, call: Call[BatchCreateBody]) -> Sequence[CreatedObject]:
    drafts = [Draft(bytes(raw)) for raw in call.body.data_object_list]
    if not 1 <= len(drafts) <= MAX_BATCH:
        raise InvalidRequest(f"must hold 1 to {MAX_BATCH} objects", field="data_object_list")
    ids = service.create_objects(
        tx,
        call.acting,
        target.dataclass(call),
        drafts,
        field="data_object_list",
        strict_types=call.services.rules.strict_types,
    )
    return [CreatedObject(one, one) for one in ids]


def search(target: Target, tx: Transaction, call: Call[SearchBody]) -> ObjectSearchAnswer:
    scope, dataclass = call.acting, target.dataclass(call)
    if isinstance(call.body, IndicatorSearchBody) and call.body.dataclass_id not in (None, "", _id_of(call, dataclass)):
        raise DataClassNotFound("dataclass_id: this is not the id of the indicators' data class")
    wanted = parse_search(dataclass, call.body, scope.offset_min)
    return object_search_answer(service.search_objects(tx, scope, dataclass, wanted), wanted)


def _id_of(call: Call[Any], dataclass: DataClass) -> str:
    return dataclass.id_in(call.acting.project_id, call.acting.workspace_id)


def show(target: Target, tx: Transaction, call: Call[None]) -> DetailAnswer:
    return DetailAnswer(data=service.show_object(tx, call.acting, target.dataclass(call), target.object_id(call)))


def change(target: Target, tx: Transaction, call: Call[ChangeBody]) -> DetailAnswer:
    raw, strict = bytes(call.body.data_object), call.services.rules.strict_types
    dataclass, object_id = target.dataclass(call), target.object_id(call)
    return DetailAnswer(data=service.change_object(tx, call.acting, dataclass, object_id, raw, strict_types=strict))


def batch_change(target: Target, tx: Transaction, call: Call[ChangeBody]) -> BatchDetailAnswer:
    """One id is answered as on its own path; several as the vendor does it, with what changed and without an id."""
    scope, dataclass = call.acting, target.dataclass(call)
    raw, strict = bytes(call.body.data_object), call.services.rules.strict_types
    done, missing = service.change_objects(
        tx, scope, dataclass, named_ids(call.body.batch_ids), raw, strict_types=strict
    )
    shown = service.show_object(tx, scope, dataclass, done[0])
    members = {name: getattr(shown, name) for name in shown.__struct_fields__}
    if len(done) + len(missing) > 1:
        changed = read_object(dataclass, raw).members
        stored = members_of(bytes(shown.data_object).decode())
        kept = {key: value for key, value in stored.items() if key in changed and key != "id"}
        members |= {"id": "", "data_object": msgspec.Raw(msgspec.json.encode(kept))}
    return BatchDetailAnswer(data=BatchDetail(**members, success_ids=done, error_ids=missing))


def delete(target: Target, tx: Transaction, call: Call[BatchIdsBody]) -> DeleteAnswer:
    result = done_or_not(
        service.delete_objects(tx, call.acting, target.dataclass(call), named_ids(call.body.batch_ids))
    )
    return DeleteAnswer(
        request_id=call.request_id, data=result, error_ids=result.error_ids, success_ids=result.success_ids
    )


CREATE = Verb(
    method="POST", path="", summary="Create {one}", handler=create, run=Run.WRITE, permission=Permission.WRITE,
    body=CreateBody, answer=DetailAnswer,
)  # fmt: skip
BATCH_CREATE = Verb(
    method="POST", path="/batch-create", summary="Create {many}, all or none", handler=batch_create, run=Run.WRITE,
    permission=Permission.WRITE, body=BatchCreateBody, answer=Sequence[CreatedObject],
)  # fmt: skip
SEARCH = Verb(
    method="POST", path="/search", summary="Search {many}", handler=search, run=Run.READ, permission=Permission.READ,
    body=SearchBody, body_required=False, answer=ObjectSearchAnswer,
)  # fmt: skip
SHOW = Verb(
    method="GET", path="/{object}", summary="Show {one}", handler=show, run=Run.READ, permission=Permission.READ,
    answer=DetailAnswer,
)  # fmt: skip
CHANGE = Verb(
    method="PUT", path="/{object}", summary="Change {one}", handler=change, run=Run.WRITE,
    permission=Permission.WRITE, body=ChangeBody, answer=DetailAnswer,
)  # fmt: skip
BATCH_CHANGE = Verb(
    method="POST", path="/batch-update", summary="Change {many} in the same way", handler=batch_change, run=Run.WRITE,
    permission=Permission.WRITE, body=ChangeBody, answer=BatchDetailAnswer,
)  # fmt: skip
DELETE = Verb(
    method="DELETE", path="", summary="Delete {many}", handler=delete, run=Run.WRITE,
    permission=Permission.ADMINISTER, body=BatchIdsBody, answer=DeleteAnswer,
)  # fmt: skip
BATCH_DELETE = msgspec.structs.replace(DELETE, method="POST", path="/batch-delete")
EXPORT = Verb(
    method="POST", path="/export", summary="Export {many} as a spreadsheet", handler=spreadsheets.export, run=Run.OWN,
    permission=Permission.READ, body=spreadsheets.ExportBody, body_required=False, media=XLSX,
)  # fmt: skip
IMPORT = Verb(
    method="POST", path="/import", summary="Import {many} from a spreadsheet", handler=spreadsheets.store_import,
    run=Run.WRITE, permission=Permission.WRITE, answer=spreadsheets.ImportAnswer, prepare=spreadsheets.reading,
    form=True,
)  # fmt: skip
TEMPLATE = Verb(
    method="GET", path="/template/download", summary="Download the spreadsheet to import {many} with",
    handler=spreadsheets.template, run=Run.OWN, permission=Permission.READ, media=XLSX,
)  # fmt: skip

_ALERTS, _INCIDENTS = of_class(ALERTS), of_class(INCIDENTS)
_INDICATORS = of_class(INDICATORS, IndicatorSearchBody)

# The vendor's name, the target, the verb, and the code of a mistake in the request.
_ROWS: tuple[tuple[str, Target, Verb, str], ...] = (
    ("create_alert", _ALERTS, CREATE, "SecMaster.20041805"),
    ("list_alerts", _ALERTS, SEARCH, _ALERT_OR_INCIDENT),
    ("change_alerts", _ALERTS, BATCH_CHANGE, "SecMaster.20041808"),
    ("delete_alerts", _ALERTS, BATCH_DELETE, _ALERT_OR_INCIDENT),
    ("export_alerts", _ALERTS, EXPORT, _GENERAL),
    ("import_alerts", _ALERTS, IMPORT, _GENERAL),
    ("download_alert_template", _ALERTS, TEMPLATE, _GENERAL),
    ("delete_alert", _ALERTS, DELETE, _ALERT_OR_INCIDENT),
    ("show_alert", _ALERTS, SHOW, _GENERAL),
    ("change_alert", _ALERTS, CHANGE, "SecMaster.20041808"),
    ("create_incident", _INCIDENTS, CREATE, "SecMaster.20041504"),
    ("list_incidents", _INCIDENTS, SEARCH, _ALERT_OR_INCIDENT),
    ("change_incidents", _INCIDENTS, BATCH_CHANGE, "SecMaster.20041507"),
    ("delete_incidents", _INCIDENTS, BATCH_DELETE, "SecMaster.20041508"),
    ("export_incidents", _INCIDENTS, EXPORT, _GENERAL),
    ("import_incidents", _INCIDENTS, IMPORT, _GENERAL),
    ("download_incident_template", _INCIDENTS, TEMPLATE, _GENERAL),
    ("delete_incident", _INCIDENTS, DELETE, "SecMaster.20041508"),
    ("show_incident", _INCIDENTS, SHOW, _GENERAL),
    ("change_incident", _INCIDENTS, CHANGE, "SecMaster.20041507"),
    ("create_indicator", _INDICATORS, CREATE, _GENERAL),
    ("list_indicators", _INDICATORS, SEARCH, _GENERAL),
    ("export_indicators", _INDICATORS, EXPORT, _GENERAL),
    ("import_indicators", _INDICATORS, IMPORT, _GENERAL),
    ("download_indicator_template", _INDICATORS, TEMPLATE, _GENERAL),
    ("delete_indicator", _INDICATORS, DELETE, _GENERAL),
    ("show_indicator_detail", _INDICATORS, SHOW, _GENERAL),
    ("update_indicator", _INDICATORS, CHANGE, _GENERAL),
    ("batch_create_datapanel_objects", DATAPANEL, BATCH_CREATE, _GENERAL),
    ("list_datapanel_objects", DATAPANEL, SEARCH, _GENERAL),
    ("show_datapanel_object", DATAPANEL, SHOW, _GENERAL),
)
# These paths fit almost anything, so they stand at the end of the whole table.
_GENERIC_ROWS: tuple[tuple[str, Target, Verb, str], ...] = (
    ("create_dataobject", GENERIC, CREATE, _GENERAL),
    ("list_dataobjects", GENERIC, SEARCH, _GENERAL),
    ("export_dataobjects", GENERIC, EXPORT, _GENERAL),
    ("import_dataobjects", GENERIC, IMPORT, _GENERAL),
    ("delete_dataobjects", GENERIC, DELETE, _GENERAL),
    ("show_dataobject", GENERIC, SHOW, _GENERAL),
    ("update_dataobject", GENERIC, CHANGE, _GENERAL),
)


_WITH_SUCCESS = (DetailAnswer, ObjectSearchAnswer)


def _operation(name: str, target: Target, verb: Verb, error_code: str) -> Operation:
    return Operation(
        name=name,
        method=verb.method,
        path=f"{_BASE}{target.path}{verb.path}".replace("{object}", f"{{{target.parameter}}}"),
        summary=verb.summary.format(one=target.one, many=target.many),
        handler=functools.partial(verb.handler, target),
        run=verb.run,
        answer=verb.answer,
        body=target.search_body if verb is SEARCH else verb.body,
        body_required=verb.body_required,
        permission=verb.permission,
        error_code=error_code,
        error_style=target.error_style if verb.answer in _WITH_SUCCESS else ErrorStyle.SOC,
        media=verb.media,
        prepare=functools.partial(verb.prepare, target) if verb.prepare else None,
        form=verb.form,
        answer_headers={"Content-Disposition": "The name to save it by"} if verb.media == XLSX else {},
    )


OPERATIONS = [_operation(*row) for row in _ROWS]
GENERIC_OPERATIONS = [_operation(*row) for row in _GENERIC_ROWS]
