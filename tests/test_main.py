"""The commands `export` and `import`: files on the disk, a report line by line, an exit status."""

import asyncio
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

from fastapi_crud import Database, Repository, __main__ as command
from fastapi_crud.__main__ import main
from tests import models

NOTE = "tests.models:Note"
AUTHOR = "tests.models:Author"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a database with empty tables, which no loop is bound to."""
    url = f"sqlite:///{tmp_path}/command.db"

    async def create() -> None:
        database = Database(url, metadata=models.Base.metadata)
        await database.create_all()
        await database.engine.dispose()

    asyncio.run(create())
    return url


def titles(url: str) -> list[str]:
    async def read() -> list[str]:
        database = Database(url)
        async with database.session() as session:
            rows = [note.title async for note in Repository[models.Note](session).stream()]
        await database.engine.dispose()
        return rows

    return asyncio.run(read())


def run(url: str, *arguments: Any) -> int:
    return main([*map(str, arguments), "--database-url", url])


def test_files_go_there_and_back(url: str, tmp_path: Path, capsys: Any) -> None:
    """Are all rows of a file stored, in chunks, and written to either format?"""
    many = tmp_path / "many.csv"
    many.write_text("title,done\n" + "".join(f"t{i:04},true\n" for i in range(1001)))
    assert run(url, "import", NOTE, many) == 0
    assert capsys.readouterr().err == "1,001 rows imported, 0 lines refused\n"
    assert len(titles(url)) == 1001
    for name, first in (
        ("out.csv", "id,title,body,done"),
        ("out.ndjson", '{"id":1,"title":"t0000","body":null,"done":true}'),
    ):
        assert run(url, "export", NOTE, tmp_path / name) == 0
        assert (tmp_path / name).read_text().splitlines()[0] == first
        assert capsys.readouterr().err == "1,001 rows exported\n"


def test_bad_lines_are_reported_and_others_stored(url: str, tmp_path: Path, capsys: Any) -> None:
    """Is each bad line named, whether it is malformed or refused by the database?"""
    file = tmp_path / "notes.ndjson"
    file.write_text('{"title":"a"}\n{"title":1}\n{"title":"a"}\n\nnull\nx\n{"title":"b"}\n')
    assert run(url, "import", NOTE, file) == 1
    assert capsys.readouterr().err.splitlines() == [
        "line 2: title: Input should be a valid string",
        "line 5: Input should be a valid dictionary or instance of NoteCreate",
        "line 6: Not valid JSON",
        "line 3: title: Note with this title already exists",
        "2 rows imported, 4 lines refused",
    ]
    assert titles(url) == ["a", "b"]
    authors = tmp_path / "authors.csv"
    authors.write_text("name\nx\n")
    assert run(url, "import", AUTHOR, authors) == 1
    assert capsys.readouterr().err.splitlines()[0].startswith("line 2: ")


def test_a_header_that_cannot_be_meant(url: str, tmp_path: Path, capsys: Any) -> None:
    """Is a file refused as a whole, with the column that is unknown?"""
    file = tmp_path / "notes.csv"
    file.write_text("title,nope\na,b\n")
    assert run(url, "import", NOTE, file) == 1
    assert capsys.readouterr().err.splitlines() == [
        "line 1: nope: No column that can be written",
        "0 rows imported, 1 lines refused",
    ]


def test_a_dry_run_stores_nothing(url: str, tmp_path: Path, capsys: Any) -> None:
    """Are all lines tried, and none kept?"""
    file = tmp_path / "notes.csv"
    file.write_text("title\na\nb\n")
    assert run(url, "import", NOTE, file, "--dry-run") == 0
    assert capsys.readouterr().err == "2 rows could be imported, 0 lines refused\n"
    assert titles(url) == []


def test_progress_is_shown_on_a_terminal(
    url: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is there a bar that ends full?"""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    file = tmp_path / "notes.csv"
    file.write_text("title\na\nb\n")
    assert run(url, "import", NOTE, file) == 0
    assert run(url, "export", NOTE, file) == 0
    shown = capsys.readouterr().err.split("\n")
    assert shown[0] == f"\r[{'#' * 30}] 100% 2 rows"
    assert shown[2] == shown[0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", NOTE, "notes.txt"], "its name must end in .csv or .ndjson"),
        (["import", NOTE, "missing.csv"], "there is no such file"),
        (["export", "tests.models", "n.csv"], "not of the form module:name"),
        (["export", "tests.models:Nobody", "n.csv"], "is no model"),
        (["export", "nowhere:Note", "n.csv"], "is no model"),
        (["export", "tests.models:Color", "n.csv"], "is no model"),
        (["replace", NOTE, "n.csv"], "invalid choice"),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_right(arguments: Any, message: str, capsys: Any) -> None:
    """Is the mistake told, with the exit status of one in the arguments?"""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_a_database_that_cannot_be_reached(tmp_path: Path, capsys: Any) -> None:
    """Is it told at once, without trying line by line?"""
    file = tmp_path / "notes.csv"
    file.write_text("title\na\nb\n")
    assert run("postgresql://127.0.0.1:1/none", "import", NOTE, file) == 1
    assert capsys.readouterr().err == "error: The database cannot be reached; try again\n"


def test_it_is_a_command(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Does it start from the command line?"""
    monkeypatch.setattr(sys, "argv", ["fastapi_crud", "import", "--help"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(command.__file__, run_name="__main__")
    assert caught.value.code == 0
    assert "--dry-run" in capsys.readouterr().out
