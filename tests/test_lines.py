"""Files of rows: what each line says, and everything that is wrong with it."""

import enum
from io import BytesIO
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel

from fastapi_crud import InvalidLines, make_schemas
from fastapi_crud.columns import inspect_model
from fastapi_crud.lines import Mistakes, check_lines, read_csv, read_ndjson
from tests import models
from tests.strategies import model_of


def csv_data(
    text: str | bytes, model: type[Any] = models.Everything, schema: Any = None, **options: Any
) -> list[tuple[int, Any]]:
    content = text.encode() if isinstance(text, str) else text
    schema = schema or make_schemas(model).create
    lines = read_csv(BytesIO(content), schema, inspect_model(model), **options)
    return [(line.number, line.data) for line in lines]


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("medium", "-7", -7),
        ("ratio", "1e3", 1000.0),
        ("price", "1.50", "1.50"),
        ("flag", "true", True),
        ("flag", "", None),
        ("text", "", None),
        ("text", "'=1", "=1"),
        ("text", "'x", "'x"),
        ("color", "red", "red"),
        ("at", "2024-05-06T07:08:09Z", "2024-05-06T07:08:09Z"),
        ("span", "'-P1D", "-P1D"),
        ("data", '"x"', "x"),
        ("data", "1", 1),
        ("data", "", None),
        ("labels", '["a"]', ["a"]),
    ],
)
def test_cells_are_read_by_their_column(column: str, cell: str, value: Any) -> None:
    """Is text turned into what JSON would have, and an empty cell into null?"""
    quoted = cell.replace('"', '""')
    assert csv_data(f'{column},code\r\n"{quoted}",x\r\n') == [(2, {column: value, "code": "x"})]


def test_empty_cells_are_absent_where_null_cannot_be() -> None:
    """Is a column left to its default where it may not be NULL?"""
    assert csv_data("title,done,body\na,,\n", models.Note) == [(2, {"title": "a", "body": None})]


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Own(BaseModel):
    id: int
    level: Level
    secret: str
    tags: list[int] = []
    extra: dict[str, int] | None = None


def test_fields_that_are_no_columns() -> None:
    """Are lists and objects read as JSON, all else as text, and enums by their value?"""
    model = model_of(sa.Column("level", sa.Enum(Level)))
    (line,) = csv_data('id,level,secret,tags,extra\n1,2,5,[1],"{""a"":1}"\n', model, Own)
    data = {"id": 1, "level": 2, "secret": "5", "tags": [1], "extra": {"a": 1}}
    assert line == (2, data)
    assert csv_data("id,secret,level\n1,,9\n", model, Own) == [(2, {"id": 1, "level": "9"})]
    items = [*check_lines(read_csv(BytesIO(b"id,level,secret\n1,2,x\n"), Own, inspect_model(model)), Own, Mistakes())]  # fmt: skip
    assert [item.data for item in items] == [Own(id=1, level=Level.HIGH, secret="x")]


def test_formulas_may_stay() -> None:
    """Is a `'` kept where the developer says that it is text?"""
    assert csv_data("text\n'=1\n", formulas=True) == [(2, {"text": "'=1"})]


def test_lines_are_counted_as_editors_do() -> None:
    """Are empty lines and lines within cells counted, and a byte order mark passed over?"""
    text = '\ufefftitle\r\n"a\r\nb"\r\n\r\nc\r\n'
    assert csv_data(text, models.Note) == [(2, {"title": "a\r\nb"}), (5, {"title": "c"})]


@pytest.mark.parametrize(
    ("text", "issues"),
    [
        ("", [("header_invalid", ("body",))]),
        ("\n", [("header_invalid", ("body",))]),
        ("title,title\n", [("header_invalid", ("body",))]),
        ("title,nope,id\n", [("unknown_column", ("body", "nope")), ("unknown_column", ("body", "id"))]),
    ],
)  # fmt: skip
def test_the_first_line_names_columns(text: str, issues: Any) -> None:
    """Is a file refused as a whole where its header cannot be meant?"""
    with pytest.raises(InvalidLines) as caught:
        csv_data(text, models.Note)
    assert [(issue.type, issue.loc) for issue in caught.value.issues] == issues
    assert {issue.line for issue in caught.value.issues} == {1}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"title,done\na\n", [("cells_mismatch", ("body", 0), 2)]),
        (b"title,done\na,yes\nb,true\n,\n", [("value_error", ("body", 0, "done"), 2), ("missing", ("body", 2, "title"), 4)]),
        (b'title\n"a"b\nc\n', [("csv_invalid", ("body", 0), 2)]),
        (b"title\na\n\xff\n", [("csv_invalid", ("body", 1), 3)]),
        (b"title\n" + b"a" * 21 + b"\nb\n", [("string_too_long", ("body", 0, "title"), 2)]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_csv(text: bytes, told: Any) -> None:
    """Is each mistake told at its row and line, and is the rest still read?"""
    schema, mistakes = make_schemas(models.Note).create, Mistakes()
    lines = read_csv(BytesIO(text), schema, inspect_model(models.Note))
    assert all(item.data for item in check_lines(lines, schema, mistakes))
    assert [(issue.type, issue.loc, issue.line) for issue in mistakes.issues] == told
    with pytest.raises(InvalidLines):
        mistakes.check()


def test_json_lines() -> None:
    """Is each line JSON of its own, empty ones passed over, and each mistake told?"""
    schema, mistakes = make_schemas(models.Note).create, Mistakes()
    text = b'{"title":"a"}\r\n\n{"title":1}\nnull\n{"title"\n\xff\n{"title":"b","done":true}'
    items = [*check_lines(read_ndjson(BytesIO(text)), schema, mistakes)]
    assert [(item.index, item.number) for item in items] == [(0, 1), (5, 7)]
    assert [(issue.type, issue.loc, issue.line) for issue in mistakes.issues] == [
        ("string_type", ("body", 1, "title"), 3),
        ("model_type", ("body", 2), 4),
        ("json_invalid", ("body", 3), 5),
        ("json_invalid", ("body", 4), 6),
    ]


def test_mistakes_are_bounded() -> None:
    """Are so many told and no more, with the number of the lines that are wrong as well?"""
    schema, mistakes = make_schemas(models.Note).create, Mistakes(3)
    assert [*check_lines(read_ndjson(BytesIO(b'{"nope":1}\n' * 5)), schema, mistakes)] == []
    with pytest.raises(InvalidLines) as caught:
        mistakes.check()
    assert [issue.type for issue in caught.value.issues] == [
        "missing", "extra_forbidden", "missing", "more_invalid_lines",
    ]  # fmt: skip
    assert caught.value.issues[-1].msg == "3 more lines are invalid"
    Mistakes().check()
