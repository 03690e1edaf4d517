"""Relations between data objects, made, dropped and searched from either side."""

from typing import Annotated, Any

import msgspec

from tocsin.api.envelope import BatchAnswer, ObjectSearchAnswer, done_or_not, id_list, object_search_answer
from tocsin.api.operations import Call, Operation, Run
from tocsin.identity.records import Permission
from tocsin.objects.linking import relate_objects, unrelate_objects
from tocsin.objects.records import DataClass, data_class_named
from tocsin.objects.searching import SearchBody, parse_search
from tocsin.objects.service import search_related
from tocsin.relations.records import ObjectKey
from tocsin.storage.database import Transaction

_SOC = "/v1/{project_id}/workspaces/{workspace_id}/soc"
_OF_OBJECT = f"{_SOC}/{{dataclass_type}}/{{data_object_id}}/{{related_dataclass_type}}"

_Id = Annotated[str, msgspec.Meta(max_length=64)]
_Ids = Annotated[list[_Id], msgspec.Meta(max_length=100)] | _Id | None


class RelationBody(msgspec.Struct, frozen=True):
    ids: _Ids = None


class RelationBatchBody(msgspec.Struct, frozen=True):
    """Every object of the first list is related to every object of the second."""

    dataobject_ids: _Ids = None
    related_dataobject_ids: _Ids = None


def create_dataobject_relation(tx: Transaction, call: Call[RelationBody]) -> BatchAnswer:
    done = relate_objects(tx, call.acting, [_main(call)], _related(call), id_list(call.body.ids))
    return BatchAnswer(request_id=call.request_id, data=done_or_not(done))


def delete_dataobject_relation(tx: Transaction, call: Call[RelationBody]) -> BatchAnswer:
    done = unrelate_objects(tx, call.acting, _main(call), _related(call), id_list(call.body.ids))
    return BatchAnswer(request_id=call.request_id, data=done_or_not(done))


def batch_create_dataobject_relations(tx: Transaction, call: Call[RelationBatchBody]) -> BatchAnswer:
    dataclass = data_class_named(call.path["dataclass_type"])
    mains = [ObjectKey(dataclass.name, one) for one in id_list(call.body.dataobject_ids)]
    done = relate_objects(
        tx, call.acting, mains, _related(call), id_list(call.body.related_dataobject_ids), several=True
    )
    return BatchAnswer(request_id=call.request_id, data=done_or_not(done))


def list_dataobject_relations(tx: Transaction, call: Call[SearchBody]) -> ObjectSearchAnswer:
    main, related = _main(call), _related(call)
    wanted = parse_search(related, call.body, call.acting.offset_min)
    return object_search_answer(search_related(tx, call.acting, main, related, wanted), wanted)


def _main(call: Call[Any]) -> ObjectKey:
    return ObjectKey(data_class_named(call.path["dataclass_type"]).name, call.path["data_object_id"])


def _related(call: Call[Any]) -> DataClass:
    return data_class_named(call.path["related_dataclass_type"])


OPERATIONS = [
    Operation(
        name="batch_create_dataobject_relations",
        method="POST",
        path=f"{_SOC}/{{dataclass_type}}/{{related_dataclass_type}}/batch-create",
        summary="Relate every object of one list to every object of another",
        handler=batch_create_dataobject_relations,
        run=Run.WRITE,
        body=RelationBatchBody,
        body_required=False,
        answer=BatchAnswer,
        permission=Permission.WRITE,
    ),
    Operation(
        name="create_dataobject_relation",
        method="POST",
        path=_OF_OBJECT,
        summary="Relate an object to others",
        handler=create_dataobject_relation,
        run=Run.WRITE,
        body=RelationBody,
        body_required=False,
        answer=BatchAnswer,
        permission=Permission.WRITE,
    ),
    Operation(
        name="delete_dataobject_relation",
        method="DELETE",
        path=_OF_OBJECT,
        summary="Drop relations of an object",
        handler=delete_dataobject_relation,
        run=Run.WRITE,
        body=RelationBody,
        body_required=False,
        answer=BatchAnswer,
        permission=Permission.ADMINISTER,
    ),
    Operation(
        name="list_dataobject_relations",
        method="POST",
        path=f"{_OF_OBJECT}/search",
        summary="Search the objects that are related to one object",
        handler=list_dataobject_relations,
        run=Run.READ,
        body=SearchBody,
        body_required=False,
        answer=ObjectSearchAnswer,
        permission=Permission.READ,
    ),
]
