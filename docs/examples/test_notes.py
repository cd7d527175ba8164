"""Tests of the notes: each begins with an empty database."""

# --8<-- [start:imports]
import httpx2

from fastapi_crud import Database
from fastapi_crud.testing import count_statements

# --8<-- [end:imports]


# --8<-- [start:tests]
async def test_a_new_note_is_not_done(client: httpx2.AsyncClient) -> None:
    response = await client.post("/api/v1/notes", json={"title": "Buy milk"})
    assert response.status_code == 201
    assert response.json()["done"] is False


async def test_a_missing_note_is_404(client: httpx2.AsyncClient) -> None:
    response = await client.get("/api/v1/notes/1")
    assert response.status_code == 404
    assert response.json()["code"] == "not_found"


# --8<-- [end:tests]
# --8<-- [start:statements]
async def test_a_list_is_one_statement(client: httpx2.AsyncClient, database: Database) -> None:
    with count_statements(database) as statements:
        await client.get("/api/v1/notes")
    assert len(statements) == 1


# --8<-- [end:statements]
