"""The one table of the whole surface. Routing, permissions, error codes, the OpenAPI document and the coverage page
are read from it; fixed words stand before parameters, because the first route that fits is taken."""

from tocsin.api import conversion, dataclasses, iam, objects, relations, server, workspaces
from tocsin.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *conversion.OPERATIONS,
    *objects.OPERATIONS,
    *dataclasses.OPERATIONS,
    *workspaces.OPERATIONS,
    *iam.OPERATIONS,
    *server.OPERATIONS,
    *relations.OPERATIONS,
)
