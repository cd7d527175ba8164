"""What rows are sorted by."""

from typing import Any

import pytest
import sqlalchemy as sa

from fastapi_crud import ConfigurationError, Database, OrderBy
from fastapi_crud.columns import inspect_model
from fastapi_crud.query.ordering import order_by_sql, sort_keys, with_tiebreak
from tests.models import Color, Everything, Line, Note
from tests.query.rendering import sql
from tests.strategies import Level, model_of

NOTE, LINE, EVERYTHING = map(inspect_model, (Note, Line, Everything))
SMALL_NULLS = ["sqlite", "mysql", "mariadb", "mssql"]


def orders(*texts: str) -> list[OrderBy]:
    return [OrderBy.of(text) for text in texts]


@pytest.mark.parametrize(
    ("info", "order", "expected"),
    [
        (NOTE, [], ["id"]),
        (NOTE, ["title"], ["title", "id"]),
        (NOTE, ["-title"], ["-title", "-id"]),
        (NOTE, ["-done", "title"], ["-done", "title", "id"]),
        (NOTE, ["title", "-done"], ["title", "-done", "-id"]),
        (NOTE, ["-id"], ["-id"]),
        (NOTE, ["id", "-title"], ["id", "-title"]),
        (LINE, [], ["order_id", "line_no"]),
        (LINE, ["-quantity"], ["-quantity", "-order_id", "-line_no"]),
        (LINE, ["-line_no"], ["-line_no", "-order_id"]),
    ],
    ids=lambda it: it[:40] if isinstance(it, str) else "",
)
def test_the_key_comes_last(info: Any, order: list[str], expected: list[str]) -> None:
    """Is every part of the key added that is not named, in the direction of what precedes it?"""
    assert [str(it) for it in with_tiebreak(info, orders(*order))] == expected
    assert [str(key.order) for key in sort_keys(info, orders(*order), "sqlite")] == expected


def test_the_key_comes_after_sql_too() -> None:
    """Is SQL left as it is, and the key added upwards?"""
    order = [OrderBy("done", descending=True), sa.func.lower(Note.title).desc()]
    assert [sql(it) for it in order_by_sql(NOTE, order, "sqlite")] == [
        "notes.done DESC",
        "lower(notes.title) DESC",
        "notes.id ASC",
    ]


@pytest.mark.parametrize(
    ("dialect", "up", "down"),
    [
        *((dialect, "notes.body ASC", "notes.body DESC") for dialect in SMALL_NULLS),
        ("postgresql", "notes.body ASC NULLS FIRST", "notes.body DESC NULLS LAST"),
        ("oracle", "notes.body ASC NULLS FIRST", "notes.body DESC NULLS LAST"),
    ],
)
def test_null_is_the_smallest(dialect: str, up: str, down: str) -> None:
    """Is it said where NULL stands, on databases where it is not the smallest anyway?"""
    assert sql(order_by_sql(NOTE, orders("body"), dialect)[0]) == up
    assert sql(order_by_sql(NOTE, orders("-body"), dialect)[0]) == down
    assert sql(order_by_sql(NOTE, orders("title"), dialect)[0]) == "notes.title ASC"


@pytest.mark.parametrize(
    ("order", "backward", "expected"),
    [
        ("body", False, "notes.body ASC NULLS FIRST"),
        ("body", True, "notes.body DESC NULLS LAST"),
        ("-body", False, "notes.body DESC NULLS LAST"),
        ("-body", True, "notes.body ASC NULLS FIRST"),
    ],
    ids=str,
)
def test_a_walk_back_is_sorted_the_other_way(order: str, backward: bool, expected: str) -> None:
    """Is everything turned, NULL included?"""
    key = sort_keys(NOTE, orders(order), "postgresql")[0]
    assert key.nullable
    assert sql(key.sql(backward=backward)) == expected


@pytest.mark.parametrize(
    ("column_type", "members"),
    [
        (sa.Enum(Color), ["RED", "BLUE"]),
        (sa.Enum(Level), ["LOW", "HIGH"]),
        (sa.Enum("b", "a"), ["b", "a"]),
    ],
    ids=["class", "names and values", "texts"],
)
def test_an_enum_is_sorted_as_declared(column_type: Any, members: list[str]) -> None:
    """Is the rank of a member sorted by, whatever the database would sort by?"""
    info = inspect_model(model_of(sa.Column("value", column_type)))
    key = sort_keys(info, orders("value"), "sqlite")[0]
    ranks = " ".join(
        f"WHEN (samples.value = '{name}') THEN {rank}" for rank, name in enumerate(members)
    )
    assert key.kind == "integer"
    assert sql(key.sql()) == f"CASE {ranks} END ASC"


KINDS: list[tuple[Any, str, str]] = [
    (sa.Numeric(), "sqlite", "float"),
    (sa.Numeric(10), "sqlite", "float"),
    (sa.Float(asdecimal=True), "sqlite", "float"),
    (sa.Numeric(10, 2), "sqlite", "decimal"),
    (sa.Numeric(), "postgresql", "decimal"),
    (sa.Double(), "sqlite", "float"),
    (sa.Time(timezone=True), "sqlite", "time"),
    (sa.Uuid(), "sqlite", "uuid"),
    (sa.Text(), "sqlite", "text"),
]


@pytest.mark.parametrize(("column_type", "dialect", "kind"), KINDS, ids=str)
def test_the_kind_of_what_is_sorted_by(column_type: Any, dialect: str, kind: str) -> None:
    """Is a number that SQLite keeps as a float compared as one, to the last digit?"""
    info = inspect_model(model_of(sa.Column("value", column_type)))
    key = sort_keys(info, orders("value"), dialect)[0]
    assert key.kind == kind
    assert isinstance(key.expression.type, sa.Double) == (kind == "float")
    assert sql(key.sql(), "sqlite").startswith("samples.value ASC")


@pytest.mark.parametrize("give", [sort_keys, order_by_sql])
def test_what_is_sorted_by_must_exist(give: Any) -> None:
    """Does the error tell which columns there are?"""
    message = "^Note has no column 'nmae'; it has id, title, body, done$"
    with pytest.raises(ConfigurationError, match=message):
        give(NOTE, orders("-nmae"), "sqlite")


def test_a_walk_needs_names() -> None:
    """Is SQL refused where values must be told from rows?"""
    message = r'^a cursor needs names of columns to sort by: order_by=\["-created_at"\]$'
    with pytest.raises(ConfigurationError, match=message):
        sort_keys(NOTE, [OrderBy("title"), Note.id.desc()], "sqlite")


@pytest.mark.parametrize("name", ["raw", "data", "labels"])
def test_a_walk_needs_an_order(name: str) -> None:
    """Are values refused that have none?"""
    message = f"^a cursor cannot sort Everything by {name}: its values have no order$"
    with pytest.raises(ConfigurationError, match=message):
        sort_keys(EVERYTHING, orders(name), "sqlite")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([], [1, 2, 3, 4]),
        (["-id"], [4, 3, 2, 1]),
        (["color"], [2, 3, 4, 1]),
        (["-color"], [1, 4, 3, 2]),
        (["-size", "color"], [3, 1, 2, 4]),
    ],
    ids=str,
)
async def test_rows_are_sorted(sqlite: Database, order: list[str], expected: list[int]) -> None:
    """Are rows given in that order, those without a value first going up and last going down?"""
    async with sqlite.session() as session:
        session.add_all(
            [
                Everything(id=1, color=Color.BLUE, size="S"),
                Everything(id=2),
                Everything(id=3, color=Color.RED, size="M"),
                Everything(id=4, color=Color.RED),
            ]
        )
        await session.flush()
        keys = sa.select(Everything.id).order_by(
            *order_by_sql(EVERYTHING, orders(*order), "sqlite")
        )
        assert [*await session.scalars(keys)] == expected
