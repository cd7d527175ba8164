"""What an app of many resources costs until it answers, against one that is written by hand.

    python -m tests.benchmarks.starting [--rounds N] [--resources N]

Each app is started in processes of its own, in turn, and the seconds are those of the processor.
The first table is its start: classes of the models (the same for both), classes of the schemas and
routes, the first request, which goes to the last resource, a request to every resource, the OpenAPI
document, and all of it but the models; then its memory. The app by hand has five pydantic schemas
and six endpoints for each model, in a router of its own. The second table is what
`import fastapi_crud` costs beyond FastAPI and SQLAlchemy, and what it costs to load all that it
has; the bound is for the first. The exit code is 1 where we are dearer.
"""

import argparse
import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from statistics import median
from types import CodeType, MappingProxyType
from typing import Any

from tests.benchmarks.measuring import show, show_table

MARGIN = 1.1
"""How much dearer a median may look than it is."""
MOST_IMPORT_MS = 25
MOST_IMPORT_MB = 5
STEPS = ("built", "first request", "each resource", "openapi", "in all")
Figures = dict[str, float]

MODEL = """
class Thing0(Base):
    __tablename__ = "things_0"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))
    email: Mapped[str] = mapped_column(String(200), unique=True)
    age: Mapped[int | None]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
"""
BY_HAND = '''
class Thing0Base(BaseModel):
    name: str = Field(max_length=50)
    email: str = Field(max_length=200)
    age: int | None = None
    price: Decimal = Field(max_digits=10, decimal_places=2)
    active: bool = True

class Thing0Create(Thing0Base):
    pass

class Thing0Update(BaseModel):
    name: str | None = Field(None, max_length=50)
    email: str | None = Field(None, max_length=200)
    age: int | None = None
    price: Decimal | None = Field(None, max_digits=10, decimal_places=2)
    active: bool | None = None

class Thing0Read(Thing0Base):
    model_config = ConfigDict(from_attributes=True)
    id: int
    created_at: datetime

class Thing0Page(BaseModel):
    items: list[Thing0Read]
    total: int

router = APIRouter(prefix="/things_0", tags=["things_0"])

@router.get("", response_model=Thing0Page)
async def list_things_0(
    skip: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    db: AsyncSession = Depends(get_db),
):
    """List things."""
    rows = (await db.scalars(select(Thing0).order_by(Thing0.id).offset(skip).limit(limit))).all()
    return {"items": rows, "total": await db.scalar(select(func.count()).select_from(Thing0))}

@router.post("", response_model=Thing0Read, status_code=201)
async def create_thing_0(data: Thing0Create, db: AsyncSession = Depends(get_db)):
    """Create a thing."""
    thing = Thing0(**data.model_dump())
    db.add(thing)
    await db.commit()
    await db.refresh(thing)
    return thing

@router.get("/{id}", response_model=Thing0Read)
async def get_thing_0(id: int, db: AsyncSession = Depends(get_db)):
    """Get a thing."""
    if (thing := await db.get(Thing0, id)) is None:
        raise HTTPException(404)
    return thing

@router.patch("/{id}", response_model=Thing0Read)
async def update_thing_0(id: int, data: Thing0Update, db: AsyncSession = Depends(get_db)):
    """Update a thing."""
    if (thing := await db.get(Thing0, id)) is None:
        raise HTTPException(404)
    for name, value in data.model_dump(exclude_unset=True).items():
        setattr(thing, name, value)
    await db.commit()
    await db.refresh(thing)
    return thing

@router.put("/{id}", response_model=Thing0Read)
async def replace_thing_0(id: int, data: Thing0Create, db: AsyncSession = Depends(get_db)):
    """Replace a thing."""
    if (thing := await db.get(Thing0, id)) is None:
        raise HTTPException(404)
    for name, value in data.model_dump().items():
        setattr(thing, name, value)
    await db.commit()
    await db.refresh(thing)
    return thing

@router.delete("/{id}", status_code=204)
async def delete_thing_0(id: int, db: AsyncSession = Depends(get_db)):
    """Delete a thing."""
    if (thing := await db.get(Thing0, id)) is None:
        raise HTTPException(404)
    await db.delete(thing)
    await db.commit()

app.include_router(router)
'''
BY_US = "app.include_router(make_crud_router(Thing0))"


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--resources", type=int, default=200)
    parser.add_argument("--one", choices=ONE, help="measure one of them, in this process")
    said = parser.parse_args()
    if said.one:
        show(json.dumps(ONE[said.one](said.resources)))
        return 0
    runs: dict[str, list[Figures]] = {name: [] for name in ONE}
    _in_a_process("import", 0)  # which compiles it
    for _ in range(said.rounds):
        for name, taken in runs.items():
            taken.append(_in_a_process(name, said.resources))
    return _report(runs, said.resources)


def _in_a_process(name: str, resources: int) -> Figures:
    command = [sys.executable, "-m", "tests.benchmarks.starting", "--one", name]
    command += ["--resources", str(resources)]
    with_bytecode = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    figures: Figures = json.loads(subprocess.check_output(command, env=with_bytecode))
    return figures


def _report(runs: Mapping[str, Sequence[Figures]], resources: int) -> int:
    hand, ours = runs["by hand"], runs["make_crud_router"]
    ratios = {
        step: median(our[step] / their[step] for our, their in zip(ours, hand, strict=True))
        for step in STEPS
    }
    show(f"{resources} resources of 6 routes, CPU ms (medians of {len(ours)} rounds)")
    names = ("models", *STEPS)
    show_table(
        ("app", *names, "MB"),
        [
            *((name, *(_median(runs[name], it) for it in (*names, "MB"))) for name in APPS),
            ("", "x", *(f"{ratios[step]:.2f}" for step in STEPS), ""),
        ],
    )
    imported = {unit: _median(runs["import"], unit) for unit in ("ms", "MB")}
    loaded = [_median(runs["import"], f"all {unit}") for unit in imported]
    show("", "beyond FastAPI and SQLAlchemy")
    rows = [("import fastapi_crud", *imported.values()), ("all of its names", *loaded)]
    show_table(("", "CPU ms", "MB"), rows)
    missed = [f"{step}: x {ratio:.2f}" for step, ratio in ratios.items() if ratio > MARGIN]
    most = {"ms": MOST_IMPORT_MS, "MB": MOST_IMPORT_MB}
    missed += [f"import: {n:.1f} {u}" for u, n in imported.items() if n > most[u] * MARGIN]
    if missed:
        show(f"MISSED: {'; '.join(missed)}")
    return 1 if missed else 0


def _median(runs: Sequence[Figures], figure: str) -> float:
    return median(run[figure] for run in runs)


def _by_hand(resources: int) -> Figures:
    return asyncio.run(_start(BY_HAND, resources))


def _by_us(resources: int) -> Figures:
    return asyncio.run(_start(BY_US, resources))


async def _start(source: str, resources: int) -> Figures:
    """Start an app, and use all of it."""
    world = _world()
    models = _numbered(MODEL, resources)
    routes = _numbered(source, resources)
    before = _megabytes()
    figures: Figures = {}

    def done(step: str, began: float) -> float:
        now = time.process_time()
        figures[step] = (now - began) * 1e3
        return now

    now = time.process_time()
    for code in models:
        exec(code, world)
    now = done("models", now)
    for code in routes:
        exec(code, world)
    done("built", now)
    app, database = world["app"], world["database"]
    async with database.lifespan(app):
        await database.create_all()
        now = time.process_time()
        await _request(app, f"/things_{resources - 1}")
        now = done("first request", now)
        for i in range(resources):
            await _request(app, f"/things_{i}")
        now = done("each resource", now)
        app.openapi()
        done("openapi", now)
    gc.collect()
    return {
        **figures,
        "in all": sum(figures[step] for step in STEPS[:-1]),
        "MB": _megabytes() - before,
    }


def _world() -> dict[str, Any]:
    """What the sources speak of; both apps have it, and the same session."""
    from datetime import datetime
    from decimal import Decimal
    from typing import Annotated

    import sqlalchemy as sa
    from fastapi import APIRouter, Depends, FastAPI, HTTPException, Query
    from pydantic import BaseModel, ConfigDict, Field
    from sqlalchemy.ext.asyncio import AsyncSession
    from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

    from fastapi_crud import Database, get_db, make_crud_router

    base: Any = type("Base", (DeclarativeBase,), {})
    database = Database("sqlite://", metadata=base.metadata)
    return {
        "Base": base, "database": database, "app": FastAPI(lifespan=database.lifespan),
        "datetime": datetime, "Decimal": Decimal, "Annotated": Annotated,
        "Mapped": Mapped, "mapped_column": mapped_column,
        "String": sa.String, "Numeric": sa.Numeric, "func": sa.func, "select": sa.select,
        "BaseModel": BaseModel, "ConfigDict": ConfigDict, "Field": Field,
        "APIRouter": APIRouter, "Depends": Depends, "HTTPException": HTTPException, "Query": Query,
        "AsyncSession": AsyncSession, "get_db": get_db, "make_crud_router": make_crud_router,
        "__name__": __name__,
    }  # fmt: skip


def _numbered(source: str, resources: int) -> list[CodeType]:
    """Compile a source for each resource: an app on disk is compiled already."""
    numbered = (
        source.replace("Thing0", f"Thing{i}")
        .replace("things_0", f"things_{i}")
        .replace("thing_0", f"thing_{i}")
        for i in range(resources)
    )
    return [compile(text, f"<{i}>", "exec", dont_inherit=True) for i, text in enumerate(numbered)]


async def _request(app: Any, path: str) -> None:
    """Call the app as a server would, and look whether it answers."""
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": path, "root_path": "", "headers": [],
        "query_string": b"", "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 200))

    await app(scope, receive, send)
    assert {*statuses} == {200}


def _import(_: int) -> Figures:
    """Import what is imported anyway, then us, then all that we have."""
    for name in ("fastapi", "sqlalchemy.ext.asyncio"):
        import_module(name)
    before, began = _megabytes(), time.process_time()
    fastapi_crud = import_module("fastapi_crud")
    figures = {"ms": (time.process_time() - began) * 1e3, "MB": _megabytes() - before}
    for name in dir(fastapi_crud):
        getattr(fastapi_crud, name)
    return {
        **figures,
        "all ms": (time.process_time() - began) * 1e3,
        "all MB": _megabytes() - before,
    }


def _megabytes() -> float:
    """What this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


APPS = ("by hand", "make_crud_router")
ONE: Mapping[str, Callable[[int], Figures]] = MappingProxyType(
    {"by hand": _by_hand, "make_crud_router": _by_us, "import": _import}
)


if __name__ == "__main__":
    sys.exit(main())
