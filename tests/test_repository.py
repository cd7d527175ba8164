"""Rows of one model, from Python: no FastAPI needed."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    ConfigurationError,
    Database,
    Repository,
)
from tests import models


async def add_notes(session: AsyncSession, *titles: str) -> list[models.Note]:
    """Store notes with these titles."""
    return await Repository[models.Note](session).batch_create([{"title": t} for t in titles])


def test_repository_needs_to_know_its_model() -> None:
    """Is a repository without a model refused, and the fix named?"""
    session: Any = None
    generic: Any = Repository
    with pytest.raises(ConfigurationError, match=r"Repository\[User\]\(session\)"):
        generic(session)


class NoteRepository(Repository[models.Note]):
    async def titles(self) -> list[str]:
        return [row.title for row in await self.get_multi()]


async def test_subclass_knows_its_model(sqlite: Database) -> None:
    """Does a subclass take the model from its type argument?"""
    async with sqlite.session() as session:
        await add_notes(session, "a", "b")
        repository = NoteRepository(session)
        assert repository.model is models.Note
        assert await repository.titles() == ["a", "b"]
