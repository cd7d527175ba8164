"""Models and routers are shown as they say, and not where a scope would not hold."""

from typing import Any

import pytest
from fastapi import FastAPI

from fastapi_crud import ConfigurationError, Database, make_crud_router
from fastapi_crud.admin import add_admin
from tests.admin.world import Note, User, app_of, auth, enter, field, visitor


def nobody() -> bool:
    """A scope of the developer's own."""
    return False


async def test_a_router_brings_its_options(shop: Database) -> None:
    """Do columns and operations go by the router that is given?"""
    router = make_crud_router(
        User, name="staff", writable=["is_active"], operations=("list", "get", "update")
    )
    async with visitor(app_of(shop, router)) as client:
        await enter(client)
        assert (await client.get("/admin/staff/create")).status_code == 403
        assert (await client.get("/admin/staff/list")).status_code == 200
        async with shop.session() as session:
            user_id = (await session.scalars(User.__table__.select())).first()
        assert field((await client.get(f"/admin/staff/edit/{user_id}")).text, "is_active")


@pytest.mark.parametrize("scope", [nobody, {"update": nobody}], ids=["all", "by operation"])
async def test_scopes_must_not_be_forgotten(shop: Database, scope: Any) -> None:
    """Is a resource refused whose scope would not hold, unless that is meant?"""
    router = make_crud_router(Note, scope=scope)
    with pytest.raises(ConfigurationError, match=r"unscoped=\[Note\]"):
        app_of(shop, router)
    app_of(shop, router, unscoped=[Note])


async def test_scopes_of_auth_spare_superusers(shop: Database) -> None:
    """May rows be shown that are somebody's, since superusers see all of them anyway?"""
    app_of(shop, make_crud_router(Note, scope=auth.owner("data", by="email")))


async def test_columns_for_some_are_for_nobody_here(shop: Database) -> None:
    """Are columns left out whose rule asks the request?"""
    router = make_crud_router(Note, readable_by={"body": nobody}, writable_by={"stars": nobody})
    async with visitor(app_of(shop, router)) as client:
        await enter(client)
        form = (await client.get("/admin/notes/create")).text
    assert field(form, "title")
    assert field(form, "body") == field(form, "stars") == ""


async def test_another_database(shop: Database, tmp_path: Any) -> None:
    """Are rows looked for in the database of their router?"""
    other = Database(f"sqlite:///{tmp_path}/other.db", metadata=shop.metadata)
    await other.create_all()
    async with other.session() as session:
        session.add(Note(title="elsewhere"))
    async with visitor(app_of(shop, make_crud_router(Note, database=other))) as client:
        await enter(client)
        assert "elsewhere" in (await client.get("/admin/notes/list")).text
    await other.engine.dispose()


async def test_it_may_stand_elsewhere(shop: Database) -> None:
    """Do the path and the title go by what is said?"""
    app = FastAPI()
    add_admin(app, shop, [Note], auth=auth, base_url="/back", title="Back office")
    async with visitor(app) as client:
        assert "Back office" in (await client.get("/back/login")).text
