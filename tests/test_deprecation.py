"""What will be removed is told in time, to whom it concerns."""

import re
import tomllib
import warnings

import pytest
from typing_extensions import deprecated

from fastapi_crud import CrudDeprecationWarning
from fastapi_crud.deprecation import warn_deprecated
from tests.contract.public_api import PACKAGE, ROOT

FORM = re.compile(r".+ is deprecated and will be removed in (\d+)\.(\d+): use .+")
DECORATOR = re.compile(r"@deprecated\((.*?)\)\n", re.DOTALL)
ARGUMENT = re.compile(r"warn_deprecated\((.*?)\)\n", re.DOTALL)


def make_rows(rows: int | None = None, *, count: int = 1) -> int:
    """As a function of ours is whose argument has got another name."""
    if rows is not None:
        warn_deprecated("rows=", use="count=", removed_in="0.3")
        return rows
    return count


@deprecated(
    "make_row() is deprecated and will be removed in 0.3: use make_rows()",
    category=CrudDeprecationWarning,
)
def make_row() -> int:
    """As a function of ours is that will be removed."""
    return make_rows()


def test_a_deprecated_argument_says_what_to_use() -> None:
    """Is the user's line named, and what to write there, while all works as before?"""
    with pytest.warns(CrudDeprecationWarning, match=FORM) as told:
        assert make_rows(2) == 2
    assert [it.filename for it in told] == [__file__]


def test_a_deprecated_function_says_what_to_use() -> None:
    """Does the decorator that type checkers know warn in the same way?"""
    with pytest.warns(CrudDeprecationWarning, match=FORM) as told:
        assert make_row() == 1  # pyright: ignore[reportDeprecated]
    assert [it.filename for it in told] == [__file__]


def test_new_ways_are_silent() -> None:
    """Is nobody warned who has nothing to change?"""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make_rows(count=3) == 3


def test_warnings_are_shown_by_default() -> None:
    """Does a user see it without asking Python for it?"""
    assert issubclass(CrudDeprecationWarning, UserWarning)
    assert not issubclass(CrudDeprecationWarning, DeprecationWarning)


def test_deprecations_of_the_package_keep_their_word() -> None:
    """Does each one name its version, and is it gone by then?"""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = tuple(int(part) for part in project["version"].split(".")[:2])
    for path in (ROOT / PACKAGE).rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        for text in DECORATOR.findall(source):
            assert "CrudDeprecationWarning" in text, path
            assert _removed_in(text) > version, path
        for text in ARGUMENT.findall(source) if path.name != "deprecation.py" else ():
            assert _removed_in(text) > version, path


def _removed_in(text: str) -> tuple[int, ...]:
    found = re.search(r"removed(?: in |_in=\")(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else ()
