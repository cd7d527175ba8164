"""What lists and searches can be asked over HTTP, and what they answer beside the rows."""

from typing import Annotated, Any

import pytest
import sqlalchemy as sa
from fastapi import Depends, FastAPI, Query as QueryParam
from pydantic import BaseModel

from fastapi_crud import Database, Operator, make_crud_router
from tests.conftest import Serve
from tests.models import Everything, Note
from tests.router.test_lists import ALL, titles, with_notes

# Who else has parameters


async def tenant(tenant: str = "x") -> str:
    return tenant


class Style(BaseModel):
    color: str = "red"


async def style(style: Annotated[Style, QueryParam()]) -> Style:
    return style


async def test_parameters_of_dependencies_keep_working(sqlite: Database, serve: Serve) -> None:
    """Are they let through, wherever the router is included, and still suggested?"""
    await with_notes(sqlite, 1)
    app = FastAPI(dependencies=[Depends(tenant)])
    app.include_router(
        make_crud_router(Note, dependencies=[Depends(style)], allow_params=["utm_*"])
    )
    client = serve(sqlite, app=app)
    assert await titles(client, "tenant=a&color=blue&utm_source=x&done=true") == ["00"]
    refused = await client.get("/notes?tennant=a&utm=1")
    assert [error["msg"] for error in refused.json()["errors"]] == [
        "Unknown parameter; did you mean tenant?", "Unknown parameter",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("prefer", "status", "applied"),
    [
        ("handling=lenient", 200, "handling=lenient"),
        ('respond-async, Handling = "lenient"; x=1', 200, "handling=lenient"),
        ("handling=strict", 422, None),
        ("handling=strict, handling=lenient", 422, None),
        ("handling=odd", 422, None),
        ("return=minimal", 422, None),
        ("", 422, None),
    ],
    ids=str,
)
async def test_clients_may_prefer_lenience(
    sqlite: Database, serve: Serve, prefer: str, status: int, applied: str | None
) -> None:
    """Is an unknown parameter passed over only where the client prefers it (RFC 7240)?"""
    client = serve(sqlite, make_crud_router(Note, operations=ALL))
    answers = [
        await client.get("/notes?nope=1", headers={"Prefer": prefer}),
        await client.post("/notes:search", json={"nope": 1}, headers={"Prefer": prefer}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.headers.get("Preference-Applied")) == (status, applied)
    wrong = await client.get("/notes?done=1", headers={"Prefer": prefer})
    assert wrong.status_code == 422


async def test_strictness_is_confirmed(sqlite: Database, serve: Serve) -> None:
    """Is a preference for what happens anyway confirmed?"""
    client = serve(sqlite, make_crud_router(Note))
    answer = await client.get("/notes", headers={"Prefer": "handling=strict"})
    assert answer.headers["Preference-Applied"] == "handling=strict"


# Values


VALUES = [
    ("at=2024-01-31T12:00:00+02:00", 1), ("at=2024-01-31T12:00:00%2B02:00", 1),
    ("at=2024-01-31T10:00:00Z", 1), ("at__gte=2024-01-31", 1), ("at__lt=2024-01-31", 0),
    ("at__in=2024-01-31T10:00:00Z,2020-01-01", 1), ("local__gte=2024-01-31", 1),
    ("color=blue", 1), ("color__in=red&color__in=blue", 1), ("size=M", 1),
    ("price=1.5", 1), ("price__in=1.50,2", 1), ("flag=true", 1), ("flag__ne=true", 0),
    ("medium__in=1,2,3", 1), ("medium__in=1&medium__in=2,3", 1), ("medium__not_in=2", 0),
    ("text=", 1), ("text__ne=", 0), ("text__isnull=false", 1), ("data__isnull=true", 1),
    ("token_id=00000000-0000-0000-0000-000000000001", 1), ("day__lte=2024-02-29", 1),
    ("span=P1DT2H", 1), ("medium__eq=2", 1), ("hour__gt=11:59", 1), ("ratio__lt=1e3", 1),
]  # fmt: skip
"""A query, and how many rows it finds."""


async def test_values_as_clients_write_them(db: Database, serve: Serve) -> None:
    """Is each spelling of a value understood, an unencoded `+` and a bare date included?"""
    client = serve(db, make_crud_router(Everything))
    body = {
        "at": "2024-01-31T12:00:00+02:00", "local": "2024-01-31T12:00:00", "color": "blue",
        "size": "M", "price": "1.50", "flag": True, "medium": 2, "text": "",
        "token_id": "00000000-0000-0000-0000-000000000001", "day": "2024-02-29",
        "span": "P1DT2H", "hour": "12:00:00", "ratio": 0.5,
    }  # fmt: skip
    assert (await client.post("/everything", json=body)).status_code == 201
    for query, count in VALUES:
        answer = await client.get(f"/everything?{query}")
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] == count, query


# Search


async def test_search_is_the_list_with_a_tree(db: Database, serve: Serve) -> None:
    """Does the body take all that the query string takes, and AND, OR and NOT?"""
    await with_notes(db, 6)
    client = serve(db, make_crud_router(Note, operations=ALL, pagination="both", search=["title"]))

    async def search(body: Any) -> Any:
        answer = await client.post("/notes:search", json=body)
        assert answer.status_code == 200, answer.text
        return [row["title"] for row in answer.json()["items"]]

    assert len(await search({})) == 6
    assert await search({"done": True, "sort": "-title"}) == ["04", "02", "00"]
    assert await search({"or": [{"title": "01"}, {"done": True, "title__in": ["02", "03"]}]}) == [
        "01",
        "02",
    ]
    assert await search({"not": {"or": [{"done": True}, {"title": "01"}]}}) == ["03", "05"]
    assert await search(
        {"and": [{"title__startswith": "0"}, {"not": {"done": True}}], "skip": 1, "limit": 1}
    ) == ["03"]
    assert await search({"search": "3"}) == ["03"]
    answer = await client.post("/notes:search", json={"cursor": "", "limit": 4})
    assert "link" not in answer.headers
    rest = await client.post(
        "/notes:search", json={"cursor": answer.json()["next_cursor"], "limit": 4}
    )
    assert [row["title"] for row in rest.json()["items"]] == ["04", "05"]


BAD_SEARCHES: list[tuple[Any, str, str]] = [
    ([], "invalid_filter", "#"), ("x", "invalid_filter", "#"), (None, "missing", "#"),
    ({"nope": 1}, "unknown_parameter", "#/nope"),
    ({"or": []}, "invalid_filter", "#/or"), ({"or": {}}, "invalid_filter", "#/or"),
    ({"or": [1]}, "invalid_filter", "#/or/0"), ({"or": [{}]}, "invalid_filter", "#/or/0"),
    ({"not": []}, "invalid_filter", "#/not"), ({"not": {}}, "invalid_filter", "#/not"),
    ({"or": [{"titel": "x"}]}, "unknown_parameter", "#/or/0/titel"),
    ({"not": {"limit": 1}}, "invalid_filter", "#/not/limit"),
    ({"id": "1"}, "invalid_parameter", "#/id"), ({"id": 1.0}, "invalid_parameter", "#/id"),
    ({"id__in": 1}, "invalid_parameter", "#/id__in"), ({"id__in": []}, "invalid_parameter", "#/id__in"),
    ({"id__in": [1, "x"]}, "invalid_parameter", "#/id__in"),
    ({"title": None}, "invalid_parameter", "#/title"), ({"done": 1}, "invalid_parameter", "#/done"),
    ({"body__isnull": "true"}, "invalid_parameter", "#/body__isnull"),
    ({"title__contains": 5}, "invalid_parameter", "#/title__contains"),
    ({"title": "a\x00"}, "invalid_parameter", "#/title"),
    ({"limit": 0}, "invalid_parameter", "#/limit"), ({"limit": True}, "invalid_parameter", "#/limit"),
    ({"sort": ["nope"]}, "invalid_parameter", "#/sort"), ({"sort": [{}]}, "invalid_parameter", "#/sort"),
    ({"sort": []}, "invalid_parameter", "#/sort"), ({"sort": ["id", "-id"]}, "invalid_parameter", "#/sort"),
    ({"cursor": "x"}, "invalid_cursor", "#/cursor"), ({"cursor": 1}, "invalid_parameter", "#/cursor"),
    ({"cursor": "", "skip": 1}, "conflicting_parameters", "#/skip"),
    ({"not": {"not": {"not": {"not": {"not": {"not": {"id": 1}}}}}}}, "too_deep", "#" + "/not" * 6),
    ({"or": [{"id": n} for n in range(51)]}, "too_many_filters", "#/or/50/id"),
]  # fmt: skip
"""A body, the code of the mistake, and where it is."""


async def test_a_search_that_cannot_be_read_is_422(sqlite: Database, serve: Serve) -> None:
    """Is each mistake told by its place in the body, without an echo?"""
    client = serve(sqlite, make_crud_router(Note, operations=ALL, pagination="both"))
    for body, code, pointer in BAD_SEARCHES:
        answer = await client.post("/notes:search", json=body)
        assert answer.status_code == 422, body
        mistakes = [(error["type"], error["pointer"]) for error in answer.json()["errors"]]
        assert mistakes == [(code, pointer)], body


async def test_query_is_a_twin_of_search(sqlite: Database, serve: Serve) -> None:
    """Is the method QUERY (RFC 10008) answered at the list, and told by OPTIONS?"""
    await with_notes(sqlite, 3)
    client = serve(sqlite, make_crud_router(Note, operations=["list", "search"]))
    answer = await client.request("QUERY", "/notes", json={"not": {"title": "01"}})
    assert [row["title"] for row in answer.json()["items"]] == ["00", "02"]
    assert (await client.request("QUERY", "/notes", content=b"{}")).status_code == 415
    assert (await client.request("QUERY", "/notes", json={"x": 1})).status_code == 422
    options = await client.options("/notes")
    assert options.headers["allow"] == "GET, HEAD, OPTIONS, QUERY"
    assert options.headers["accept-query"] == "application/json"
    assert (await client.options("/notes:search")).headers["allow"] == "POST, OPTIONS"
    assert (await client.get("/notes:search")).status_code == 405
    plain = serve(sqlite, make_crud_router(Note))
    assert (await plain.request("QUERY", "/notes", json={})).status_code == 405


# Operators of one's own


def starts_like(operand: Any, value: str) -> Any:
    return sa.func.substr(operand.text, 1, 1) == value[:1]


LIKE_IT = Operator("initial", "begins with the letter of", starts_like, frozenset({"text"}), "text")


async def test_an_operator_of_ones_own(db: Database, serve: Serve) -> None:
    """Is it parsed, run, searched and documented like those that are built in?"""
    await with_notes(db, 12)
    router = make_crud_router(
        Note,
        operators=[LIKE_IT],
        filters={"title": ["eq", "initial"]},
        operations=ALL,
        pagination="both",
    )
    client = serve(db, router)
    assert await titles(client, "title__initial=1x") == ["10", "11"]
    assert await titles(client, "title__initial=1x&cursor=&limit=1") == ["10"]
    found = await client.post("/notes:search", json={"not": {"title__initial": "0"}})
    assert found.json()["total"] == 2
    document = (await client.get("/openapi.json")).json()
    parameters = {p["name"]: p for p in document["paths"]["/notes"]["get"]["parameters"]}
    assert (
        parameters["title__initial"]["description"]
        == "Rows whose `title` begins with the letter of this."
    )
    assert "done" not in parameters
    assert "title__initial" in document["components"]["schemas"]["NoteFilter"]["properties"]


# Names that stand in the way


async def test_reserved_words_and_exact_names_come_first(db: Database, serve: Serve) -> None:
    """Can a column called like a parameter still be filtered by, and an exact name beat a suffix?"""
    from tests.strategies import model_of

    model = model_of(
        sa.Column("limit", sa.Integer), sa.Column("cursor", sa.String(9)),
        sa.Column("size", sa.Integer), sa.Column("size__gte", sa.Integer), name="Odd",
    )  # fmt: skip
    document = serve(None, make_crud_router(model, name="odds"))
    answer = await document.get("/openapi.json")
    parameters = {p["name"]: p for p in answer.json()["paths"]["/odds"]["get"]["parameters"]}
    assert parameters["limit"]["description"] == "How many rows to give at most."
    assert parameters["limit__eq"]["description"] == "Rows whose `limit` is this."
    assert parameters["cursor"]["description"] == "Rows whose `cursor` is this."
    assert parameters["size__gte"]["description"] == "Rows whose `size__gte` is this."
    assert parameters["size__gte__lt"]["description"] == "Rows whose `size__gte` is less than this."
