"""What a caller asks of a list: which rows, in which order, which page of them.

Source: API reference, "DataobjectSearch"; the parts it leaves open are decided in docs/reference/search.md.
"""

import enum
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

MAX_LIMIT = 1000  # the published page maximum, which Terraform always asks for
DEFAULT_LIMIT = 10
MAX_OFFSET = 2**53  # far beyond any table, and exact in every client's number type


class Kind(enum.Enum):
    """How the values of a field compare."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    SEVERITY = "severity"


class SearchField(msgspec.Struct, frozen=True, kw_only=True):
    """Where a searchable field lives: in a column, at a path of the document, or in each element of a list there."""

    kind: Kind
    column: str | None = None
    # Keys from the top of the document to the value, for a field without a column.
    path: tuple[str, ...] = ()
    # The list whose elements hold the value at `path`; any element may match.
    each: str | None = None
    # A column that is never NULL compares bare, so that an index can serve it.
    required: bool = False
    # A member that is text or a JSON boolean compares by its spelling.
    spelling: bool = False


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison, checked: `field` is known, `values` have the field's type (None: the empty text, absent)."""

    field: SearchField
    # One of = > < >= <= in contains; the negative operators are these with `negated`.
    operator: str
    values: tuple[str | int | float | None, ...]
    negated: bool = False


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """A checked search. Times are UTC milliseconds, both ends included."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    sort_by: str = "create_time"
    descending: bool = True
    from_ms: int | None = None
    to_ms: int | None = None
    # Alternatives of conditions that must all hold (`and` binds tighter than `or`); none: every row.
    alternatives: tuple[tuple[Condition, ...], ...] = ()
    # Only these objects; None: whichever.
    ids: tuple[str, ...] | None = None
    # Continue behind this row (its sorting time and id), instead of counting from the start.
    after: tuple[int, str] | None = None


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """The rows of one page, and how many rows there are in all."""

    rows: Sequence[T]
    total: int
