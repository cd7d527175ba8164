"""Rows of one model: what `Reader`, `Writer`, `Batches` and `Upserts` can do, under one name."""

from typing import Generic

from fastapi_crud.models import ModelT
from fastapi_crud.upserts import Upserts


class Repository(Upserts[ModelT], Generic[ModelT]):
    """The rows of one model, through one session: `Repository[User](session)`.

    Flushes but never commits: whoever opened the session does. Conditions are clauses such as
    `Filter("age", "gte", 18)`, or plain SQLAlchemy expressions. Keys are values, or tuples in the
    mapper's order where they are composite; a key that cannot exist, such as text for an
    integer, is simply not found.

    Args:
        session: The session to work in.

    Raises:
        CrudError: From every method, where the database refuses; see `fastapi_crud.exceptions`.
    """
