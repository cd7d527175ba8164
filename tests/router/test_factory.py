"""Any mapped class becomes six working endpoints."""

from typing import Any

import pytest

from fastapi_crud import Database, Service, make_crud_router
from tests import models
from tests.conftest import Serve

ROUND_TRIPS: dict[type[Any], tuple[dict[str, Any], dict[str, Any]]] = {
    models.Note: ({"title": "a"}, {"body": "b"}),
    models.Account: ({"email": "a@example.com", "pin_note": "x"}, {"email": "b@example.com"}),
    models.Tag: ({"slug": "a b", "label": "x"}, {"label": "y"}),
    models.Line: ({"order_id": 1, "line_no": 2}, {"quantity": 3}),
    models.Author: ({"name": "Ann"}, {"name": "Bobby"}),
    models.Ticket: ({"text": "a"}, {"text": "b"}),
    models.Checked: ({"name": "ABC"}, {"name": "DEF"}),
    models.Employee: ({"name": "Ann"}, {"name": "Bob"}),
    models.Manager: ({"name": "Ann", "budget": 1}, {"budget": 2}),
    models.Clerk: ({"name": "Ann", "desk": "d"}, {"desk": None}),
    models.Folder: ({"name": "a"}, {"name": "b"}),
    models.Coin: ({"name": "a", "note": "n"}, {"value": 2}),
    models.Hero: ({"name": "a"}, {"age": 2}),
    models.Everything: (
        {
            "small": 1, "medium": 2, "large": 2**62, "ratio": 0.1, "single": 0.5, "price": "1.5",
            "flag": True, "code": "é😀", "text": "t", "color": "red", "size": "S",
            "at": "2024-01-31T12:00:00+02:00", "local": "2024-01-31T12:00:00",
            "day": "2024-02-29", "hour": "12:30:00", "span": "P1DT2H", "raw": "AAE=",
            "token_id": "0191f6a0-0000-7000-8000-000000000000",
            "token_text": "0191f6a0-0000-7000-8000-000000000001",
            "data": {"a": [1, None, "x"]}, "labels": ["a", "b"],
        },
        {"small": -1, "color": None, "price": 2.25, "data": [1]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", ROUND_TRIPS, ids=lambda model: model.__name__)
async def test_every_mapped_class_goes_the_whole_round(
    db: Database, serve: Serve, model: type[Any]
) -> None:
    """Do create, get, list, PATCH, PUT and delete agree with each other, on each database?"""
    body, patch = ROUND_TRIPS[model]
    client = serve(db, make_crud_router(model, name="things"))

    created = await client.post("/things", json=body)
    assert created.status_code == 201, created.text
    path = created.headers["location"]
    row = created.json()
    assert (await client.get(path)).json() == row
    assert (await client.get("/things/")).json() == {"items": [row], "total": 1}

    patched = await client.patch(path, json=patch)
    assert patched.status_code == 200, patched.text
    assert (await client.get(path)).json() == patched.json()
    assert {k: v for k, v in patched.json().items() if k in row} != row

    replaced = await client.put(path, json=row)
    assert replaced.status_code == 200, replaced.text
    changing = {"updated_at", "version"}
    kept = {k: v for k, v in replaced.json().items() if k not in changing}
    assert kept == {k: v for k, v in row.items() if k not in changing}

    assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404
    assert (await client.delete(path)).status_code == 404


async def test_a_service_that_leaves_its_schemas_open(sqlite: Database, serve: Serve) -> None:
    """Are the bodies derived where a service is said to take anything?"""
    client = serve(sqlite, make_crud_router(models.Note, service=Service[models.Note, Any, Any]))
    assert (await client.post("/notes", json={"title": "a"})).status_code == 201
    assert (await client.post("/notes", json={"title": 5})).status_code == 422
