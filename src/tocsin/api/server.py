"""What is not the vendor's: health for whoever runs the server, the API description, IAM's version document."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tocsin.api.auth import header
from tocsin.api.operations import Answer, Call, Operation, Run
from tocsin.storage.database import Transaction
from tocsin.workspaces.service import count_workspaces


class Health(msgspec.Struct, frozen=True):
    status: str


class VersionLink(msgspec.Struct, frozen=True):
    rel: str
    href: str


class Version(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    status: str
    links: Sequence[VersionLink]


class VersionValues(msgspec.Struct, frozen=True):
    values: Sequence[Version]


class Versions(msgspec.Struct, frozen=True):
    versions: VersionValues


async def show_health(_call: Call[None]) -> Health:
    """The process answers."""
    return Health("ok")


def show_readiness(tx: Transaction, _call: Call[None]) -> Health:
    """The process can read its database; otherwise 503."""
    count_workspaces(tx)
    return Health("ready")


async def show_openapi(call: Call[None]) -> Answer:
    return Answer(body=call.services.openapi)


async def list_versions(call: Call[None]) -> Versions:
    """Terraform asks for this when its auth_url lacks `/v3`."""
    host = header(call.request, b"host") or "127.0.0.1"
    scheme = "https" if call.services.settings.tls_cert else "http"
    link = VersionLink("self", f"{scheme}://{host}/v3/")
    return Versions(VersionValues([Version(id="v3.6", status="stable", links=[link])]))


OPERATIONS = [
    Operation(
        name="show_health",
        method="GET",
        path="/healthz",
        summary="Whether the process answers",
        handler=show_health,
        run=Run.OWN,
        answer=Health,
        permission=None,
        vendor=False,
    ),
    Operation(
        name="show_readiness",
        method="GET",
        path="/readyz",
        summary="Whether the database can be read",
        handler=show_readiness,
        run=Run.READ,
        answer=Health,
        permission=None,
        vendor=False,
    ),
    Operation(
        name="show_openapi",
        method="GET",
        path="/openapi.json",
        summary="This document",
        handler=show_openapi,
        run=Run.OWN,
        answer=dict[str, Any],
        permission=None,
        vendor=False,
    ),
    Operation(
        name="list_versions",
        method="GET",
        path="/",
        summary="Versions of the identity API",
        handler=list_versions,
        run=Run.OWN,
        answer=Versions,
        permission=None,
        vendor=False,
    ),
]
