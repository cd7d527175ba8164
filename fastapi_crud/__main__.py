"""The commands `python -m fastapi_crud export` and `import`: rows of a model as a file, and back."""

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from typing_extensions import override

from fastapi_crud.columns import inspect_model
from fastapi_crud.database import Database, rollback
from fastapi_crud.exceptions import CrudError, InvalidLines, Issue, Unavailable
from fastapi_crud.lines import Item, Mistakes, check_lines, read_csv, read_ndjson
from fastapi_crud.query.clauses import MAX_SKIP, Query
from fastapi_crud.resolution import resolve_options
from fastapi_crud.router.formats import CSV, FORMATS, NDJSON
from fastapi_crud.router.resource import Resource, make_resource
from fastapi_crud.router.views import WHOLE

CHUNK = 1000
"""How many rows are stored in one transaction."""
SUFFIXES = {f".{form.suffix}": media_type for media_type, form in FORMATS.items()}
"""What a file's name ends in → what it holds."""
WIDTH = 30
"""How many characters a progress bar has."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Export or import the rows of a model.

    No scope holds and no caller is asked: whoever may run a command sees all rows. The rules of the
    service and the checks of the create schema hold.

    Args:
        arguments: Those of the command line; its own unless given.

    Returns:
        The exit status: 1 if some lines of an import were not stored.

    Raises:
        SystemExit: If the arguments cannot be right.
    """
    parser = argparse.ArgumentParser(prog="python -m fastapi_crud", description="Rows as files.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, says in (("export", "Write all rows to a file."), ("import", "Store a file's rows.")):
        command = commands.add_parser(name, help=says, description=says)
        command.add_argument("model", help="where it is, as module:name, such as app.models:User")
        command.add_argument("file", type=Path, help=f"ends in {' or '.join(SUFFIXES)}")
        command.add_argument("--database-url", help="DATABASE_URL unless given")
        if name == "import":
            command.add_argument("--dry-run", action="store_true", help="store nothing")
    asked = parser.parse_args(arguments)
    if asked.file.suffix not in SUFFIXES:
        parser.error(f"{asked.file}: its name must end in {' or '.join(SUFFIXES)}")
    if asked.command == "import" and not asked.file.is_file():
        parser.error(f"{asked.file}: there is no such file")
    try:
        return asyncio.run(_run(found(asked.model), asked))
    except ValueError as error:
        parser.error(str(error))
    except CrudError as error:
        _say(f"error: {error}")
        return 1


def found(place: str) -> Resource:
    """Import a model.

    Args:
        place: Where it is, as `module:name`.

    Raises:
        ValueError: If there is no mapped class.
    """
    module, colon, name = place.partition(":")
    if not (module and colon and name):
        raise ValueError(f"{place!r} is not of the form module:name, such as app.models:User")
    try:
        model: Any = reduce(getattr, name.split("."), import_module(module))
        return make_resource(inspect_model(model), resolve_options(model, {}))
    except (ModuleNotFoundError, AttributeError, CrudError) as error:
        raise ValueError(f"{place!r} is no model: {error}") from error


class Progress:
    """Shows on standard error how far it is, where that is a terminal.

    Args:
        total: When it is done.
    """

    def __init__(self, total: int) -> None:
        self._total = max(total, 1)
        self._shown = sys.stderr.isatty()

    def show(self, done: int, rows: int) -> None:
        """Show it.

        Args:
            done: How much of the total.
            rows: How many rows that were.
        """
        if self._shown:
            part = min(done / self._total, 1)
            bar = ("#" * round(part * WIDTH)).ljust(WIDTH, "-")
            _say(f"\r[{bar}] {part:4.0%} {rows:,} rows", end="")

    def end(self) -> None:
        """Go on below it."""
        if self._shown:
            _say("")


@dataclass
class Report(Mistakes):
    """Says on standard error what is wrong with which line, as soon as that is known."""

    more: int = 0

    @override
    def note(self, index: int, number: int, issues: Iterable[Issue]) -> None:
        self.more += 1
        for issue in issues:
            place = ".".join(str(part) for part in issue.loc)
            said = f"{place}: {issue.msg}" if place else issue.msg
            _say(f"line {number}: {said}")

    def refuse(self, item: Item, error: CrudError) -> None:
        """Say why a row was not stored."""
        places = (issue.loc[-1] for issue in error.issues)
        place = ", ".join(str(place) for place in places)
        self.note(item.index, item.number, [Issue("", (place,) if place else (), str(error))])


async def _run(resource: Resource, asked: argparse.Namespace) -> int:
    database = Database(asked.database_url)
    try:
        if asked.command == "export":
            await _export(resource, database, asked.file)
            return 0
        return await _import(resource, database, asked.file, dry=asked.dry_run)
    finally:
        await database.engine.dispose()


async def _export(resource: Resource, database: Database, path: Path) -> None:
    form, writer = FORMATS[SUFFIXES[path.suffix]], resource.writer
    said = (WHOLE, resource.options.csv_formulas)
    async with database.session() as session:
        service = resource.service(session)
        service.repository.view = resource.callers.view
        progress, rows = Progress(await service.repository.count()), 0
        with path.open("wb") as file:
            file.write(form.head(writer, *said))
            async with aclosing(service.partitions(Query(limit=MAX_SKIP))) as parts:
                async for part in parts:
                    file.write(form.part(writer, part, *said))
                    rows += len(part)
                    progress.show(rows, rows)
    progress.end()
    _say(f"{rows:,} rows exported")


async def _import(resource: Resource, database: Database, path: Path, *, dry: bool) -> int:
    report, stored = Report(), 0
    with path.open("rb") as file:
        progress = Progress(os.fstat(file.fileno()).st_size)
        try:
            for items in _chunks(_items(resource, file, SUFFIXES[path.suffix], report)):
                stored += await _store(resource, database, items, report, dry=dry)
                progress.show(file.tell(), stored)
        except InvalidLines as error:
            report.note(0, 1, [Issue(it.type, it.loc[1:], it.msg) for it in error.issues])
    progress.end()
    could = "could be " if dry else ""
    _say(f"{stored:,} rows {could}imported, {report.more:,} lines refused")
    return 1 if report.more else 0


def _items(resource: Resource, file: BinaryIO, kind: str, report: Report) -> Iterator[Item]:
    create, formulas = resource.schemas.create, resource.options.csv_formulas
    readers = {
        CSV: lambda: read_csv(file, create, resource.info, formulas=formulas),
        NDJSON: lambda: read_ndjson(file),
    }
    return check_lines(readers[kind](), create, report)


def _chunks(items: Iterator[Item]) -> Iterator[list[Item]]:
    while chunk := [*islice(items, CHUNK)]:
        yield chunk


async def _store(
    resource: Resource, database: Database, items: Sequence[Item], report: Report, *, dry: bool
) -> int:
    """Store rows in one transaction; if one is refused, each in its own. How many were stored."""
    try:
        async with database.session() as session:
            await resource.service(session).batch_create([item.data for item in items])
            if dry:
                await rollback(session)
    except Unavailable:
        raise
    except CrudError as error:
        if len(items) == 1:
            report.refuse(items[0], error)
            return 0
    else:
        return len(items)
    return sum([await _store(resource, database, [item], report, dry=dry) for item in items])


def _say(text: str, end: str = "\n") -> None:
    sys.stderr.write(f"{text}{end}")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
