"""The examples of guides for apps that are there already do what their pages say."""

import asyncio
import sqlite3
import zlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI

from fastapi_crud.models import NAMING_CONVENTION
from tests.conftest import Client, client_of
from tests.docs.conftest import Load, Visit

API = "/api/v1"
AUTHORS = """
CREATE TABLE author (
    id CHAR(32) NOT NULL, name VARCHAR(100) NOT NULL, born DATE, sa_orm_sentinel INTEGER,
    created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL,
    CONSTRAINT pk_author PRIMARY KEY (id)
);
INSERT INTO author (id, name, born, created_at, updated_at) VALUES
    ('9de63f9592f042df8fceac02f68caa35', 'Jane', '1775-12-16',
     '2026-11-28 20:23:22.221932', '2026-11-28 20:23:22.221939');
"""
ITEMS = """
CREATE TABLE items (
    id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(100) NOT NULL UNIQUE, tier VARCHAR(20),
    is_deleted BOOLEAN NOT NULL, created_at DATETIME NOT NULL, updated_at DATETIME,
    deleted_at DATETIME
);
INSERT INTO items VALUES
    (1, 'a', 'gold', 1, '2026-11-28 20:26:17.895431', '2026-11-28 20:26:17.927334',
     '2026-11-28 20:26:17.922547'),
    (2, 'b', NULL, 0, '2026-11-28 20:26:17.910632', NULL, NULL);
"""
PARCELS = """
CREATE TABLE "CUST_MASTER" (
    "CUST_NO" INTEGER PRIMARY KEY, "CUST_NM" VARCHAR(60) NOT NULL, "SINCE_DT" DATETIME,
    "REGION" CHAR(2) NOT NULL DEFAULT 'EU'
);
CREATE TABLE parcels (
    id INTEGER PRIMARY KEY, weight INTEGER NOT NULL, label VARCHAR(20),
    customer INTEGER REFERENCES "CUST_MASTER" ("CUST_NO")
);
CREATE TABLE tags (id INTEGER PRIMARY KEY, name VARCHAR(10) NOT NULL UNIQUE);
INSERT INTO tags (name) VALUES ('fragile');
"""


async def test_several_services_store_all_or_nothing(visit: Visit) -> None:
    """Are stock, order and invoice changed together, and a discount given once?"""
    async with visit("several_services") as client:
        await post(client, "articles", name="Pen", stock=5)
        await post(client, "orders", article_id=1, pieces=2)
        for body, status in (
            ({"article_id": 1, "pieces": 4}, 422),
            ({"article_id": 9, "pieces": 1}, 404),
            ({"article_id": 1, "pieces": 0}, 422),
        ):
            assert (await client.post(f"{API}/orders", json=body)).status_code == status

        one = {"article_id": 1, "pieces": 1}
        for discounted in (True, False):
            bought = await post(client, "baskets", orders=[one], discount="X")
            assert bought["discounted"] is discounted
        too_many = {"orders": [one, one]}
        assert (await client.post(f"{API}/baskets", json=too_many)).status_code == 422

        assert (await items_of(client, "articles"))[0]["stock"] == 1
        assert len(await items_of(client, "orders")) == 3
        texts = [invoice["text"] for invoice in await items_of(client, "invoices")]
        assert texts == ["2 pieces of article 1", *["1 pieces of article 1"] * 2]


async def test_own_rules_sell_no_seat_twice(visit: Visit) -> None:
    """Do buyers at the same time get as many tickets as there are seats?"""
    async with visit("own_rules") as client:
        await post(client, "concerts", name="Aida", seats=2)
        body = {"concert_id": 1, "holder": "Ann", "state": "used"}
        answers = await asyncio.gather(
            *(client.post(f"{API}/tickets", json=body) for _ in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
        refused = next(answer.json() for answer in answers if answer.status_code == 409)
        assert (refused["code"], refused["detail"]) == ("sold_out", "There is no seat left")
        elsewhere = await client.post(f"{API}/tickets", json={**body, "concert_id": 9})
        assert elsewhere.status_code == 404


async def test_own_rules_keep_the_order_of_states(visit: Visit) -> None:
    """Is a ticket paid before it is used, by PATCH and by the method alike?"""
    async with visit("own_rules") as client:
        await post(client, "concerts", name="Aida", seats=2)
        await post(client, "concerts", name="Tosca", seats=2)
        ticket = await post(client, "tickets", concert_id=1, holder="Ann")
        assert ticket["state"] == "reserved"
        for body, code in (
            ({"state": "used"}, "wrong_state"),
            ({"concert_id": 2}, "forbidden"),
            ({"state": "paid", "holder": "Bob"}, None),
        ):
            answer = await client.patch(f"{API}/tickets/1", json=body)
            assert answer.json().get("code") == code
        assert (await client.post(f"{API}/tickets/1/use")).json() == "Welcome, Bob"
        assert (await client.post(f"{API}/tickets/7/use")).status_code == 404
        assert (await client.patch(f"{API}/tickets/7", json={})).status_code == 404


async def test_reflected_tables_are_served_as_they_are(load: Load) -> None:
    """Are written, reflected and found tables served, within their bounds?"""
    async with visit_tables(load("reflected_tables"), PARCELS) as client:
        assert await post(client, "customers", name="Ann") == {
            "number": 1,
            "name": "Ann",
            "since": None,
        }
        assert (await client.get(f"{API}/customers", params={"name": "Ann"})).json()["total"] == 1
        parcel = await post(client, "parcels", weight=5, customer=1)
        assert parcel == {"id": 1, "weight": 5, "label": None, "customer": 1}
        for body, status in (
            ({"weight": 5, "label": "x" * 21}, 422),
            ({"weight": 5, "customer": 9}, 409),
            ({}, 422),
        ):
            assert (await client.post(f"{API}/parcels", json=body)).status_code == status
        assert await items_of(client, "tags") == [{"id": 1, "name": "fragile"}]
        assert (await client.post(f"{API}/tags", json={"name": "x"})).status_code == 405


async def test_sync_code_runs_beside_the_loop(
    visit: Visit, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    """Do threads, plain sessions and the script give what they should?"""
    module = load("sync_code")
    async with visit("sync_code") as client:
        created = await post(client, "invoices", customer="Ann", cents=1250)
        assert created == {"id": 1, "customer": "Ann", "cents": 1250}
        await post(client, "invoices", customer="Ann", cents=50)
        assert (await client.get(f"{API}/customers/Ann/debt")).json() == 1300
        async with module.db.session() as session:
            invoice = await session.get(module.Invoice, 1)
        assert zlib.decompress(invoice.pdf) == b"Ann owes 12.50"
        assert await module.scan(b"abc") == zlib.crc32(b"abc")
    await asyncio.to_thread(module.main)
    await module.db.engine.dispose()
    assert capsys.readouterr().out == "Owed in all: 1300\n"


async def test_a_table_of_fastcrud_goes_on(load: Load) -> None:
    """Do its marks of deletion hold, and ours with them?"""
    async with visit_tables(load("from_fastcrud"), ITEMS) as client:
        kept = await items_of(client, "items")
        assert [item["name"] for item in kept] == ["b"]
        assert {*kept[0]} == {"id", "name", "tier", "created_at", "updated_at"}
        assert (await client.get(f"{API}/items/1")).status_code == 404
        assert (await client.post(f"{API}/items/1:restore")).json()["tier"] == "gold"
        assert (await client.delete(f"{API}/items/2")).status_code == 204
        assert [item["name"] for item in await items_of(client, "items")] == ["a"]
        clash = await client.post(f"{API}/items", json={"name": " a "})
        assert (clash.status_code, clash.json()["errors"][0]["pointer"]) == (409, "#/name")
        changed = await client.patch(f"{API}/items/1", json={"tier": "silver"})
        assert changed.json()["updated_at"] > kept[0]["created_at"]


async def test_a_table_of_advanced_alchemy_goes_on(load: Load) -> None:
    """Are its rows read, and new ones written, without its base?"""
    async with visit_tables(load("from_advanced_alchemy"), AUTHORS) as client:
        (jane,) = await items_of(client, "authors")
        assert (jane["id"], jane["created_at"]) == (
            "9de63f95-92f0-42df-8fce-ac02f68caa35",
            "2026-11-28T20:23:22.221932Z",
        )
        await post(client, "authors", name="Ann", born="1820-01-17")
        found = await client.get(f"{API}/authors", params={"search": "jan"})
        assert found.json()["total"] == 1
        assert (await client.get(f"{API}/centuries/19/authors")).json() == ["Ann"]


async def test_hand_written_code_and_ours_share_rules_and_sessions(visit: Visit) -> None:
    """Do both kinds of endpoints stand beside each other, with one set of rules?"""
    async with visit("from_hand_written") as client:
        assert (await client.get("/products/cheapest")).json() == "nothing"
        created = await client.post("/products/", json={"name": " Pen ", "cents": 100})
        assert (created.status_code, created.json()["name"]) == (201, "Pen")
        assert (await client.post("/products/1/raise", json={"percent": 10})).json() == 110
        assert (await client.post("/products/7/raise", json={"percent": 10})).json() is None
        assert (await client.get("/products/cheapest")).json() == "Pen"
        assert (await client.get("/products/1")).json()["cents"] == 110
        assert (await client.delete("/products/1")).status_code == 403
        await client.patch("/products/1", json={"on_sale": False})
        assert (await client.delete("/products/1")).status_code == 204


async def test_operations_can_be_moved_one_at_a_time(load: Load) -> None:
    """Does an endpoint that stays answer what the router was not given?"""
    module = load("from_hand_written")
    app = FastAPI(lifespan=module.db.lifespan)

    @app.post("/products")
    async def create() -> str:
        return "by hand"

    app.include_router(module.make_crud_router(module.Product, operations=["list", "get"]))
    async with app.router.lifespan_context(app), client_of(app) as client:
        assert (await client.post("/products")).json() == "by hand"
        assert (await client.get("/products")).status_code == 200


def test_the_convention_of_the_page_is_ours(load: Load) -> None:
    """Is what the page tells to write what `Base` has?"""
    assert {**load("naming").Base.metadata.naming_convention} == NAMING_CONVENTION


@asynccontextmanager
async def visit_tables(module: ModuleType, script: str) -> AsyncGenerator[Client]:
    """Serve an example on tables that somebody else has made."""
    file = sqlite3.connect(module.db.engine.url.database)
    file.executescript(script)
    file.close()
    app: FastAPI = module.app
    async with app.router.lifespan_context(app), client_of(app) as client:
        yield client


async def post(client: Client, path: str, **body: Any) -> Any:
    """Send a body that is accepted; the answer."""
    answer = await client.post(f"{API}/{path}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def items_of(client: Client, name: str) -> list[dict[str, Any]]:
    """The rows of a list."""
    rows: list[dict[str, Any]] = (await client.get(f"{API}/{name}")).json()["items"]
    return rows
