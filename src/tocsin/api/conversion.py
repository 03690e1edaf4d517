"""batch-order: alerts become an incident."""

from collections.abc import Sequence

import msgspec

from tocsin.api.envelope import BatchResult
from tocsin.api.operations import SUCCESS, Call, Operation, Run
from tocsin.conversion.records import Order, Result
from tocsin.conversion.service import convert_alerts
from tocsin.identity.records import Permission
from tocsin.storage.database import Transaction


class OrderResult(BatchResult, frozen=True, kw_only=True):
    """The vendor's two lists, and beside them what became of each distinct id, in the order of the request."""

    results: Sequence[Result]


class OrderAnswer(msgspec.Struct, frozen=True, kw_only=True):
    code: str = SUCCESS
    message: str = ""
    data: OrderResult


def create_batch_order_alerts(tx: Transaction, call: Call[Order]) -> OrderAnswer:
    outcome = convert_alerts(tx, call.acting, call.body, call.services.rules)
    return OrderAnswer(
        data=OrderResult(
            error_ids=[one.alert_id for one in outcome.results if one.outcome == "failed"],
            success_ids=[one.alert_id for one in outcome.results if one.outcome == "converted"],
            results=outcome.results,
        )
    )


OPERATIONS = [
    Operation(
        name="create_batch_order_alerts",
        method="POST",
        path="/v1/{project_id}/workspaces/{workspace_id}/soc/alerts/batch-order",
        summary="Convert alerts into an incident",
        handler=create_batch_order_alerts,
        run=Run.WRITE,
        body=Order,
        answer=OrderAnswer,
        permission=Permission.WRITE,
        error_code="SecMaster.20041804",
    ),
]
