"""The one table of the whole surface. Routing, permissions, error codes, the OpenAPI document and the coverage page
are read from it; fixed words stand before parameters, because the first route that fits is taken."""

from tocsin.api import attachments, conversion, dataclasses, iam, notes, objects, relations, server, workspaces
from tocsin.api.operations import Operation

OPERATIONS: tuple[Operation, ...] = (
    *conversion.OPERATIONS,
    *objects.OPERATIONS,
    *dataclasses.OPERATIONS,
    *notes.OPERATIONS,
    *attachments.OPERATIONS,
    *workspaces.OPERATIONS,
    *iam.OPERATIONS,
    *server.OPERATIONS,
    *relations.OPERATIONS,
    *objects.GENERIC_OPERATIONS,
)

# Words below /soc that belong to parts of the vendor's API which Tocsin has not: a path that begins with one does not
# exist, though it looks like that of a generic object.
ELSEWHERE = (
    "assetcredentials", "catalogues", "components", "layouts", "mappings", "metrics", "modules", "playbooks",
    "policy-records", "policys", "tasks", "vulnerability", "workflows",
)  # fmt: skip
