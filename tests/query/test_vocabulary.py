"""What a list can be asked."""

from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import registry, relationship

from fastapi_crud import ConfigurationError, Filter, Limits, Operator, OrderBy, SQLiteFullText
from fastapi_crud.columns import ModelInfo
from fastapi_crud.query.clauses import MAX_SKIP
from fastapi_crud.query.filters import FilterParameter, SearchParameter
from fastapi_crud.query.operators import OPERATORS, SCALARS
from fastapi_crud.query.parameters import IntegerParameter, NamesParameter
from fastapi_crud.query.vocabulary import Vocabulary
from tests.models import Author, Book, Everything, Folder, Note
from tests.query.questions import FITTING, INFO, vocabulary_of
from tests.strategies import model_of

EVEN = Operator(
    "even",
    "is even",
    lambda it, value: it.column % 2 == (not value),
    frozenset({"integer"}),
    "flag",
)
EQUALS = ["", "__eq", "__ne", "__in", "__not_in"]
ORDER = ["__gt", "__gte", "__lt", "__lte"]
TEXT = ["__contains", "__icontains", "__startswith"]
NULL = ["__isnull"]
INTEGER = "eq, ne, in, not_in, gt, gte, lt, lte, isnull"


def spelled(name: str, *endings: str) -> list[str]:
    return [name + ending for ending in endings]


def filters_of(vocabulary: Vocabulary) -> list[str]:
    """The names of the parameters that filter."""
    parameters = vocabulary.parameters.items()
    return [name for name, it in parameters if isinstance(it, FilterParameter)]


def sort_of(vocabulary: Vocabulary) -> dict[str, OrderBy]:
    """What may be written to sort by, and what it means."""
    parameter = vocabulary.parameters["sort"]
    assert isinstance(parameter, NamesParameter)
    return dict(parameter.allowed)


def refused(message: str, model: type[Any], **said: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        vocabulary_of(model, **said)
    assert str(caught.value) == message


# Filters


def test_filters_by_default() -> None:
    """Can every column that is read be filtered by, with the operators of its type?"""
    assert filters_of(vocabulary_of(Note)) == [
        *spelled("id", *EQUALS, *ORDER),
        *spelled("title", *EQUALS, *TEXT),
        *spelled("body", *EQUALS, *TEXT, *NULL),
        *spelled("done", *EQUALS),
    ]


@pytest.mark.parametrize("name", INFO.columns)
def test_operators_by_default(name: str) -> None:
    """Does every type have the operators of the contract?"""
    kind, nullable = INFO.columns[name].kind.name, INFO.columns[name].nullable
    scalar = EQUALS if kind in SCALARS else []
    ordered = [] if kind in {"boolean", "enum", "uuid", "text", "interval"} else ORDER
    text = TEXT if kind == "text" else []
    endings = [*scalar, *(ordered if scalar else []), *text, *(NULL if nullable else [])]
    assert filters_of(vocabulary_of(Everything, filters=[name])) == spelled(name, *endings)


def test_only_what_is_read_is_filtered_by() -> None:
    """Do columns that answers do not show, and hybrids that are no SQL, stay out?"""
    assert filters_of(vocabulary_of(Note, names={"done": "done"})) == spelled("done", *EQUALS)
    assert not [name for name in filters_of(vocabulary_of(Author)) if name.startswith("shout")]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], []),
        ({}, []),
        (["done"], spelled("done", *EQUALS)),
        ({"title": ["eq"]}, ["title", "title__eq"]),
        ({"title": ["endswith", "isnull"]}, ["title__endswith", "title__isnull"]),
        ({"title": []}, []),
        ({"done": ...}, spelled("done", *EQUALS)),
        (
            {"*": ["eq"], "title": ["contains"]},
            ["id", "id__eq", "body", "body__eq", "done", "done__eq", "title__contains"],
        ),
        ({"title": ["contains"], "*": ["ne"]}, ["title__contains", "id__ne", "body__ne", "done__ne"]),
    ],
    ids=str,
)  # fmt: skip
def test_filters_as_listed(filters: Any, expected: list[str]) -> None:
    """Does a list narrow or widen what may be filtered by, `*` standing for the rest?"""
    assert filters_of(vocabulary_of(Note, filters=filters)) == expected


def test_filters_over_relationships() -> None:
    """Is a path spelled with `__`, and may what is related be missing where it is one row?"""
    vocabulary = vocabulary_of(Book, filters=["author.name", "author.books.title"])
    assert filters_of(vocabulary) == [
        *spelled("author__name", *EQUALS, *TEXT, *NULL),
        *spelled("author__books__title", *EQUALS, *TEXT, *NULL),
    ]
    assert vocabulary.parameters["author__name"].read(["a"]) == Filter("author.name", "eq", "a")
    many = vocabulary_of(Author, filters=["books.title"])
    assert filters_of(many) == spelled("books__title", *EQUALS, *TEXT)


@pytest.mark.parametrize(
    ("model", "filters", "message"),
    [
        (Note, ["nmae"], "Note has no column 'nmae'; it has id, title, body, done"),
        (Note, ["author.name"], "Note has no relationship 'author'; it has none"),
        (
            Note,
            {"done": ["gt"]},
            "Note: filters['done']: no operator 'gt' for it; there are eq, ne, in, not_in, isnull",
        ),
        (
            Folder,
            {"files.id": ["nope"]},
            f"Folder: filters['files.id']: no operator 'nope' for it; there are {INTEGER}",
        ),
        (
            Everything,
            {"raw": ["eq"]},
            "Everything: filters['raw']: no operator 'eq' for it; there are isnull",
        ),
        (
            Author,
            ["shout"],
            "Author: 'shout' is no SQL: give the hybrid an .expression, or leave it out",
        ),
    ],
    ids=["column", "relationship", "operator of others", "no operator", "binary", "hybrid"],
)
def test_filters_that_cannot_be(model: type[Any], filters: Any, message: str) -> None:
    """Is a mistake of the developer told when the router is made, with the fix?"""
    refused(message, model, filters=filters)


def test_what_related_models_hide_stays_hidden() -> None:
    """Is each end of a path asked whether it may be read, and columns of the model itself not?"""
    asked: list[tuple[str, str]] = []

    def may_read(info: ModelInfo, name: str) -> bool:
        asked.append((info.name, name))
        return name != "name"

    vocabulary_of(Book, filters=["author.id", "title"], search=["title"], may_read=may_read)
    assert asked == [("Author", "id")]
    message = "Book: 'author.name' is hidden: make name of Author readable, or leave it out"
    refused(message, Book, filters=["author.name"], may_read=may_read)
    refused(message, Book, search=["author.name"], may_read=may_read)


# Names


def test_clients_speak_the_names_of_answers() -> None:
    """Is a column filtered, sorted and chosen by the name that answers give it?"""
    vocabulary = vocabulary_of(Note, names={"heading": "title"}, fields=True)
    assert filters_of(vocabulary) == spelled("heading", *EQUALS, *TEXT)
    assert vocabulary.parameters["heading"].read(["a"]) == Filter("title", "eq", "a")
    assert sort_of(vocabulary) == {
        "heading": OrderBy("title"),
        "-heading": OrderBy("title", descending=True),
    }
    assert vocabulary.parameters["fields"].read(["heading"]) == ("title",)
    assert vocabulary.parameters["fields"].without({"title"}) is None
    assert vocabulary.parameters["sort"].without({"title"}) is None
    listed = vocabulary_of(
        Note, names={"heading": "title"}, filters=["title", "done"], sort=["title", "done"]
    )
    assert {*sort_of(listed)} == {"heading", "-heading", "done", "-done"}
    assert filters_of(listed) == [*spelled("heading", *EQUALS, *TEXT), *spelled("done", *EQUALS)]


def test_reserved_words_come_first() -> None:
    """Is a column called like another parameter filtered by `name__eq`, and that documented?"""
    model = model_of(sa.Column("limit", sa.Integer), sa.Column("cursor", sa.Integer))
    parameters = vocabulary_of(model).parameters
    assert isinstance(parameters["limit"], IntegerParameter)
    assert parameters["limit__eq"].read(["1"]) == Filter("limit", "eq", 1)
    assert parameters["limit__eq"].documented
    assert parameters["cursor"].read(["1"]) == Filter("cursor", "eq", 1)
    assert not parameters["cursor__eq"].documented
    cursors = vocabulary_of(model, pagination="both").parameters
    assert cursors["cursor"].read(["1"]) == "1"
    assert cursors["cursor__eq"].documented


def test_exact_names_come_first() -> None:
    """Is a column whose name ends like an operator filtered by its own name?"""
    model = model_of(
        sa.Column("size", sa.Integer), sa.Column("size__gt", sa.Integer), sa.Column("size__eq", sa.Text)
    )  # fmt: skip
    parameters = vocabulary_of(model).parameters
    assert parameters["size__gt"].read(["1"]) == Filter("size__gt", "eq", 1)
    assert parameters["size__gt__gt"].read(["1"]) == Filter("size__gt", "gt", 1)
    assert parameters["size__eq"].read(["a"]) == Filter("size__eq", "eq", "a")
    assert parameters["size"].read(["1"]) == Filter("size", "eq", 1)


def test_two_of_one_name_are_refused() -> None:
    """Does a column called like a path lead to an error that names the fix?"""
    metadata, mapped = sa.MetaData(), registry()
    owner = type("Owner", (), {})
    pet = type("Pet", (), {})
    owners = sa.Table(
        "owners", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text)
    )  # fmt: skip
    pets = sa.Table(
        "pets", metadata, sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner_id", sa.Integer, sa.ForeignKey("owners.id")), sa.Column("owner__name", sa.Text),
    )  # fmt: skip
    mapped.map_imperatively(owner, owners)
    mapped.map_imperatively(pet, pets, properties={"owner": relationship(owner)})
    assert filters_of(vocabulary_of(pet, filters=["owner.name"]))[0] == "owner__name"
    refused(
        "Pet: two parameters are called owner__name: leave one of them out of filters=",
        pet,
        filters=["*", "owner.name"],
    )


# Paging and counting


@pytest.mark.parametrize(
    ("pagination", "names"),
    [
        ("offset", ["skip", "limit"]),
        ("cursor", ["limit", "cursor"]),
        ("both", ["skip", "limit", "cursor"]),
    ],
)
def test_ways_to_page(pagination: Any, names: list[str]) -> None:
    """Which parameters does each way to page have?"""
    vocabulary = vocabulary_of(Note, pagination=pagination, filters=[], sort=[])
    assert list(vocabulary.parameters) == names
    assert vocabulary.pagination == pagination


def test_the_parameters_of_a_page() -> None:
    """Do they say their names, defaults and bounds, for the documentation?"""
    limits = Limits(default_limit=10, max_limit=50)
    vocabulary = vocabulary_of(Note, limits=limits)
    assert vocabulary.limits is limits
    assert vocabulary.parameters["skip"] == IntegerParameter(
        name="skip",
        default=0,
        minimum=0,
        maximum=MAX_SKIP,
        description="How many rows to pass over.",
    )
    assert vocabulary.parameters["limit"] == IntegerParameter(
        name="limit",
        default=10,
        minimum=1,
        maximum=50,
        description="How many rows to give at most.",
    )


@pytest.mark.parametrize(
    ("count", "asked"),
    [(["exact"], False), (["none"], False), (["none", "exact"], True)],
    ids=str,
)
def test_ways_to_count(count: Any, asked: bool) -> None:
    """Can clients choose only where there is a choice?"""
    vocabulary = vocabulary_of(Note, count=count)
    assert ("count" in vocabulary.parameters) == asked
    assert vocabulary.count == tuple(count)
    if asked:
        assert vocabulary.parameters["count"].schema()["enum"] == count


# Sorting


@pytest.mark.parametrize(
    ("model", "said", "names"),
    [
        (Note, {}, ["id", "title", "body", "done"]),
        (Note, {"sort": ["title"]}, ["title"]),
        (Note, {"names": {"id": "id"}}, ["id"]),
        (Note, {"names": {"id": "id"}, "sort": ["done"]}, ["done"]),
        (Author, {}, ["id", "name", "name_length", "book_count"]),
        (Everything, {}, [name for name, it in INFO.columns.items() if it.kind.name in SCALARS]),
    ],
    ids=["all", "some", "all that is read", "more than is read", "no hybrids", "what has an order"],
)
def test_what_may_be_sorted_by(model: type[Any], said: dict[str, Any], names: list[str]) -> None:
    """Which columns may be sorted by, in both directions?"""
    assert sort_of(vocabulary_of(model, **said)) == {
        f"{sign}{name}": OrderBy(name, bool(sign)) for name in names for sign in ("", "-")
    }


@pytest.mark.parametrize("said", [{"sort": []}, {"names": {}}], ids=["nothing", "nothing read"])
def test_nothing_to_sort_by(said: dict[str, Any]) -> None:
    """Is there no parameter without a value?"""
    assert "sort" not in vocabulary_of(Note, **said).parameters


@pytest.mark.parametrize(
    ("sort", "message"),
    [
        ("nmae", "Book has no column 'nmae'; it has id, title, author_id, blurb"),
        ("author.nmae", "Author has no column 'nmae'; it has id, name, name_length, book_count, shout"),
        ("author.name", "Book: 'author.name' has no order: sort by a plain column of the model"),
    ],
    ids=["column", "related column", "path"],
)  # fmt: skip
def test_what_cannot_be_sorted_by(sort: str, message: str) -> None:
    """Is a path refused, and what does not exist?"""
    refused(message, Book, sort=[sort])


@pytest.mark.parametrize("name", ["raw", "data", "labels"])
def test_what_has_no_order(name: str) -> None:
    """Is a column of binary data or JSON refused?"""
    message = f"Everything: {name!r} has no order: sort by a plain column of the model"
    refused(message, Everything, sort=[name])


@pytest.mark.parametrize(
    ("default", "order"),
    [
        ((), ()),
        ("title", (OrderBy("title"),)),
        ("-title", (OrderBy("title", descending=True),)),
        (["-done", "title"], (OrderBy("done", descending=True), OrderBy("title"))),
    ],
    ids=str,
)
def test_the_order_where_clients_say_nothing(default: Any, order: tuple[OrderBy, ...]) -> None:
    """Is one name enough?"""
    assert vocabulary_of(Note, default_sort=default).default_order == order


def test_a_default_order_must_exist() -> None:
    """Is a name that does not exist refused?"""
    refused("Note has no column 'nmae'; it has id, title, body, done", Note, default_sort="-nmae")


# Search, fields, include


def test_where_to_search() -> None:
    """Does the parameter know the fields, paths as well, and tell of them?"""
    search = vocabulary_of(Book, search=["title", "author.name"]).parameters["search"]
    assert isinstance(search, SearchParameter)
    assert search.fields == ("title", "author.name")
    assert search.description == (
        "Words, and phrases in quotes, that must all occur in `title`, `author.name`."
    )
    assert search.longest == 200
    assert "search" not in vocabulary_of(Book).parameters


def test_an_index_to_search() -> None:
    """Is a full-text index taken as it is?"""
    index = SQLiteFullText("notes_fts")
    search = cast("SearchParameter", vocabulary_of(Note, search=index).parameters["search"])
    assert search.fields is index
    assert search.description.endswith("must all occur in a full-text index.")


@pytest.mark.parametrize(
    ("model", "path", "message"),
    [
        (Note, "done", "Note: search='done' is no text: only text is searched"),
        (Book, "author.id", "Book: search='author.id' is no text: only text is searched"),
        (Note, "nmae", "Note has no column 'nmae'; it has id, title, body, done"),
        (
            Author,
            "shout",
            "Author: 'shout' is no SQL: give the hybrid an .expression, or leave it out",
        ),
    ],
    ids=["flag", "related number", "column", "hybrid"],
)
def test_where_nobody_can_search(model: type[Any], path: str, message: str) -> None:
    """Is anything but text refused?"""
    refused(message, model, search=[path])


def test_fields_to_show() -> None:
    """Can those that answers have be chosen, where the developer says so?"""
    vocabulary = vocabulary_of(Note, fields=True)
    assert vocabulary.parameters["fields"].read(["title,id"]) == ("title", "id")
    assert "fields" not in vocabulary_of(Note).parameters


def test_relationships_to_show() -> None:
    """Are paths of two relationships taken, and gone where the first of them is hidden?"""
    vocabulary = vocabulary_of(Author, include=["books", "books.author"])
    include = vocabulary.parameters["include"]
    assert include.read(["books.author,books"]) == ("books.author", "books")
    assert include.without({"books"}) is None
    assert include.without({"author"}) == include
    assert "include" not in vocabulary_of(Author).parameters


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "books.author.books",
            "Author: include='books.author.books': at most 2 relationships in a row",
        ),
        ("boks", "Author has no relationship 'boks'; it has books"),
        ("books.title", "Book has no relationship 'title'; it has author"),
        ("", "Author has no relationship ''; it has books"),
    ],
    ids=str,
)
def test_relationships_that_cannot_be_shown(path: str, message: str) -> None:
    """Is the depth bounded, and does each have to exist?"""
    refused(message, Author, include=[path])


# Operators


def test_an_operator_of_ones_own() -> None:
    """Is it there for the columns of its kinds, beside the built-in ones?"""
    vocabulary = vocabulary_of(Everything, operators=[EVEN], filters=["medium", "text"])
    assert vocabulary.parameters["medium__even"].read(["true"]) == Filter("medium", EVEN, True)
    assert "text__even" not in vocabulary.parameters
    listed = vocabulary_of(Note, operators=[EVEN], filters={"id": ["even"]})
    assert filters_of(listed) == ["id__even"]


@pytest.mark.parametrize("name", ["eq", "isnull", "is even", "", "1st", "a-b"])
def test_the_name_of_an_operator(name: str) -> None:
    """Must it be a new one, and a word that a parameter can end with?"""
    operator = Operator(name, "", OPERATORS["eq"].expression, SCALARS)
    refused(f"operators={name!r}: give your operator another name", Note, operators=[operator])


# Documentation


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("title", "Rows whose `title` is this."),
        ("title__ne", "Rows whose `title` is not this."),
        ("title__in", "Rows whose `title` is one of these."),
        ("title__icontains", "Rows whose `title` contains, in any case, this."),
        ("body__isnull", "Whether `body` is null."),
        ("id__gte", "Rows whose `id` is at least this."),
        ("sort", "What to sort by, `-` for descending; the primary key comes last."),
    ],
)
def test_parameters_are_described(name: str, description: str) -> None:
    """Does each say what it does?"""
    assert vocabulary_of(Note).parameters[name].description == description


def test_what_parameters_are_about() -> None:
    """Are fields and reserved words known apart from operators, to suggest one of them?"""
    vocabulary = vocabulary_of(Note, operators=[EVEN], pagination="both")
    assert vocabulary.subjects == (
        "skip", "limit", "cursor", "sort", "id", "title", "body", "done",
    )  # fmt: skip
    assert vocabulary.operators == (*OPERATORS, "even")
    reserved = vocabulary_of(model_of(sa.Column("limit", sa.Integer)), filters=["limit"])
    assert reserved.subjects == ("skip", "limit", "sort")


def test_what_is_documented() -> None:
    """Is nothing documented twice, nor lists of values that nobody compares one by one?"""
    parameters = vocabulary_of(Everything, filters=FITTING).parameters.values()
    quiet = {name for name, it in INFO.columns.items() if it.kind.name in {
        "boolean", "datetime", "float", "interval", "local_datetime", "local_time",
    }}  # fmt: skip
    assert {it.name for it in parameters if not it.documented} == {
        *(f"{name}__eq" for name in FITTING if "eq" in FITTING[name]),
        *(f"{name}__{operator}" for name in quiet for operator in ("ne", "in", "not_in")),
    }


def test_which_parameters_may_be_repeated() -> None:
    """Is it lists alone?"""
    parameters = vocabulary_of(Note, fields=True).parameters.values()
    repeatable = {it.name for it in parameters if it.repeatable}
    lists = {f"{name}__{operator}" for name in ("id", "title", "body", "done")
             for operator in ("in", "not_in")}  # fmt: skip
    assert repeatable == lists | {"sort", "fields"}


# The vocabulary of one row


def test_what_one_row_can_be_asked() -> None:
    """Is the part that chooses what to show given, with all bounds?"""
    vocabulary = vocabulary_of(
        Author,
        fields=True,
        include=["books"],
        limits=Limits(max_in=7),
        allow_params=["utm_*"],
        pagination="cursor",
        default_sort="name",
    )
    assert vocabulary.allow_params == ("utm_*",)
    part = vocabulary.only("fields", "include", "nothing")
    assert list(part.parameters) == ["fields", "include"]
    assert (part.limits, part.allow_params) == (Limits(max_in=7), ("utm_*",))
    assert (part.default_order, part.pagination) == ((), "offset")
