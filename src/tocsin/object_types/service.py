"""The types of alerts and incidents: the built-in catalogue and what a workspace added."""

from tocsin.object_types.catalogue import BUILT_IN
from tocsin.object_types.records import ObjectType
from tocsin.storage.database import Transaction
from tocsin.storage.queries import load_queries
from tocsin.workspaces.records import Scope

SQL = load_queries(__package__ or __name__)

# The data classes whose objects have a type; both use the same built-in catalogue.
TYPED_CLASSES = ("alerts", "incidents")
_CATALOGUE_COLUMNS = (
    "id", "level", "category", "category_code", "category_zh", "sub_category", "sub_category_code", "sub_category_zh",
)  # fmt: skip


def list_types(tx: Transaction, scope: Scope, dataclass: str) -> list[ObjectType]:
    """Every type of a data class that the workspace has, built-in ones included, in no particular order."""
    return tx.rows(SQL.list_types, ObjectType, {"workspace_id": scope.workspace_id, "dataclass": dataclass})


def list_candidates(
    tx: Transaction, scope: Scope, dataclass: str, *, type_id: str | None, category: str | None, child: str | None
) -> list[ObjectType]:
    """The types that an id or some names may mean: all that `records.resolve_type` needs of `list_types`.

    Built-in names are ASCII or Chinese, so the database can fold their case; the workspace's own come all.
    """
    params = {
        "workspace_id": scope.workspace_id,
        "dataclass": dataclass,
        "type_id": type_id,
        "category": (category or "").casefold(),
        "child": (child or "").casefold(),
    }
    return tx.rows(SQL.list_candidates, ObjectType, params)


def store_catalogue(tx: Transaction) -> None:
    """Bring the stored built-in types up to the catalogue of this program."""
    rows = [
        {"dataclass": dataclass} | {name: getattr(row, name) for name in _CATALOGUE_COLUMNS}
        for dataclass in TYPED_CLASSES
        for row in BUILT_IN
    ]
    tx.run_many(SQL.upsert_built_in_type, rows)
