"""Engines are made for the driver that a URL names, or that our extras bring."""

import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from fastapi_crud import Database
from fastapi_crud.engines import async_url
from fastapi_crud.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("sqlite://", "sqlite+aiosqlite://"),
        ("sqlite:///a.db", "sqlite+aiosqlite:///a.db"),
        ("postgres://u:p@h/d", "postgresql+asyncpg://u:***@h/d"),
        ("postgresql://h:1/d?ssl=require", "postgresql+asyncpg://h:1/d?ssl=require"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("mysql://h/d", "mysql+asyncmy://h/d"),
        ("mysql+aiomysql://h/d", "mysql+aiomysql://h/d"),
        ("mariadb://h/d", "mariadb+asyncmy://h/d"),
        (make_url("sqlite:///a.db"), "sqlite+aiosqlite:///a.db"),
    ],
    ids=str,
)
def test_a_plain_url_gets_an_async_driver(url: str | URL, full: str) -> None:
    """Which driver does each scheme get, and is a driver that is named left alone?"""
    assert str(async_url(url)) == full


@pytest.mark.parametrize(
    ("url", "options", "lifo", "age"),
    [
        ("postgresql://h/d", {}, True, 1800),
        ("postgresql://h/d", {"pool_size": 1, "pool_recycle": 60}, True, 60),
        ("postgresql://h/d", {"pool_use_lifo": False, "pool_recycle": -1}, False, -1),
        ("postgresql://h/d", {"poolclass": NullPool}, None, -1),
        ("mariadb://h/d", {}, True, 1800),
        ("sqlite:///a.db", {}, True, -1),
        ("sqlite://", {}, None, -1),
    ],
)
def test_pools(url: str, options: dict[str, Any], lifo: bool | None, age: int) -> None:
    """Is the connection lent that was used last, none for too long, unless said otherwise?"""
    pool: Any = Database(url, **options).engine.pool
    assert getattr(getattr(pool, "_pool", None), "use_lifo", None) is lifo
    assert pool._recycle == age


def test_a_pool_of_one_s_own(tmp_path: Path) -> None:
    """Is a ready pool used as it is?"""
    pool = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db").pool
    assert Database("sqlite:///a.db", pool=pool).engine.pool is pool


@pytest.mark.parametrize(
    ("url", "module", "fix"),
    [
        ("sqlite://", "aiosqlite", "pip install 'fastapi-crud-factory'"),
        ("postgresql://h/d", "asyncpg", r"pip install 'fastapi-crud-factory\[postgresql\]'"),
        ("mysql://h/d", "asyncmy", r"pip install 'fastapi-crud-factory\[mysql\]'"),
        ("mariadb://h/d", "asyncmy", r"pip install 'fastapi-crud-factory\[mysql\]'"),
        ("postgresql+psycopg://h/d", "psycopg", "install its driver"),
    ],
    ids=lambda it: it.partition(":")[0] if "//" in it else "",
)
def test_a_missing_driver_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, fix: str
) -> None:
    """Is it told what to install, without the rest of the URL?"""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=rf"no driver for \S+://: {fix}$"):
        Database(url)
