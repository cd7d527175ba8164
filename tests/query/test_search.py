"""What `search=` means."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from fastapi_crud import Database, FullText, PostgreSQLFullText, Repository, Search, SQLiteFullText
from fastapi_crud.query.search import terms
from tests.models import Note
from tests.query.questions import prompt, texts, unhurried
from tests.query.rendering import sql
from tests.strategies import DIALECTS, model_of

VECTOR = PostgreSQLFullText("search_vector")
INDEX = SQLiteFullText("notes_fts")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \t\n", []),
        ("blue", ["blue"]),
        (" blue  shirt\n", ["blue", "shirt"]),
        ('blue "soft cotton" shirt', ["blue", "soft cotton", "shirt"]),
        ('"soft cotton"', ["soft cotton"]),
        ('" soft  cotton "', ["soft  cotton"]),
        ('""', []),
        ('"  "', []),
        ('"', []),
        ('"open end', ["open", "end"]),
        ('half"', ["half"]),
        ('so"me"thing', ["something"]),
        ('"a""b"', ["a", "b"]),
        ('"a"b', ["a", "b"]),
        ("100% a_b 'x'", ["100%", "a_b", "'x'"]),
        ("日本 語", ["日本", "語"]),
    ],
    ids=ascii,
)
def test_words_and_phrases(text: str, expected: list[str]) -> None:
    """What does a person mean by what they type?"""
    assert terms(text) == expected


@prompt
@given(st.text(st.sampled_from('ab "\t%'), max_size=12) | texts)
def test_any_text_is_words(text: str) -> None:
    """Are words never empty, without quotes, and all from the text?"""
    for word in terms(text):
        assert word.strip()
        assert '"' not in word
        assert word in text.replace('"', "") or word in text


@unhurried
@given(st.lists(st.text(st.sampled_from("ab "), min_size=1).map(str.strip).filter(bool)))
def test_phrases_are_kept(phrases: list[str]) -> None:
    """Is everything that stands in quotes one term?"""
    assert terms(" ".join(f'"{phrase}"' for phrase in phrases)) == phrases


@pytest.mark.parametrize("index", [VECTOR, INDEX], ids=["PostgreSQL", "SQLite"])
def test_an_index_is_a_full_text(index: FullText) -> None:
    """Do both keep the promise, and compare by what they say?"""
    assert hash(index) == hash(type(index)(*vars(index).values()))


@pytest.mark.parametrize("index", [VECTOR, INDEX], ids=["PostgreSQL", "SQLite"])
@pytest.mark.parametrize("text", ["", " ", '""'], ids=ascii)
def test_no_words_match_everything(index: FullText, text: str) -> None:
    """Is no index asked where nothing is searched for?"""
    assert index.matches(Note, text).compare(sa.true())


# PostgreSQL


@pytest.mark.parametrize(
    ("index", "config"),
    [(VECTOR, "simple"), (PostgreSQLFullText("search_vector", config="english"), "english")],
    ids=["simple", "english"],
)
def test_a_vector_is_matched(index: PostgreSQLFullText, config: str) -> None:
    """Is the text read as on the web, by the configuration of the index, and bound?"""
    model = model_of(sa.Column("search_vector", postgresql.TSVECTOR))
    compiled = index.matches(model, "it's").compile(dialect=DIALECTS["postgresql"])
    assert str(compiled).startswith("samples.search_vector @@ websearch_to_tsquery(")
    assert {*compiled.params.values()} == {config, "it's"}


def test_a_vector_need_not_be_mapped() -> None:
    """Is a column that the class does not know found by its name?"""
    test = PostgreSQLFullText("Search vector").matches(Note, "a")
    text = str(test.compile(dialect=DIALECTS["postgresql"]))
    assert text.startswith('"Search vector" @@ websearch_to_tsquery(')


# SQLite


def test_an_index_of_sqlite_is_matched() -> None:
    """Is the row looked up by its key, each word in quotes, and the text bound?"""
    test = INDEX.matches(Note, 'milk "soft cheese" a-b')
    assert sql(test) == (
        "notes.id IN (SELECT notes_fts.rowid FROM notes_fts "
        """WHERE notes_fts.notes_fts MATCH '"milk" "soft cheese" "a-b"')"""
    )
    assert [*test.compile().params.values()] == ['"milk" "soft cheese" "a-b"']
    assert sql(SQLiteFullText("notes_fts", key="done").matches(Note, "a")).startswith(
        "notes.done IN"
    )


ROWS = ["milk and soft cheese", "cheese, soft", "Milk", "it's 100% AND NOT OR", "日本語"]


@pytest.fixture(scope="module")
async def indexed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """Notes, and an index of what they say."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('search')}/own.db")
    notes: Any = Note.__table__
    async with database.engine.begin() as connection:
        await connection.run_sync(notes.create)
        await connection.execute(sa.text("CREATE VIRTUAL TABLE notes_fts USING fts5(body)"))
        for key, body in enumerate(ROWS):
            await connection.execute(
                sa.text("INSERT INTO notes_fts(rowid, body) VALUES (:key, :body)"),
                {"key": key, "body": body},
            )
            await connection.execute(
                sa.insert(Note).values(id=key, title=str(key), body=body, done=False)
            )
    yield database
    await database.engine.dispose()


async def found(database: Database, text: str) -> list[Any]:
    async with AsyncSession(database.engine) as session:
        rows = await Repository[Note](session).get_multi(where=[Search(text, INDEX)])
    return [row.id for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("milk", [0, 2]),
        ("milk cheese", [0]),
        ("cheese soft", [0, 1]),
        ('"soft cheese"', [0]),
        ("AND", [0, 3]),
        ("NOT OR", [3]),
        ("body:milk", []),
        ("it's", [3]),
        ("100%", [3]),
        ("mil*", []),
        ("-", []),
        ("", [0, 1, 2, 3, 4]),
        ("日本語", [4]),
    ],
    ids=ascii,
)
async def test_an_index_finds(indexed: Database, text: str, expected: list[int]) -> None:
    """Are all words wanted, and is no word of the query language understood?"""
    assert await found(indexed, text) == expected


async def test_an_index_takes_any_text(indexed: Database) -> None:
    """Does no text lead to an error of the index?"""
    for text in ('"', "'", "a'b", "(", "^a", "a OR", "NEAR(a b)", "{a}", "\\", ";", "*", "+", ":"):
        assert await found(indexed, text) is not None
