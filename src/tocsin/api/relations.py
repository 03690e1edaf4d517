"""Relations between data objects, searched from either side."""

from tocsin.api.envelope import SearchAnswer, search_answer
from tocsin.api.operations import Call, Operation, Run
from tocsin.identity.records import Permission
from tocsin.objects.records import data_class_named
from tocsin.objects.searching import SearchBody, parse_search
from tocsin.objects.service import search_related
from tocsin.relations.records import ObjectKey
from tocsin.storage.database import Transaction


def list_dataobject_relations(tx: Transaction, call: Call[SearchBody]) -> SearchAnswer:
    main = ObjectKey(data_class_named(call.path["dataclass_type"]).name, call.path["data_object_id"])
    related = data_class_named(call.path["related_dataclass_type"])
    wanted = parse_search(related, call.body, call.acting.offset_min)
    return search_answer(search_related(tx, call.acting, main, related, wanted), wanted)


OPERATIONS = [
    Operation(
        name="list_dataobject_relations",
        method="POST",
        path=(
            "/v1/{project_id}/workspaces/{workspace_id}/soc"
            "/{dataclass_type}/{data_object_id}/{related_dataclass_type}/search"
        ),
        summary="Search the objects that are related to one object",
        handler=list_dataobject_relations,
        run=Run.READ,
        body=SearchBody,
        body_required=False,
        answer=SearchAnswer,
        permission=Permission.READ,
        error_code="SecMaster.20030001",
    ),
]
