"""Walking cursors, in either direction, yields each row exactly once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from itertools import cycle, islice
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import CursorPage, Database, Filter, InvalidQuery, OrderBy, Query, Repository
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.cursors import Cursor
from fastapi_crud.query.keyset import beyond
from fastapi_crud.query.ordering import sort_keys
from tests.conftest import empty_tables
from tests.models import Color, Everything, Line
from tests.query.test_operators import VALUES

SORTED = [
    "id", "small", "large", "ratio", "single", "price", "flag", "code", "text", "color", "size",
    "at", "local", "day", "hour", "span", "token_id", "token_text",
]  # fmt: skip
ROWS = 23
DECLARED: dict[str, list[Any]] = {"color": list(Color), "size": ["S", "M"]}


@pytest.fixture(scope="module")
async def walked(database: Database) -> AsyncIterator[Database]:
    """Rows with ties and NULLs in every column; columns repeat in periods of their own."""
    await empty_tables(database)
    columns = {name: list(islice(cycle(VALUES[name]), ROWS)) for name in SORTED[1:]}
    async with database.session() as session:
        session.add_all(
            Everything(**{name: values[i] for name, values in columns.items()}) for i in range(ROWS)
        )
    yield database
    await empty_tables(database)


def keys_of(page: CursorPage[Everything]) -> list[int]:
    return [row.id for row in page.items]


async def page_of(database: Database, query: Query) -> CursorPage[Everything]:
    async with AsyncSession(database.engine) as session:
        return await Repository[Everything](session).get_cursor_page(query)


async def walk(database: Database, query: Query) -> tuple[list[list[int]], CursorPage[Everything]]:
    """The keys of all pages to the end, and the last page."""
    pages: list[list[int]] = []
    cursor: str | None = ""
    page = CursorPage[Everything]([])
    while cursor is not None:
        page = await page_of(database, with_cursor(query, cursor))
        assert (page.prev_cursor is None) == (cursor == "")
        pages.append(keys_of(page))
        cursor = page.next_cursor
    return pages, page


async def walk_back(
    database: Database, query: Query, page: CursorPage[Everything]
) -> list[list[int]]:
    """The keys of all pages before this one, nearest first."""
    pages: list[list[int]] = []
    while page.prev_cursor is not None:
        page = await page_of(database, with_cursor(query, page.prev_cursor))
        assert page.next_cursor is not None
        pages.append(keys_of(page))
    return pages


def with_cursor(query: Query, cursor: str) -> Query:
    return Query(
        limit=query.limit,
        where=query.where,
        order_by=query.order_by,
        count="none",
        cursor=cursor,
    )


orders = st.lists(
    st.builds(OrderBy, st.sampled_from(SORTED), st.booleans()),
    max_size=3,
    unique_by=lambda order: order.field,
)
often = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("name", SORTED)
async def test_each_column_can_be_walked(walked: Database, name: str, descending: bool) -> None:
    """Does a walk by any column give each row once, in the order of the list, and back again?"""
    query = Query(limit=4, order_by=[OrderBy(name, descending)])
    async with AsyncSession(walked.engine) as session:
        rows = await Repository[Everything](session).get_multi(order_by=query.order_by)
    pages, last = await walk(walked, query)
    assert [key for page in pages for key in page] == [row.id for row in rows]
    assert len(rows) == ROWS
    assert list(reversed(await walk_back(walked, query, last))) == pages[:-1]


@often
@given(order=orders, limit=st.integers(1, 9), flag=st.sampled_from([None, True, False]))
async def test_any_order_can_be_walked(
    walked: Database, order: list[OrderBy], limit: int, flag: bool | None
) -> None:
    """Does that hold for any mix of columns and directions, with filters and pages of any size?"""
    where = () if flag is None else (Filter("flag", "ne", flag),)
    query = Query(limit=limit, order_by=order, where=where)
    async with AsyncSession(walked.engine) as session:
        rows = await Repository[Everything](session).get_multi(order_by=order, where=where)
    pages, last = await walk(walked, query)
    assert [key for page in pages for key in page] == [row.id for row in rows]
    backward = await walk_back(walked, query, last)
    assert [keys for keys in backward if keys][::-1] == pages[:-1]


@pytest.mark.parametrize("descending", [False, True], ids=["up", "down"])
@pytest.mark.parametrize("name", sorted({*SORTED} - {"code", "text"}))
async def test_one_order_on_every_database(walked: Database, name: str, descending: bool) -> None:
    """Is NULL the smallest, an enum sorted as declared, and the key the last to decide?"""
    async with AsyncSession(walked.engine) as session:
        rows = await Repository[Everything](session).get_multi(order_by=[OrderBy(name, descending)])

    def rank(row: Everything) -> Any:
        value = getattr(row, name)
        value = DECLARED[name].index(value) if name in DECLARED and value is not None else value
        return value is not None, 0 if value is None else value, row.id

    assert [row.id for row in rows] == [
        row.id for row in sorted(rows, key=rank, reverse=descending)
    ]


async def test_a_cursor_is_for_its_own_query(walked: Database) -> None:
    """Is a cursor refused under another order or other filters, while the limit may change?"""
    query = Query(limit=2, order_by=["price"], where=[Filter("flag", "eq", True)])
    cursor = (await page_of(walked, with_cursor(query, ""))).next_cursor
    assert cursor
    wider = Query(limit=7, order_by=query.order_by, where=query.where, cursor=cursor)
    assert len((await page_of(walked, wider)).items) == 6
    for order, flag in ((["-price"], True), (["price", "at"], True), (["price"], False)):
        other = Query(order_by=order, where=[Filter("flag", "eq", flag)], cursor=cursor)
        with pytest.raises(InvalidQuery) as caught:
            await page_of(walked, other)
        assert [issue.type for issue in caught.value.issues] == ["invalid_cursor"]


@pytest.mark.parametrize("order", [["at"], ["-price", "at"], ["code", "-at"]], ids=str)
async def test_rows_that_come_during_the_walk_disturb_no_other(
    db: Database, order: list[str]
) -> None:
    """Is each row that was there seen once, though rows are added before and behind?"""
    moment = datetime(2024, 1, 1, tzinfo=UTC)

    async def add(count: int, start: int) -> list[int]:
        rows = [
            Everything(
                at=moment.replace(microsecond=(start + n) % 7),
                price=Decimal(n % 3),
                code=None if n % 4 == 0 else str(n % 2),
            )
            for n in range(count)
        ]
        async with db.session() as session:
            session.add_all(rows)
            await session.flush()
            return [row.id for row in rows]

    first = await add(20, 0)
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None and len(seen) < 200:
        page = await page_of(db, Query(limit=3, order_by=order, cursor=cursor, count="none"))
        seen += keys_of(page)
        cursor = page.next_cursor
        if len(seen) < 60:
            await add(2, len(seen))
    assert len(seen) == len({*seen})
    assert {*first} <= {*seen}


async def test_rows_that_vanish_leave_a_way_on(db: Database) -> None:
    """Do the cursors of a page whose neighbours are gone lead to what is left?"""
    async with db.session() as session:
        session.add_all(Everything(medium=n) for n in range(6))
    query = Query(limit=2, order_by=["medium"])
    first = await page_of(db, with_cursor(query, ""))
    assert first.next_cursor
    second = await page_of(db, with_cursor(query, first.next_cursor))
    assert second.next_cursor
    assert second.prev_cursor
    async with db.session() as session:
        await session.execute(sa.delete(Everything).where(Everything.medium.not_in([2, 3])))
    after = await page_of(db, with_cursor(query, second.next_cursor))
    before = await page_of(db, with_cursor(query, second.prev_cursor))
    assert (after.items, after.next_cursor) == ([], None)
    assert (before.items, before.prev_cursor) == ([], None)
    assert after.prev_cursor
    assert before.next_cursor
    for cursor in (after.prev_cursor, before.next_cursor):
        page = await page_of(db, with_cursor(query, cursor))
        assert [row.medium for row in page.items] == [2, 3]


async def test_a_composite_key_can_be_walked(db: Database) -> None:
    """Do all parts of the key decide?"""
    keys = [(order, line) for order in range(3) for line in range(4)]
    async with db.session() as session:
        session.add_all(
            Line(order_id=order, line_no=line, quantity=line % 2) for order, line in keys
        )
    seen: list[tuple[int, int]] = []
    cursor: str | None = ""
    while cursor is not None:
        async with AsyncSession(db.engine) as session:
            query = Query(limit=5, order_by=["-quantity"], cursor=cursor)
            page = await Repository[Line](session).get_cursor_page(query)
        assert page.total == len(keys)
        seen += [(row.order_id, row.line_no) for row in page.items]
        cursor = page.next_cursor
    assert sorted(seen) == keys
    assert seen == sorted(keys, key=lambda key: (key[1] % 2, key), reverse=True)


INFO = inspect_model(Everything)


PRICE, OTHER, KEY = "everything.price", "everything.medium", "everything.id"
PARTS: list[tuple[str, list[str], tuple[Any, ...] | None, list[str]]] = [
    ("mysql", ["id"], None, []),
    ("mysql", ["id"], (5,), [f"{KEY} > 5"]),
    ("mysql", ["-id"], (5,), [f"{KEY} < 5"]),
    ("mysql", ["price"], (7, 5), [f"{PRICE} = 7 AND {KEY} > 5", f"{PRICE} > 7"]),
    ("mysql", ["price"], (None, 5), [f"{PRICE} IS NULL AND {KEY} > 5", f"{PRICE} IS NOT NULL"]),
    ("mysql", ["-price"], (None, 5), [f"{PRICE} IS NULL AND {KEY} < 5"]),
    (
        "mysql", ["-price"], (7, 5),
        [f"{PRICE} = 7 AND {KEY} < 5", f"{PRICE} < 7", f"{PRICE} IS NULL"],
    ),
    ("sqlite", ["price"], (7, 5), [f"({PRICE}, {KEY}) > (7, 5)"]),
    ("postgresql", ["-price"], (7, 5), [f"({PRICE}, {KEY}) < (7, 5)", f"{PRICE} IS NULL"]),
    (
        "postgresql", ["-price", "-medium"], (7, 3, 5),
        [
            f"({PRICE}, {OTHER}, {KEY}) < (7, 3, 5)",
            f"{PRICE} IS NULL", f"{PRICE} = 7 AND {OTHER} IS NULL",
        ],
    ),
    (
        "postgresql", ["-price", "medium"], (None, 3, 5),
        [f"{PRICE} IS NULL AND ({OTHER}, {KEY}) > (3, 5)"],
    ),
    (
        "postgresql", ["price", "-medium"], (7, None, 5),
        [f"{PRICE} = 7 AND {OTHER} IS NULL AND {KEY} < 5", f"{PRICE} > 7"],
    ),
]  # fmt: skip
"""An order, the values of a row, and the parts that the rows beyond it come in."""


@pytest.mark.parametrize(("dialect", "order", "values", "expected"), PARTS, ids=str)
def test_each_part_is_a_range_of_an_index(
    dialect: str, order: list[str], values: tuple[Any, ...] | None, expected: list[str]
) -> None:
    """Is NULL spoken of only for nullable columns, as the smallest value, in a part of its own?"""
    keys = sort_keys(INFO, Query(order_by=order).order_by, dialect)
    parts = beyond(keys, Cursor(values), dialect)
    texts = [str(part.compile(compile_kwargs={"literal_binds": True})) for part in parts]
    assert [" ".join(text.split()) for text in texts] == expected


QUANTITY, ORDER, LINE = "lines.quantity", "lines.order_id", "lines.line_no"


@pytest.mark.parametrize(
    ("dialect", "order", "expected"),
    [
        ("postgresql", ["quantity"], [f"({QUANTITY}, {ORDER}, {LINE}) > (1, 2, 3)"]),
        ("sqlite", ["-quantity"], [f"({QUANTITY}, {ORDER}, {LINE}) < (1, 2, 3)"]),
        (
            "sqlite", ["quantity", "-order_id"],
            [f"{QUANTITY} = 1 AND ({ORDER}, {LINE}) < (2, 3)", f"{QUANTITY} > 1"],
        ),
        (
            "mysql", ["quantity"],
            [
                f"{QUANTITY} = 1 AND {ORDER} = 2 AND {LINE} > 3",
                f"{QUANTITY} = 1 AND {ORDER} > 2", f"{QUANTITY} > 1",
            ],
        ),
    ],
    ids=["PostgreSQL", "SQLite", "mixed", "MySQL"],
)  # fmt: skip
def test_rows_are_compared_as_a_whole_where_an_index_can(
    dialect: str, order: list[str], expected: list[str]
) -> None:
    """Is the place one row value as far as all columns go in one direction?"""
    keys = sort_keys(inspect_model(Line), Query(order_by=order).order_by, dialect)
    parts = beyond(keys, Cursor((1, 2, 3)), dialect)
    texts = [str(part.compile(compile_kwargs={"literal_binds": True})) for part in parts]
    assert [" ".join(text.split()) for text in texts] == expected


def test_members_of_an_enum_are_ranked() -> None:
    """Is the rank of a member what is compared?"""
    keys = sort_keys(INFO, Query(order_by=["color"]).order_by, "sqlite")
    assert [key.kind for key in keys] == ["integer", "integer"]
