"""What is installed is what was promised: extras, classifiers, lowest versions."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as _canonical

from tests.contract import extras

ROOT = Path(__file__).parents[2]
PROJECT: Mapping[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL: Mapping[str, list[str]] = PROJECT["optional-dependencies"]
INSTALLED = (
    "",
    "admin",
    "auth",
    "celery",
    "mysql",
    "otel",
    "postgresql",
    "swagger",
    "testing",
    "all",
)
"""The extras that users install, and the base; the rest is for those who work on the library."""
packages_distributions = cache(metadata.packages_distributions)


@pytest.fixture(scope="module")
def said() -> dict[str, extras.Said]:
    """What is said to each attempt, by extra."""
    absent = {extra: _absent(extra) for extra in INSTALLED}
    done = subprocess.run(
        [sys.executable, extras.__file__],
        input=json.dumps(absent),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
    )
    found: dict[str, extras.Said] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("attempt", extras.TRIES)
@pytest.mark.parametrize("extra", INSTALLED, ids=lambda extra: extra or "base")
def test_each_extra_brings_what_it_is_for(
    said: Mapping[str, extras.Said], extra: str, attempt: str
) -> None:
    """Does all work that the extra is for, by it alone, and does the rest say which one it needs?"""
    needed = extras.TRIES[attempt][0]
    if needed in {"", extra} or _brings(extra, needed):
        assert said[extra][attempt] == ""
    else:
        assert said[extra][attempt]
        assert extras.says_what_to_do(attempt, said[extra][attempt])


def test_all_brings_every_extra() -> None:
    """Is `all` the sum of the extras that users install?"""
    assert _direct(OPTIONAL["all"]) == {
        name for extra in INSTALLED[1:-1] for name in _direct(OPTIONAL[extra])
    }


def test_the_lowest_versions_are_those_that_are_told() -> None:
    """Does the page on stability name the lowest versions that can be installed?"""
    page = (ROOT / "docs" / "explanation" / "stability.md").read_text()
    told = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|", page, re.MULTILINE))
    lowest = {it.name: str(it.specifier) for it in map(Requirement, PROJECT["dependencies"])}
    lowest["python"] = PROJECT["requires-python"]
    assert told
    assert {name: f">={version}" for name, version in told.items()} == {
        name: lowest[name.lower()] for name in told
    }


def test_classifiers_begin_with_the_lowest_python() -> None:
    """Do the classifiers name each Python from the lowest on, without a gap?"""
    told = [int(it.rpartition(".")[2]) for it in PROJECT["classifiers"] if "Python :: 3." in it]
    lowest = int(PROJECT["requires-python"].rpartition(".")[2])
    assert told == [*range(lowest, lowest + len(told))]


def _brings(extra: str, needed: str) -> bool:
    """Whether an extra has another within it."""
    return bool(extra) and _direct(OPTIONAL[needed]) <= _direct(OPTIONAL[extra])


def _direct(texts: list[str]) -> set[str]:
    """Give the names that a list of requirements comes to."""
    return {name for text in texts for name, _ in _named(Requirement(text))}


def _named(requirement: Requirement) -> Iterator[tuple[str, frozenset[str]]]:
    """Give a requirement and the extras of it; those of our own are what they stand for."""
    if requirement.name != PROJECT["name"]:
        yield _canonical(requirement.name), frozenset(requirement.extras)
        return
    for extra in requirement.extras:
        for text in OPTIONAL[extra]:
            yield from _named(Requirement(text))


def _absent(extra: str) -> list[str]:
    """Give what could not be imported where nothing but an extra is installed."""
    there = {PROJECT["name"], *_distributions(extra)}
    names = packages_distributions().items()
    return [name for name, of in names if there.isdisjoint(map(_canonical, of))]


def _distributions(extra: str) -> set[str]:
    """Give all that pip would install with an extra, from what is installed here."""
    texts = [*PROJECT["dependencies"], *(OPTIONAL[extra] if extra else ())]
    wanted = [it for text in texts for it in _named(Requirement(text))]
    seen: set[tuple[str, frozenset[str]]] = set()
    while wanted:
        name, chosen = wanted.pop()
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        try:
            needs = [Requirement(text) for text in metadata.requires(name) or ()]
        except metadata.PackageNotFoundError:  # of another platform, or Python
            continue
        wanted += [
            (_canonical(it.name), frozenset(it.extras))
            for it in needs
            if it.marker is None or any(it.marker.evaluate({"extra": e}) for e in ("", *chosen))
        ]
    return {name for name, _ in seen}
