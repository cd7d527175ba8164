"""What each extra is for, tried in a process of its own. It knows nothing of pytest.

    python tests/contract/extras.py alone

This tries everything on what is installed, and prints as JSON what each attempt says. Otherwise it
takes from standard input which packages are absent where only an extra is installed:
`{"": ["jose", "celery", …], "auth": ["celery", …], …}`, the base as `""`. Then everything is tried
with each extra, as if it were so.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib.abc import MetaPathFinder
from types import MappingProxyType, ModuleType

Said = dict[str, str]


def _base() -> None:
    from fastapi_crud import Database, auth, tasks

    Database("sqlite://")
    del auth, tasks


def _passwords() -> None:
    from fastapi_crud.auth import PasslibHasher

    PasslibHasher().hash("secret")


def _tokens() -> None:
    from datetime import timedelta

    from fastapi_crud.auth import JoseCodec

    codec = JoseCodec({"1": "k" * 32}, issuer="us", audience="us", lifetime=timedelta(minutes=1))
    codec.decode(codec.encode({"sub": "1", "sid": "1"}))


def _emails() -> None:
    from fastapi_crud.auth.emails import normalized_email

    normalized_email("ada@example.com")


def _celery() -> None:
    from fastapi_crud.tasks.celery import make_celery

    assert make_celery().connection_for_write().transport


def _postgresql() -> None:
    from fastapi_crud import Database

    Database("postgresql://localhost/app")


def _mysql() -> None:
    from fastapi_crud import Database

    Database("mysql://localhost/app")


def _testing() -> None:
    import httpx2
    import pytest
    import pytest_asyncio

    del httpx2, pytest, pytest_asyncio


TRIES: Mapping[str, tuple[str, Callable[[], None]]] = MappingProxyType(
    {
        "base": ("", _base),
        "passwords": ("auth", _passwords),
        "tokens": ("auth", _tokens),
        "emails": ("auth", _emails),
        "celery": ("celery", _celery),
        "postgresql": ("postgresql", _postgresql),
        "mysql": ("mysql", _mysql),
        "testing": ("testing", _testing),
    }
)
"""What is tried, and the extra that it needs."""


class Absence(MetaPathFinder):
    """Finds that some packages are not installed."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = {*names}

    def find_spec(self, name: str, path: object, target: ModuleType | None = None) -> None:
        """Say that a package is not there."""
        del path, target
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _said() -> Said:
    """Try everything; what each attempt says, which is nothing where it works."""
    said: Said = {}
    for name, (_, attempt) in TRIES.items():
        try:
            attempt()
        except Exception as error:  # noqa: BLE001 - the text is what is asked for
            said[name] = f"{type(error).__name__}: {error}"
        else:
            said[name] = ""
    return said


def _said_with(finder: Absence, names: Iterable[str]) -> Said:
    """Try everything without some packages, in a copy of this process."""
    reading, writing = os.pipe()
    if not os.fork():
        finder.names = {*names}
        os.write(writing, json.dumps(_said()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said: Said = json.load(pipe)
    os.wait()
    return said


def main(absent: Mapping[str, Iterable[str]]) -> dict[str, Said]:
    """Try everything with each extra."""
    finder = Absence(absent[""])
    sys.meta_path.insert(0, finder)
    _base()  # once for all
    return {extra: _said_with(finder, names) for extra, names in absent.items()}


def alone() -> int:
    """Try everything on what is installed; the exit code is 1 where it does not say what to do."""
    said = _said()
    show(said)
    return int(not all(says_what_to_do(name, text) for name, text in said.items() if text))


def says_what_to_do(name: str, text: str) -> bool:
    """Whether an attempt that failed named its extra; tools of the tests are not ours to speak."""
    needed = TRIES[name][0]
    return needed == "testing" or f"pip install 'fastapi-crud-factory[{needed}]'" in text


def show(said: object) -> None:
    """Print as JSON."""
    sys.stdout.write(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["alone"]:
        sys.exit(alone())
    show(main(json.load(sys.stdin)))
