"""What the developer says of the list of a resource."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import Literal

from fastapi_crud.columns import ModelInfo
from fastapi_crud.query.clauses import CountMode, FullText
from fastapi_crud.query.limits import Limits
from fastapi_crud.query.operators import Operator

Pagination = Literal["offset", "cursor", "both"]
Filters = Mapping[str, Sequence[str] | EllipsisType] | Sequence[str]
"""Field → its operators, or `...` for those of its type. `"*"` stands for all that is read."""
EVERYTHING = "*"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the developer says of the list of a resource; see `CrudOptions`.

    Args:
        names: What clients call an attribute in answers → its name.
        may_read: Tells whether clients may read an attribute of a related model.
        deleted: Whether clients may ask for rows that are marked as deleted.
    """

    names: Mapping[str, str]
    may_read: Callable[[ModelInfo, str], bool]
    limits: Limits = Limits()
    filters: Filters | None = None
    sort: Sequence[str] | None = None
    default_sort: Sequence[str] | str = ()
    search: Sequence[str] | FullText | None = None
    include: Sequence[str] = ()
    fields: bool = False
    pagination: Pagination = "offset"
    count: Sequence[CountMode] = ("exact",)
    operators: Sequence[Operator] = ()
    allow_params: Collection[str] = ()
    deleted: bool = False
