"""What ties rows to others while they are written."""

from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import InstanceState, make_transient_to_detached

from fastapi_crud.columns import inspect_model
from fastapi_crud.exceptions import NotNullViolation
from fastapi_crud.query.paths import Hop, hop
from fastapi_crud.ties import (
    BODY,
    Item,
    filled_by,
    held,
    is_writable,
    link_field,
    placed,
    tie,
    touch,
)
from tests import models
from tests.related_models import Comment, Cover, Pin, Post, Topic


def way_of(model: type[Any], name: str) -> Hop:
    return hop(inspect_model(model), name)


@pytest.mark.parametrize(
    ("relationship", "field"),
    [("skills", "skill_ids"), ("categories", "category_ids"), ("staff", "staff_ids")],
)
def test_links_are_named_by_their_keys(relationship: str, field: str) -> None:
    """Does a field of keys say what it holds?"""
    assert link_field(relationship) == field


WAYS: list[tuple[type[Any], str, bool]] = [
    (Post, "topics", True),
    (Post, "comments", True),
    (Post, "cover", True),
    (Post, "parent", False),
    (models.Member, "reports", True),
    (models.Member, "boss", False),
    (models.Member, "badges", False),
]


@pytest.mark.parametrize(("model", "name", "writable"), WAYS, ids=str)
def test_what_can_be_written_with_a_row(model: type[Any], name: str, writable: bool) -> None:
    """Is it what refers to the row, or is linked to it, unless SQLAlchemy does not let it?"""
    assert is_writable(way_of(model, name)) is writable


def test_what_a_child_gets_from_its_parent() -> None:
    """Are the columns named that the relationship fills, by attribute?"""
    assert filled_by(way_of(Post, "comments")) == {"post_id": "id"}
    assert filled_by(way_of(models.Member, "reports")) == {"boss_id": "id"}


def test_values_are_rows_keys_or_new_rows() -> None:
    """Does each stand for what it is, with its place in the body?"""
    topic = Topic(id=1)
    values: dict[str, Any] = {
        "topics": [topic, 2],
        "comments": {"x": Comment(text="x"), "y": {"text": "y"}},
        "cover": {"image": "i"},
    }
    item = Item(BODY, values)
    topics = tie(way_of(Post, "topics"), item)
    assert (topics.wanted, topics.born, topics.ready) == ([topic, 2], [], False)
    comments = tie(way_of(Post, "comments"), item)
    assert [(it.place, it.values) for it in comments.born] == [
        (("body", "comments", 1), {"text": "y"})
    ]
    cover = tie(way_of(Post, "cover"), item)
    assert [it.place for it in cover.born] == [("body", "cover")]
    assert item.values is values
    none = tie(way_of(Post, "cover"), Item(BODY, {"cover": None}))
    assert (none.wanted, none.ready) == ([], False)


def test_what_a_row_has_in_memory() -> None:
    """Is it read whatever collection holds it?"""
    comment, cover = Comment(text="x"), Cover(image="i")
    post = Post(comments={"x": comment}, cover=cover, topics=[])
    for name, rows in {"comments": [comment], "cover": [cover], "topics": []}.items():
        assert held(way_of(Post, name), post).wanted == rows
    assert held(way_of(Post, "cover"), Post(cover=None)).wanted == []


def test_a_violation_nobody_can_place_is_of_the_whole_list() -> None:
    """Is a child's violation never told of its parent, even if the database names no column?"""
    items = [Item(("body", "comments", n), {}) for n in range(2)]
    for among, fields, loc in (
        (items[:1], ["text"], ("body", "comments", 0, "text")),
        (items[:1], [], ("body", "comments", 0)),
        (items, ["text", "tenant"], ("body", "comments")),
        ([Item(BODY, {})], ["title"], ("body", "title")),
    ):
        with pytest.raises(NotNullViolation) as caught, placed(among):
            raise NotNullViolation(fields=fields)
        assert [issue.loc for issue in caught.value.issues] == [loc]
        assert caught.value.fields == (loc[1],)


def flagged(row: object) -> list[str]:
    """Which attributes an update would write."""
    state: InstanceState[Any] = sa.inspect(row)
    return [attribute.key for attribute in state.attrs if attribute.history.added]


def test_a_row_is_touched_where_that_counts() -> None:
    """Is a plain column written again, else the key; and nothing where no update would show?"""
    rows: list[tuple[Any, list[str]]] = [
        (models.Ticket(id=1, text="a", version=1), ["text"]),
        (models.Account(id=uuid4(), email="a"), ["email"]),
        (Pin(id=1, version=1), ["id"]),
        (models.Note(id=1, title="a"), []),
    ]
    for row, names in rows:
        make_transient_to_detached(row)  # as if it had been loaded
        model: type[Any] = row.__class__
        touch(inspect_model(model), row)
        assert flagged(row) == names, row
