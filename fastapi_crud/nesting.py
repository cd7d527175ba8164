"""Bodies that take more than a row: the rows that are created with it, and keys of others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from pydantic import MISSING, AfterValidator, BaseModel, BeforeValidator, Field, create_model
from pydantic_core import PydanticKnownError
from sqlalchemy.orm.interfaces import MANYTOONE

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.paths import Hop, hop
from fastapi_crud.schemas import Schemas
from fastapi_crud.ties import UNLOADED, filled_by, link_field, relation_of
from fastapi_crud.values import Shown

SchemaOf = Callable[[ModelInfo], type[BaseModel]]
"""Gives the body that creates a row of a model."""


def with_relations(
    schemas: Schemas,
    info: ModelInfo,
    *,
    nested: Sequence[str] = (),
    links: Sequence[str] = (),
    most: int,
    create_schema_of: SchemaOf,
) -> Schemas:
    """Let bodies take what is written together with a row.

    Args:
        schemas: The schemas of the resource.
        info: Its model.
        nested: Relationships whose rows can be created with their parent, by POST.
        links: Many-to-many relationships that can be set by a list of keys, by POST, PATCH and
            PUT: `skills` by `skill_ids`. A PUT that leaves the list out leaves the links alone.
        most: How many rows or keys one list may have.
        create_schema_of: Gives the body of POST of a related model.

    Returns:
        The schemas, with bodies that have these fields. Each field stands for the relationship:
        the values of a body have it under the relationship's own name.

    Raises:
        ConfigurationError: If a relationship is not of this kind; the message names the fix.
    """
    named = {"nested": nested, "links": links}
    for option, names in named.items():
        for name in names:
            if problem := _problem(info, option, name, named):
                raise ConfigurationError(f"{info.name}: {option}={name!r}: {problem}")
    linked = {name: _keys(hop(info, name), most) for name in links}
    prefix = schemas.create.__name__.removesuffix("Create")
    born = {
        name: _rows(
            hop(info, name), most, _without_parent(hop(info, name), prefix, create_schema_of)
        )
        for name in nested
    }
    return replace(
        schemas,
        create=_extended(schemas.create, {**born, **linked}),
        update=_extended(schemas.update, linked),
        replace=_extended(schemas.replace, linked),
    )
