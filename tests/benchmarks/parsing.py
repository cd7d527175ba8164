"""What reading a query string costs, against how many filters there are.

    python -m tests.benchmarks.parsing [--rounds N]

The first table is `parse_query` for models of 5 to 200 columns, for requests that send the same
0 to 15 parameters: microseconds, and the ratio of the most columns to the fewest. It must be flat;
the exit code is 1 where it is not. The second is a request with three mistyped names, for which
suggestions are looked for: this one may grow. The third is what FastAPI takes for an
`Annotated[Model, Query()]` whose fields are the documented parameters of the same list: a route
that has it, less one without, called without a server.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from inspect import Parameter, Signature
from itertools import cycle, islice
from typing import Annotated, Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import FastAPI, Query
from pydantic import create_model
from sqlalchemy.types import TypeEngine
from starlette.responses import Response
from starlette.types import Message

from fastapi_crud import InvalidQuery
from fastapi_crud.columns import ModelInfo, inspect_model
from fastapi_crud.query.filters import FilterParameter
from fastapi_crud.query.parsing import parse_query
from fastapi_crud.query.vocabulary import Asked, Vocabulary, make_vocabulary
from tests.benchmarks.measuring import Taken, Work, measure, show, show_table
from tests.strategies import model_of

COLUMNS = (5, 20, 80, 200)
SENT = (0, 1, 5, 15)
MOST = 1.3
"""How much dearer the most columns may be than the fewest."""
SAMPLE = 0.001
"""Seconds that a figure takes at least: requests are read again until then."""
TYPES: Sequence[tuple[str, TypeEngine[Any]]] = (
    ("integer", sa.Integer()),
    ("text", sa.String(50)),
    ("moment", sa.DateTime(timezone=True)),
    ("amount", sa.Numeric(10, 2)),
)
Pairs = list[tuple[str, str]]
Key = tuple[int, str]
"""How many columns there are, and what is asked."""
PAIRS: Pairs = [
    ("integer1__gte", "1"),
    ("text2__contains", "a"),
    ("moment3__lt", "2024-02-29T12:00:00Z"),
    ("amount4__gt", "9.90"),
    ("limit", "10"),
    ("integer1__lt", "100"),
    ("integer1__ne", "5"),
    ("integer1__not_in", "7"),
    ("text2__ne", "b"),
    ("text2__in", "c"),
    ("text2__icontains", "d"),
    ("moment3__gte", "2024-01-01T00:00:00Z"),
    ("amount4__lte", "100"),
    ("amount4__ne", "50"),
    ("sort", "-integer1"),
]
"""What is sent: all models have it."""
MISTYPED: Pairs = [("intger1__gte", "1"), ("text2__contain", "a"), ("moment3_lt", "2024-02-29")]
REQUESTS: Mapping[str, Pairs] = {f"{sent} sent": PAIRS[:sent] for sent in SENT}


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=301)
    return asyncio.run(_run(parser.parse_args().rounds))


async def _run(rounds: int) -> int:
    lists = {columns: _list_of(columns) for columns in COLUMNS}
    ours = await measure(_works(lists, REQUESTS), rounds, at_least=SAMPLE)
    show(f"parse_query, microseconds a request (medians of {rounds} rounds)")
    declared = {columns: len(vocabulary.parameters) for columns, vocabulary in lists.items()}
    _show(ours, declared, [*REQUESTS])
    rounds = max(1, rounds // 10)
    show("", f"with three mistyped names (medians of {rounds} rounds)")
    mistyped = await measure(_works(lists, {"3 sent": MISTYPED}), rounds)
    _show(mistyped, declared, ["3 sent"])
    show("", f"FastAPI's Annotated[Model, Query()] (medians of {rounds} rounds)")
    theirs = await _fastapi(lists, rounds)
    _show(theirs, {n: len(_fields(vocabulary)) for n, vocabulary in lists.items()}, [*REQUESTS])
    steep = [request for request in REQUESTS if _growth(ours, request) > MOST]
    if steep:
        show(f"BROKEN: more than {MOST} times dearer for {COLUMNS[-1]} columns: {steep}")
    return 1 if steep else 0


def _list_of(columns: int) -> Vocabulary:
    """What can be asked of the list of a model with this many columns."""
    types = islice(cycle(TYPES), columns - 1)
    model = model_of(*(sa.Column(f"{n}{i}", kind) for i, (n, kind) in enumerate(types, 1)))
    info = inspect_model(model)
    names = {name: name for name in info.columns}
    return make_vocabulary(info, Asked(names=names, may_read=_everything))


def _everything(_: ModelInfo, __: str) -> bool:
    return True


def _works(lists: Mapping[int, Vocabulary], requests: Mapping[str, Pairs]) -> dict[Key, Work]:
    return {
        (columns, request): _parsing(vocabulary, pairs)
        for columns, vocabulary in lists.items()
        for request, pairs in requests.items()
    }


def _parsing(vocabulary: Vocabulary, pairs: Pairs) -> Work:
    async def work() -> None:
        with suppress(InvalidQuery):
            parse_query(pairs, vocabulary)

    return work


async def _fastapi(lists: Mapping[int, Vocabulary], rounds: int) -> Taken[Key]:
    """Measure routes with a model, and take off what one without costs in the same round."""
    bare = _app(None)
    apps = {n: _app(create_model("Asked", **_fields(it))) for n, it in lists.items()}
    taken = await measure(
        {
            (columns, request): await _calling(app, pairs)
            for columns, app in {0: bare, **apps}.items()
            for request, pairs in REQUESTS.items()
        },
        rounds,
        at_least=SAMPLE,
    )
    return Taken(
        {
            (columns, request): [
                one - other for one, other in zip(seconds, taken.seconds[0, request], strict=True)
            ]
            for (columns, request), seconds in taken.seconds.items()
            if columns
        }
    )


def _fields(vocabulary: Vocabulary) -> dict[str, Any]:
    """The documented parameters, as fields of a model."""
    fields: dict[str, Any] = {"skip": (int, 0), "limit": (int, 100), "sort": (list[str], [])}
    for name, parameter in vocabulary.parameters.items():
        if isinstance(parameter, FilterParameter) and parameter.documented:
            kind: Any = parameter.column.kind.python
            shapes = {"flag": bool, "text": str, "many": list[kind], "one": kind}
            fields[name] = (shapes[parameter.operator.shape] | None, None)
    return fields


def _app(model: Any) -> FastAPI:
    """An app with one route that takes such a model, if one is given."""
    app = FastAPI(openapi_url=None)

    async def endpoint(**_: Any) -> Response:
        return Response(b"{}")

    read: Any = endpoint
    annotation: Any = Annotated[model, Query()]
    asked = Parameter("asked", Parameter.KEYWORD_ONLY, annotation=annotation)
    read.__signature__ = Signature([] if model is None else [asked])
    app.add_api_route("/", read)
    return app


async def _calling(app: FastAPI, pairs: Pairs) -> Work:
    """Call the app as a server would, after a look whether it answers."""
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/", "root_path": "", "headers": [],
        "query_string": urlencode(pairs).encode(), "http_version": "1.1", "scheme": "http",
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        statuses.append(message.get("status", 200))

    async def work() -> None:
        await app({**scope}, receive, send)

    await work()
    assert {*statuses} == {200}
    return work


def _growth(taken: Taken[Key], request: str) -> float:
    return taken.ratio((COLUMNS[-1], request), (COLUMNS[0], request))


def _show(taken: Taken[Key], declared: Mapping[int, int], requests: Sequence[str]) -> None:
    rows: list[Sequence[object]] = [
        (columns, number, *(taken.microseconds((columns, request)) for request in requests))
        for columns, number in declared.items()
    ]
    growth = (f"x {_growth(taken, request):.2f}" for request in requests)
    show_table(("columns", "parameters", *requests), [*rows, ("", "", *growth)])


if __name__ == "__main__":
    sys.exit(main())
