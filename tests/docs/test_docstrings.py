"""What the reference is made of: docstrings that name each argument."""

import inspect
import re
from importlib import import_module
from typing import Any

import pytest
from pydantic_settings import BaseSettings
from typing_extensions import is_protocol

from tests.docs.conftest import DOCS

ENTRIES = sorted(
    entry
    for page in (DOCS / "reference").glob("*.md")
    for entry in re.findall(
        r"^::: (fastapi_crud\.[\w.]+\.\w+|fastapi_crud\.\w+)", page.read_text(), re.MULTILINE
    )
)


def found(entry: str) -> Any:
    """What an entry of the reference is about."""
    module, _, name = entry.rpartition(".")
    return getattr(import_module(module), name)


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_names_its_arguments(entry: str) -> None:
    """Does the docstring tell what it is, and what each argument means?"""
    thing = found(entry)
    if not callable(thing) or not getattr(thing, "__module__", "").startswith("fastapi_crud"):
        return  # a value, whose docstring only the source has
    told = inspect.getdoc(thing) or ""
    assert told
    if isinstance(thing, type) and _is_called_by_nobody(thing):
        return
    names = [name for name in inspect.signature(thing).parameters if not name.startswith("_")]
    assert [name for name in names if not re.search(rf"\b{name}\b", told)] == []


def _is_called_by_nobody(kind: Any) -> bool:
    """Tell whether a class is raised, read from the environment, implemented or only inherited."""
    if issubclass(kind, (BaseException, BaseSettings)) or is_protocol(kind):
        return True
    return not str(getattr(kind.__init__, "__module__", "")).startswith("fastapi_crud")
