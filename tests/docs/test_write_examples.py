"""The examples about writing do what their pages say."""

import asyncio
import json
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL

from fastapi_crud import ConfigurationError, Database, get_settings, make_crud_router
from fastapi_crud.models import utc_now
from tests.conftest import Client, Serve
from tests.docs.conftest import DOCS, Load, Visit

HOW_TO = DOCS / "how-to"
API = "/api/v1"
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


async def test_lost_updates_are_noticed(visit: Visit) -> None:
    """Does the second of two changes of the same state fail, and tell how to go on?"""
    async with visit("lost_updates") as client:
        created = await client.put(f"{API}/pages/home", json={"text": "a"}, headers=none_match("*"))
        assert (created.status_code, created.headers["etag"]) == (201, '"1"')
        statuses = [
            await change(client, "PATCH", {"text": "b"}, match('"1"')),
            await change(client, "PATCH", {"text": "c"}, match('"1"')),
            await change(client, "PUT", {"text": "c"}, {}),
            await change(client, "PUT", {"text": "c"}, none_match("*")),
            await change(client, "PATCH", {"text": "c"}, match("*")),
            await change(client, "DELETE", None, match('"2"')),
            await change(client, "DELETE", None, match('"3"')),
            await change(client, "PATCH", {"text": "c"}, match("*")),
        ]
        assert statuses == [
            (200, None),
            (412, "precondition_failed"),
            (428, "precondition_required"),
            (412, "precondition_failed"),
            (200, None),
            (412, "precondition_failed"),
            (204, None),
            (404, "not_found"),
        ]


async def change(
    client: Client, method: str, body: object, headers: dict[str, str]
) -> tuple[int, str | None]:
    """Change the page, and give the status and the code of the problem."""
    answer = await client.request(method, f"{API}/pages/home", headers=headers, json=body)
    return answer.status_code, answer.json()["code"] if answer.status_code >= 400 else None


async def test_lost_updates_are_noticed_in_batches_and_spared_in_reading(visit: Visit) -> None:
    """Does an item say its version, and is a page that is known not sent again?"""
    async with visit("lost_updates") as client:
        await client.put(f"{API}/pages/home", json={"text": "a"}, headers=none_match("*"))
        known = await client.get(f"{API}/pages/home", headers=none_match('"1"'))
        assert (known.status_code, known.content) == (304, b"")
        path, item = f"{API}/pages:batchUpdate", {"slug": "home", "text": "b"}
        for version, status in (({}, 428), ({"version": 1}, 200), ({"version": 1}, 412)):
            answer = await client.post(path, json={"items": [item | version]})
            assert answer.status_code == status
            if status != 200:
                assert answer.json()["errors"][0]["pointer"] == "#/items/0"


async def test_lost_updates_are_all_demanded(load: Load) -> None:
    """Are operations refused that cannot say which state they mean?"""
    model = load("lost_updates").WikiPage
    for operation in ("batch_delete", "upsert"):
        with pytest.raises(ConfigurationError, match=operation):
            make_crud_router(model, operations=("get", operation), require_if_match=True)


async def test_batches_write_all_or_none(visit: Visit) -> None:
    """Are rows written in the order of the request, and is the culprit named?"""
    async with visit("batches") as client:
        created = await post(client, "products:batchCreate", items=PRODUCTS)
        assert created.status_code == 201
        assert [row["id"] for row in created.json()["items"]] == [1, 2]

        clash = await post(client, "products:batchCreate", items=[new("C"), new("B")])
        told = json.loads(fence("batches-and-upserts.md", "json"))
        assert told.items() <= clash.json().items()

        changes = [{"id": 2, "stock": 5}, {"id": 1, "name": "Pear"}]
        changed = await post(client, "products:batchUpdate", items=changes)
        assert [row["id"] for row in changed.json()["items"]] == [2, 1]
        for items, code in (
            ([{"id": 1, "stock": 9}, {"id": 2, "stock": -1}], "check_violation"),
            ([{"id": 1, "stock": 9}, {"id": 7, "stock": 1}], "not_found"),
            ([{"id": 1, "stock": 9}, {"id": 1, "stock": 1}], "duplicate_item"),
        ):
            refused = await post(client, "products:batchUpdate", items=items)
            assert refused.json()["code"] == code
            assert refused.json()["errors"][0]["pointer"].startswith("#/items/1")
        assert [row["stock"] for row in await items_of(client, "products")] == [0, 5]

        assert (await post(client, "products:batchDelete", ids=[1, 7])).status_code == 404
        assert len(await items_of(client, "products")) == 2
        assert (await post(client, "products:batchDelete", ids=[1, 2])).status_code == 204
        assert await items_of(client, "products") == []


async def test_batches_are_as_long_as_the_router_says(visit: Visit) -> None:
    """Is `max_batch` the bound?"""
    async with visit("batches") as client:
        for number, status in ((501, 422), (500, 201)):
            many = [new(str(i)) for i in range(number)]
            assert (await post(client, "products:batchCreate", items=many)).status_code == status


@pytest.mark.parametrize(("mode", "name"), [("merge", "Apple"), ("ignore", "Old")])
async def test_upserts_store_or_change(visit: Visit, mode: str, name: str) -> None:
    """Does the body of the page change what is there, or leave it alone, and store the rest?"""
    body = json.loads(fence("batches-and-upserts.md", "json", 1))
    async with visit("batches") as client:
        old = {"sku": "A", "name": "Old", "stock": 3}
        await post(client, "products:batchCreate", items=[old])
        answer = await post(client, "products:upsert", **body | {"mode": mode})
        first, second = answer.json()["items"]
        assert first == {"id": 1, "sku": "A", "name": name, "stock": 3}
        assert (second["sku"], second["stock"]) == ("B", 0)
        del body["on_conflict"]
        assert (await post(client, "products:upsert", **body)).status_code == 200


async def test_soft_delete_can_be_undone(visit: Visit) -> None:
    """Is a deleted customer gone, found by staff, and restored unless the address is taken?"""
    ann = {"email": "ann@example.com", "name": "Ann"}
    async with visit("soft_delete") as client:
        await client.post(f"{API}/customers", json=ann)
        assert (await client.delete(f"{API}/customers/1")).status_code == 204
        for method in ("GET", "DELETE"):
            assert (await client.request(method, f"{API}/customers/1")).status_code == 404
        assert await items_of(client, "customers") == []

        deleted = await client.get(f"{API}/customers?deleted=only", headers=role("staff"))
        assert [row["id"] for row in deleted.json()["items"]] == [1]
        one = await client.get(f"{API}/customers/1?deleted=include", headers=role("staff"))
        assert one.json() == deleted.json()["items"][0]
        assert (await client.get(f"{API}/customers?deleted=only")).status_code == 403

        assert (await client.post(f"{API}/customers", json=ann)).json()["id"] == 2
        assert (await client.post(f"{API}/customers", json=ann)).status_code == 409
        taken = await client.post(f"{API}/customers/1:restore", headers=role("staff"))
        assert taken.json()["code"] == "unique_violation"
        await client.delete(f"{API}/customers/2")
        back = await client.post(f"{API}/customers/1:restore", headers=role("staff"))
        assert (back.status_code, back.json()) == (200, {"id": 1, **ann, "deleted_at": None})
        again = await client.post(f"{API}/customers/1:restore", headers=role("staff"))
        assert (again.status_code, again.json()["code"]) == (409, "not_deleted")


@pytest.mark.parametrize(
    ("operation", "statuses"), [("restore", [403, 409, 409]), ("purge", [403, 403, 204])]
)
async def test_soft_delete_asks_for_permission(
    visit: Visit, operation: str, statuses: list[int]
) -> None:
    """May only staff restore, and only an administrator purge?"""
    async with visit("soft_delete") as client:
        await client.post(f"{API}/customers", json={"email": "a@example.com", "name": "Ann"})
        path = f"{API}/customers/1:{operation}"
        answers = [await client.post(path, headers=role(it)) for it in ("", "staff", "admin")]
        assert [answer.status_code for answer in answers] == statuses


async def test_soft_delete_guards_purge(load: Load) -> None:
    """Is a router refused that guards operations one by one and forgets `purge`?"""
    model = load("soft_delete").Customer
    with pytest.raises(ConfigurationError, match="purge"):
        make_crud_router(model, operations=("get", "purge"), dependencies={"get": []})


async def test_soft_delete_mariadb_is_unique_among_live_rows(
    load: Load, serve: Serve, backend: URL
) -> None:
    """Is an address taken as long as its customer is there, on every database?"""
    example = load("soft_delete_mariadb")
    database = Database(backend, metadata=example.Base.metadata)
    await database.create_all()
    try:
        client = serve(database, app=example.app)
        ann = {"email": "ann@example.com"}
        created = await client.post(f"{API}/customers", json=ann)
        assert created.json().keys() == {"id", "email", "deleted_at"}
        taken = await client.post(f"{API}/customers", json=ann)
        assert (taken.status_code, taken.json()["code"]) == (409, "unique_violation")
        assert (await client.delete(created.headers["location"])).status_code == 204
        assert (await client.post(f"{API}/customers", json=ann)).status_code == 201
        restored = await client.post(f"{created.headers['location']}:restore")
        assert (restored.status_code, restored.json()["code"]) == (409, "unique_violation")
    finally:
        await database.drop_all()
        await database.engine.dispose()


async def test_idempotent_requests_pay_once(visit: Visit) -> None:
    """Is a repeated request answered the same, for its caller, path and body only?"""
    async with visit("idempotent_requests") as client:
        first = await pay(client, key="k")
        again = await pay(client, key='"k"')
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"]
        assert "idempotency-replayed" not in first.headers

        other = await pay(client, key="k", amount=2)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
        assert (await pay(client, key="k", user="bob")).json()["id"] == 2
        several = await client.post(
            f"{API}/payments:batchCreate",
            json={"items": [{"payee": "Eve", "amount": 1}]},
            headers={"X-User": "ann", "Idempotency-Key": "k"},
        )
        assert several.json()["items"][0]["id"] == 3


async def test_idempotent_requests_need_a_key_and_keep_no_error(visit: Visit) -> None:
    """Is a missing key refused, and may a key be used again after an error?"""
    async with visit("idempotent_requests") as client:
        missing = await pay(client, key=None)
        assert (missing.status_code, missing.json()["code"]) == (400, "invalid_idempotency_key")
        assert (await pay(client, key="k", amount=0)).json()["code"] == "check_violation"
        assert (await pay(client, key="k", user="")).status_code == 401
        assert (await pay(client, key="k")).status_code == 201


async def test_idempotent_requests_are_done_once_even_at_the_same_time(visit: Visit) -> None:
    """Do requests that are sent at once make one payment?"""
    async with visit("idempotent_requests") as client:
        answers = await asyncio.gather(*(pay(client, key="k") for _ in range(5)))
        assert {answer.status_code for answer in answers} <= {201, 409}
        stored = await client.get(f"{API}/payments", headers={"X-User": "ann"})
        assert stored.json()["total"] == 1


async def test_idempotent_requests_are_pruned(visit: Visit, load: Load) -> None:
    """Are keys kept for as long as the router says, and deleted afterwards?"""
    example = load("idempotent_requests")
    async with visit("idempotent_requests") as client:
        await pay(client, key="k")
        assert await example.prune() == 0
        async with example.db.session() as session:
            (expiry,) = await session.scalars(sa.select(example.keys.c.expires_at))
            assert expiry - utc_now() > timedelta(hours=47)
            await session.execute(example.keys.update().values(expires_at=utc_now()))
        assert await example.prune() == 1


async def test_audit_trail_tells_who_changed_what(
    visit: Visit, capsys: pytest.CaptureFixture[str]
) -> None:
    """Is there an entry for each change, without secrets, and none for what was refused?"""
    async with visit("audit_trail") as client:
        ann, bob = {"X-User": "ann"}, {"X-User": "bob"}
        contract = {"title": "Lease", "notes": "n", "iban": "DE1"}
        await client.post(f"{API}/contracts", json=contract, headers=ann)
        change = {"title": "Lease 2030", "notes": "m"}
        await client.patch(f"{API}/contracts/1", json=change, headers=bob)
        await client.patch(f"{API}/contracts/1", json=change, headers=bob)
        await client.patch(f"{API}/contracts/1", json={"signed": True}, headers=ann)
        refused = await client.patch(f"{API}/contracts/1", json={"title": "x"}, headers=bob)
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        for method, path in (
            ("DELETE", "contracts/1"),
            ("POST", "contracts/1:restore"),
            ("POST", "contracts/1:purge"),
        ):
            assert (await client.request(method, f"{API}/{path}")).status_code in {200, 204}

        entries = (await items_of(client, "changes"))[::-1]
        told = json.loads(fence("audit-trail.md", "json"))
        assert {**entries[1], "at": told["at"]} == told
        assert [(entry["actor"], entry["action"]) for entry in entries] == [
            ("ann", "create"),
            ("bob", "update"),
            ("ann", "update"),
            (None, "delete"),
            (None, "restore"),
            (None, "delete"),
        ]
        created, _, signed, deleted, restored, purged = [entry["changes"] for entry in entries]
        assert created["title"] == [None, "Lease"]
        assert (created["notes"], created["iban"]) == (None, None)
        assert signed == {"signed": [False, True]}
        assert deleted == {"deleted_at": restored["deleted_at"][::-1]}
        assert purged["title"] == ["Lease 2030", None]
    assert capsys.readouterr().out == "Lease 2030 was signed by ann\n"


async def test_audit_trail_is_rolled_back_with_the_change(visit: Visit) -> None:
    """Does a batch that fails leave no entry, and one that succeeds an entry for each row?"""
    async with visit("audit_trail") as client:
        for title in ("a", "b"):
            await client.post(f"{API}/contracts", json={"title": title})
        for last, status in ((3, 404), (2, 200)):
            items = [{"id": key, "title": f"{key}"} for key in (1, last)]
            answer = await post(client, "contracts:batchUpdate", items=items)
            assert answer.status_code == status
        entries = await items_of(client, "changes")
        assert [entry["action"] for entry in entries] == ["update"] * 2 + ["create"] * 2


async def test_nested_writes_store_all_or_none(visit: Visit) -> None:
    """Are the steps of the page stored with their recipe, and is a bad one pointed at?"""
    body = json.loads(fence("nested-writes.md", "json"))
    async with visit("nested_writes") as client:
        await store_tags(client)
        for change, status, pointer in (
            ({"steps": [{"text": "a"}, {"text": ""}]}, 422, "#/steps/1/text"),
            ({"steps": [{"text": "a", "recipe_id": 1}]}, 422, "#/steps/0/recipe_id"),
            ({"tag_ids": [1, 9]}, 409, "#/tag_ids/1"),
        ):
            refused = await post(client, "recipes", **body | change)
            assert refused.status_code == status
            assert refused.json()["errors"][0]["pointer"] == pointer
        assert await items_of(client, "recipes") == []

        assert (await post(client, "recipes", **body)).status_code == 201
        stored = (await client.get(f"{API}/recipes/1?include=steps,tags")).json()
        assert [step["text"] for step in stored["steps"]] == ["Toast the bread", "Butter it"]
        assert [tag["id"] for tag in stored["tags"]] == [1, 2]
        nested = await client.patch(f"{API}/recipes/1", json={"steps": []})
        assert nested.json()["errors"][0]["type"] == "extra_forbidden"
        await client.delete(f"{API}/recipes/1")
        assert await items_of(client, "steps") == []
        assert len(await items_of(client, "tags")) == 2


@pytest.mark.parametrize(
    ("method", "body", "tags", "version"),
    [
        ("PATCH", {"tag_ids": [2]}, [2], 2),
        ("PATCH", {"tag_ids": []}, [], 2),
        ("PATCH", {"tag_ids": [1]}, [1], 1),
        ("PATCH", {}, [1], 1),
        ("PUT", {"title": "Toast"}, [1], 1),
        ("PUT", {"title": "Toast", "tag_ids": [1, 2]}, [1, 2], 2),
    ],
)
async def test_nested_writes_set_links(
    visit: Visit, method: str, body: dict[str, Any], tags: list[int], version: int
) -> None:
    """Are the links as the table of the page says, and does the version tell?"""
    async with visit("nested_writes") as client:
        await store_tags(client)
        await post(client, "recipes", title="Toast", tag_ids=[1])
        answer = await client.request(method, f"{API}/recipes/1", json=body)
        assert (answer.status_code, answer.headers["etag"]) == (200, f'"{version}"')
        stored = (await client.get(f"{API}/recipes/1?include=tags")).json()
        assert [tag["id"] for tag in stored["tags"]] == tags


async def test_json_columns_are_merged_on_demand(visit: Visit) -> None:
    """Does the patch of the page keep what it does not name, and plain JSON replace it?"""
    patch = fence("json-columns.md", "http").partition("\n\n")[2]
    settings = {"light": {"on": True, "level": 3}, "alarm": "07:00", "volume": 2}
    async with visit("json_columns") as client:
        await client.post(f"{API}/devices", json={"name": "a", "settings": settings})
        merged = await client.patch(f"{API}/devices/1", content=patch, headers=MERGE_PATCH)
        assert merged.json()["settings"] == {"light": {"on": True, "level": 5}, "volume": 2}
        replaced = await client.patch(f"{API}/devices/1", json=json.loads(patch))
        assert replaced.json()["settings"] == {"light": {"level": 5}, "alarm": None}
        options = await client.options(f"{API}/devices/1")
        assert MERGE_PATCH["Content-Type"] in options.headers["accept-patch"]


async def test_json_columns_are_merged_one_after_the_other(visit: Visit) -> None:
    """Are patches of different keys at once all kept?"""
    async with visit("json_columns") as client:
        await client.post(f"{API}/devices", json={"name": "a"})
        await asyncio.gather(
            *(
                client.patch(
                    f"{API}/devices/1", content=f'{{"settings":{{"{i}":1}}}}', headers=MERGE_PATCH
                )
                for i in range(5)
            )
        )
        stored = (await client.get(f"{API}/devices/1")).json()["settings"]
        assert stored == {str(i): 1 for i in range(5)}


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([str(i) for i in range(2500)], "Stored 2500"),
        (["1"] * 1500 + ["nan"], "Row 1500: value must not be null; nothing is stored"),
    ],
    ids=["all", "none"],
)
async def test_bulk_load_stores_all_or_nothing(
    load: Load,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    values: Iterable[str],
    told: str,
) -> None:
    """Is a whole file stored, and is the row told that cannot be?"""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/measurements.db")
    example = load("bulk_load")
    file = tmp_path / "measurements.csv"
    file.write_text("sensor,value\n" + "".join(f"a,{value}\n" for value in values))
    get_settings.cache_clear()
    await example.main(file)
    get_settings.cache_clear()
    assert capsys.readouterr().out == f"{told}\n"


PRODUCTS = [{"sku": "A", "name": "Apple"}, {"sku": "B", "name": "Banana"}]


async def store_tags(client: Client) -> None:
    """Two tags."""
    for name in ("quick", "sweet"):
        await post(client, "tags", name=name)


def new(sku: str) -> dict[str, str]:
    """A product."""
    return {"sku": sku, "name": "new"}


def match(tag: str) -> dict[str, str]:
    """Demand a state."""
    return {"If-Match": tag}


def none_match(tag: str) -> dict[str, str]:
    """Demand that the state is another."""
    return {"If-None-Match": tag}


def role(name: str) -> dict[str, str]:
    """Say which role the caller has."""
    return {"X-Role": name}


async def post(client: Client, path: str, **body: Any) -> Any:
    """Send a body to a path."""
    return await client.post(f"{API}/{path}", json=body)


async def pay(client: Client, *, key: str | None, user: str = "ann", amount: int = 1) -> Any:
    """Pay somebody."""
    headers = {"X-User": user} | ({} if key is None else {"Idempotency-Key": key})
    body = {"payee": "Eve", "amount": amount}
    return await client.post(f"{API}/payments", json=body, headers=headers)


async def items_of(client: Client, name: str) -> list[dict[str, Any]]:
    """The rows of a list."""
    rows: list[dict[str, Any]] = (await client.get(f"{API}/{name}")).json()["items"]
    return rows


def fence(page: str, language: str, number: int = 0) -> str:
    """What stands in a fence of a page."""
    text = (HOW_TO / page).read_text()
    fences = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return str(fences[number])
