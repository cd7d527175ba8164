"""Rows written together with what is related to them: children, and links to rows that are there."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import (
    Database,
    ForeignKeyViolation,
    PermissionDenied,
    Repository,
    UniqueViolation,
)
from fastapi_crud.exceptions import NotFound
from fastapi_crud.query.loading import Loads, View
from tests import models, related_models as related
from tests.conftest import counted, rows_of, tables_of
from tests.related_models import (
    Car,
    Comment,
    Cover,
    Pin,
    Post,
    Topic,
    Wheel,
    comment_topics,
    post_topics,
)

Data = dict[str, Any]


@pytest.fixture(scope="module")
async def tables(database: Database) -> AsyncIterator[Database]:
    """The tables of these models, on each backend."""
    async with tables_of(database, related.Base.metadata) as own:
        yield own


@pytest.fixture
async def store(tables: Database) -> Database:
    """The database, with these tables empty but for topics."""
    return await related.emptied(tables)


OWN = {Topic: [Topic.tenant == 1]}
"""Scopes: another tenant's topics are not there."""


def posts_of(session: AsyncSession, **view: Any) -> Repository[Post]:
    """Posts, with a view of them."""
    posts = Repository[Post](session)
    view.setdefault("scopes", OWN)
    posts.view = View(**view)
    return posts


async def links_of(store: Database, table: Table = post_topics) -> set[tuple[int, ...]]:
    """All links, read past the library."""
    async with store.engine.connect() as connection:
        return {tuple(row) for row in await connection.execute(select(table))}


async def test_a_row_is_created_with_children_and_links(store: Database) -> None:
    """Are all stored in one go, with their own children and links in turn?"""
    comments: list[Data] = [
        {"text": "x", "topics": [2, 3]},
        {"text": "y", "topics": []},
        {"text": "z"},
    ]
    async with store.session() as session:
        post = await posts_of(session).create(
            {
                "title": "a",
                "topics": ["2", 1],
                "comments": comments,
                "cover": {"image": "i"},
                "replies": [{"title": "b", "topics": [3], "cover": None}],
            }
        )
        assert [*post.comments] == ["x", "y", "z"]
        assert post.comments["x"].post is post
        assert {topic.name for topic in post.comments["x"].topics} == {"b", "a"}
        assert post.cover is not None
        assert post.version == 1
        (reply,) = post.replies
    assert await links_of(store) == {(post.id, 1), (post.id, 2), (reply.id, 3)}
    assert await links_of(store, comment_topics) == {(post.comments["x"].id, n) for n in (2, 3)}
    assert {row.post_id for row in await rows_of(store, Comment)} == {post.id}
    assert [(row.post_id, row.image) for row in await rows_of(store, Cover)] == [(post.id, "i")]
    assert {row.parent_id for row in await rows_of(store, Post)} == {None, post.id}


async def test_rows_of_the_developers_own_are_taken_as_they_are(store: Database) -> None:
    """Do constructors get instances, and updates mix them with keys?"""
    async with store.session() as session:
        topic, wheel = Topic(id=9, name="new", tenant=2), Wheel(car_id=0)
        posts = posts_of(session)
        post = await posts.create(
            {"title": "a", "topics": [topic], "comments": {"x": Comment(text="x")}}
        )
        assert post.topics == [topic]
        await posts.update(post.id, {"topics": [topic, 1]})
        parent = await posts.create({"title": "b"})
        assert await posts.update(post, {"parent": parent}) is post
        assert post.parent is parent
        car = await Repository[Car](session).create({"wheels": [wheel]})
        assert wheel.car_id == car.id
        await Repository[Car](session).update(car, {"wheels": [wheel, {}]})
    assert await links_of(store) == {(post.id, 9), (post.id, 1)}
    assert {row.parent_id for row in await rows_of(store, Post)} == {parent.id, None}
    assert {row.car_id for row in await rows_of(store, Wheel)} == {car.id}


async def test_links_are_replaced(store: Database) -> None:
    """Is the row locked and counted up once, and what was there before not asked for row by row?"""
    async with store.session() as session:
        post = await posts_of(session).create({"title": "a", "topics": [1, 2]})
        before = post.updated_at
    async with store.session() as session:
        posts = posts_of(session)
        with counted(store.engine) as statements:
            changed = await posts.update(post.id, {"topics": [2, 3]})
        assert changed is not None
        assert [topic.id for topic in changed.topics] == [2, 3]
        verbs = [verb for verb in statements.verbs if verb != "SELECT"]
        assert sorted(verbs) == ["DELETE", "INSERT", "UPDATE"]
        assert changed.version == 2
        assert changed.updated_at > before
        both = await posts.update(changed, {"title": "b", "topics": []})
        assert both is changed
        assert (changed.title, changed.version, changed.topics) == ("b", 3, [])
        assert changed.topic_count == 0
    assert await links_of(store) == set()


async def test_links_that_stay_the_same_write_nothing(store: Database) -> None:
    """Is nothing written, and the version kept, whatever the order of the keys?"""
    async with store.session() as session:
        post = await posts_of(session).create({"title": "a", "topics": [1, 2]})
    async with store.session() as session:
        posts = posts_of(session, loads={"topics": {}})
        with counted(store.engine) as statements:
            same = await posts.update(post.id, {"topics": [2, 1, 1]})
        assert {*statements.verbs} == {"SELECT"}
        assert same is not None
        assert same.version == 1
        assert [topic.name for topic in same.topics] == ["b", "c"]
        assert await posts.update(0, {"topics": [1]}) is None


async def test_links_that_a_caller_does_not_see_are_kept(store: Database) -> None:
    """Do rows of others and deleted ones stay linked, and unseen?"""
    async with store.session() as session:
        post = await Repository[Post](session).create({"title": "a", "topics": [1, 5]})
        await session.execute(post_topics.insert().values(post_id=post.id, topic_id=4))
    views: list[Loads] = [{}, {"topics": {}}]
    for loads in views:
        for keys in ([2], [2, 3], []):
            async with store.session() as session:
                changed = await posts_of(session, loads=loads).update(post.id, {"topics": keys})
                assert changed is not None
                assert sorted(topic.id for topic in changed.topics) == keys
            linked = {(post.id, key) for key in (4, 5, *keys)}
            assert await links_of(store) == linked, (loads, keys)


async def test_links_are_those_given_whatever_others_did_meanwhile(store: Database) -> None:
    """Are the present links read as they are, even where a transaction sees an older state?"""
    async with store.session() as session:
        post = await posts_of(session).create({"title": "a", "topics": [1]})
    async with store.session() as session:
        posts = posts_of(session)
        assert await posts.get(post.id) is not None
        async with store.session() as other:
            await posts_of(other).update(post.id, {"topics": [2]})
        await posts.update(post.id, {"topics": [1, 3]})
    assert await links_of(store) == {(post.id, 1), (post.id, 3)}


DANGLING: list[tuple[Callable[[Repository[Post], int, list[Any]], Any], tuple[Any, ...]]] = [
    (lambda posts, _, keys: posts.create({"title": "b", "topics": keys}), ()),
    (lambda posts, key, keys: posts.update(key, {"topics": keys}), ()),
    (
        lambda posts, _, keys: posts.create(
            {"title": "b", "comments": [{"text": "x"}, {"text": "y", "topics": keys}]}
        ),
        ("comments", 1),
    ),
]


async def test_keys_of_rows_that_are_not_there(store: Database) -> None:
    """Is it the same error for rows that are missing, deleted, of others, or none at all?"""
    async with store.session() as session:
        post = await posts_of(session).create({"title": "a", "topics": [1]})
    keys: list[Any] = [0, 4, 5, "x", None, {"id": 1}, (1, 1)]
    for key in keys:
        for work, place in DANGLING:
            with pytest.raises(ForeignKeyViolation, match="topic_ids refers to a row") as caught:
                async with store.session() as session:
                    await work(posts_of(session), post.id, [1, key])
            assert [each.loc for each in caught.value.issues] == [("body", *place, "topic_ids", 1)]
            assert caught.value.fields == ("topics",)
            assert caught.value.index is None
    with pytest.raises(ForeignKeyViolation) as caught:
        async with store.session() as session:
            await posts_of(session).create({"title": "b", "topics": [0, 1, 5]})
    assert [each.loc[-1] for each in caught.value.issues] == [0, 2]
    assert [row.title for row in await rows_of(store, Post)] == ["a"]
    assert await links_of(store) == {(post.id, 1)}


async def test_many_rows_are_created_with_children_and_links(store: Database) -> None:
    """Is the number of reads the same for two rows and for five, and the order kept?"""
    reads: list[int] = []
    for first, last in ((0, 2), (2, 7)):
        data = [
            {
                "title": f"{n}",
                "topics": [n % 3 + 1],
                "comments": [{"text": "x", "topics": [1, 2]}, {"text": "y", "topics": [3]}],
            }
            for n in range(first, last)
        ]
        async with store.session() as session:
            with counted(store.engine) as statements:
                rows = await posts_of(session).batch_create(data)
            assert [row.title for row in rows] == [each["title"] for each in data]
            reads.append(statements.verbs.count("SELECT"))
    assert reads[0] == reads[1]
    assert {key for _, key in await links_of(store)} == {1, 2, 3}
    assert len(await rows_of(store, Comment)) == 14
    async with store.session() as session:
        assert await posts_of(session).create_multi([{"title": "m", "topics": [1]}]) == 1
        assert await Repository[models.Note](session).create_multi([]) == 0


async def test_a_batch_tells_which_row_is_wrong(store: Database) -> None:
    """Has the error the index of the row and the place within it, and is nothing stored?"""
    good: Mapping[str, Any] = {"title": "a", "topics": [1], "comments": [{"text": "x"}]}
    async with store.session() as session:
        one, two = await posts_of(session).batch_create([good, {"title": "z"}])
    bad: list[tuple[Mapping[str, Any], type[Exception], tuple[Any, ...]]] = [
        ({"title": "c", "topics": [2, 5]}, ForeignKeyViolation, ("body", "topic_ids", 1)),
        (
            {"title": "c", "replies": [{"title": "d"}, {"title": "d"}]},
            UniqueViolation,
            ("body", "replies"),
        ),
    ]
    for values, error, loc in bad:
        with pytest.raises(error) as caught:
            async with store.session() as session:
                await posts_of(session).batch_create([{**good, "title": "b"}, values])
        violation: Any = caught.value
        assert violation.index == 1
        assert violation.issues[0].loc == loc
    with pytest.raises(ForeignKeyViolation) as dangling:
        async with store.session() as session:
            await posts_of(session).batch_update(
                [(one.id, {"topics": [1, 2]}), (two.id, {"topics": [0]})]
            )
    assert dangling.value.index == 1
    with pytest.raises(NotFound):
        async with store.session() as session:
            await posts_of(session).batch_update([(one.id, {"topics": [2]}), (0, {"topics": [0]})])
    assert {row.title for row in await rows_of(store, Post)} == {"a", "z"}
    assert await links_of(store) == {(one.id, 1)}


async def test_links_of_many_rows_are_replaced(store: Database) -> None:
    """Are targets and present links read by one statement each, however many rows change?"""
    async with store.session() as session:
        data = [{"title": f"{n}", "topics": [1, 2]} for n in range(6)]
        rows = await posts_of(session).batch_create(data)
    reads: list[int] = []
    for some in (rows[:2], rows[2:]):
        async with store.session() as session:
            changes = [(row.id, {"topics": [2, 3]}) for row in some[1:]]
            with counted(store.engine) as statements:
                changed = await posts_of(session).batch_update(
                    [(some[0].id, {"title": "x"}), *changes]
                )
                await posts_of(session).batch_update([(some[0].id, {"title": f"x{some[0].id}"})])
            assert [row.version for row in changed] == [3, *(2 for _ in changes)]
            reads.append(statements.verbs.count("SELECT"))
    assert reads[0] == reads[1]
    kept = {(row.id, key) for row in (rows[0], rows[2]) for key in (1, 2)}
    moved = {(row.id, key) for row in (rows[1], *rows[3:]) for key in (2, 3)}
    assert await links_of(store) == kept | moved


async def test_children_are_of_their_own_scope(store: Database) -> None:
    """Is a child that this caller could not see or write refused, with its parent?"""
    own_comments = {Comment: [Comment.tenant == 1]}
    views: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
        ({"scopes": own_comments}, {"comments": [{"text": "x"}, {"text": "y"}]}, True),
        (
            {"scopes": own_comments},
            {"comments": [{"text": "x"}, {"text": "y", "tenant": 2}]},
            False,
        ),
        ({"scopes": {Cover: [Cover.image == "i"]}}, {"cover": {"image": "j"}}, False),
        ({"scopes": {Post: [Post.tenant == 1]}}, {"replies": [{"title": "b", "tenant": 2}]}, False),
        ({"write_scope": [Post.tenant == 1]}, {"replies": [{"title": "b", "tenant": 2}]}, False),
        (
            {"scopes": own_comments},
            {"replies": [{"title": "b", "comments": [{"text": "y", "tenant": 2}]}]},
            False,
        ),
    ]
    for number, (view, values, allowed) in enumerate(views):
        for several in (False, True):
            titles = (f"{number} {several} {n}" for n in range(1 + several))
            data = [{"title": title, **values} for title in titles]
            if several and "replies" in values:
                continue  # their titles are unique
            stored = len(await rows_of(store, Post))
            async with store.session() as session:
                posts = posts_of(session, **view)
                if allowed:
                    await posts.batch_create(data)
                    continue
                with pytest.raises(PermissionDenied):
                    await posts.batch_create(data)
                await session.rollback()
            assert len(await rows_of(store, Post)) == stored, values


async def test_violations_by_children_say_where(store: Database) -> None:
    """Is the field named where the database tells which child it is, else the list?"""
    async with store.session() as session:
        await posts_of(session).create({"title": "a"})
    places: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        ({"title": "a"}, ("body", "title")),
        ({"replies": [{"title": "a"}]}, ("body", "replies", 0, "title")),
        ({"replies": [{"title": "a"}, {"title": "c"}]}, ("body", "replies")),
        (
            {"replies": [{"title": "c", "replies": [{"title": "a"}]}]},
            ("body", "replies", 0, "replies", 0, "title"),
        ),
    ]
    for values, loc in places:
        with pytest.raises(UniqueViolation) as caught:
            async with store.session() as session:
                await posts_of(session).create({"title": "b", **values})
        assert [issue.loc for issue in caught.value.issues] == [loc]
        assert caught.value.fields == (loc[1],)
    assert len(await rows_of(store, Post)) == 1


async def test_answers_show_what_was_written(store: Database) -> None:
    """Is what answers embed loaded as a later read shows it: in order, with what is computed?"""
    loads: Loads = {"topics": {}, "comments": {"topics": {}}, "cover": {}}
    data: Data = {
        "topics": [1, 3, 2],
        "comments": [{"text": "x", "topics": [1]}],
        "cover": {"image": "i"},
    }

    def shown(row: Post) -> list[Any]:
        inner = [[topic.name for topic in comment.topics] for comment in row.comments.values()]
        return [
            row.topic_count,
            [it.name for it in row.topics],
            inner,
            row.cover and row.cover.image,
        ]

    async with store.session() as session:
        posts = posts_of(session, loads=loads)
        made = await posts.create({"title": "a", **data})
        assert shown(made) == [3, ["a", "b", "c"], [["c"]], "i"]
        several = await posts.batch_create([{"title": t, **data} for t in "bc"])
        assert [shown(row) for row in several] == [shown(made)] * 2
        less = await posts.update(made.id, {"topics": [3]})
        assert less is not None
        assert shown(less) == [1, ["a"], [["c"]], "i"]
        rows = await posts.batch_update([(row.id, {"topics": [2, 1]}) for row in several])
        assert [shown(row) for row in rows] == [[2, ["b", "c"], [["c"]], "i"]] * 2


async def test_children_are_replaced(store: Database) -> None:
    """Are the present ones told apart from what a caller does not see, orphans deleted?"""
    async with store.session() as session:
        comments = [{"text": "x"}, {"text": "y", "tenant": 2}]
        post = await posts_of(session).create(
            {"title": "a", "comments": comments, "cover": {"image": "i"}}
        )
    scopes: dict[str, Any] = {"scopes": {Comment: [Comment.tenant == 1]}}
    async with store.session() as session:
        changed = await posts_of(session, **scopes).update(
            post.id, {"comments": [{"text": "z"}], "cover": {"image": "j"}}
        )
        assert changed is not None
        assert [*changed.comments] == ["z"]
        assert changed.version == 2
    assert {row.text for row in await rows_of(store, Comment)} == {"y", "z"}
    owners = {row.image: row.post_id for row in await rows_of(store, Cover)}
    assert owners == {"i": None, "j": post.id}
    hidden = {"scopes": {Cover: [Cover.image == "k"]}}
    for cover, allowed in ((None, True), ({"image": "k"}, False)):
        async with store.session() as session:
            posts = posts_of(session, **hidden)
            if allowed:
                await posts.update(post.id, {"cover": cover})
            else:
                with pytest.raises(PermissionDenied):
                    await posts.update(post.id, {"cover": cover})
                await session.rollback()
    assert {row.image: row.post_id for row in await rows_of(store, Cover)} == owners


async def test_a_row_of_nothing_but_links_counts_them(store: Database) -> None:
    """Does its version count up, though it has no other column?"""
    async with store.session() as session:
        pins = Repository[Pin](session)
        pin = await pins.create({"topics": [1]})
        for keys, version in (([2], 2), ([2], 2), ([], 3)):
            changed = await pins.update(pin.id, {"topics": keys})
            assert changed is not None
            assert changed.version == version
    assert [row.version for row in await rows_of(store, Pin)] == [3]


async def test_a_relationship_that_cannot_be_written_here_is_left_to_sqlalchemy(
    sqlite: Database,
) -> None:
    """Are relationships of other kinds passed on as they are?"""
    async with sqlite.session() as session:
        members = Repository[models.Member](session)
        boss = await members.create({"name": "b"})
        member = await members.create({"name": "a", "boss": boss, "team": None})
        assert member.boss_id == boss.id
        changed = await members.update(member.id, {"boss": None})
        assert changed is not None
        assert changed.boss_id is None
