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
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import MappingProxyType, ModuleType
from typing import ClassVar

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
    from fastapi_crud.testing import count_statements

    del count_statements


def _admin() -> None:
    from fastapi_crud.admin import add_admin

    del add_admin


def _swagger() -> None:
    from fastapi import FastAPI

    from fastapi_crud import add_docs

    add_docs(FastAPI(docs_url=None, redoc_url=None))


def _otel() -> None:
    for name in ("instrumentation.fastapi", "instrumentation.sqlalchemy", "sdk.trace"):
        import_module(f"opentelemetry.{name}")


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
        "admin": ("admin", _admin),
        "swagger": ("swagger", _swagger),
        "otel": ("otel", _otel),
    }
)
"""What is tried, and the extra that it needs."""


class Present(PathFinder):
    """Finds packages as ever, but for some: these seem not to be installed."""

    absent: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module, or not."""
        is_absent = fullname.partition(".")[0] in cls.absent
        return None if is_absent else super().find_spec(fullname, path, target)


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


def _said_with(names: Iterable[str]) -> Said:
    """Try everything without some packages, in a copy of this process."""
    reading, writing = os.pipe()
    if not os.fork():
        Present.absent = frozenset(names)
        os.write(writing, json.dumps(_said()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said: Said = json.load(pipe)
    os.wait()
    return said


def main(absent: Mapping[str, Iterable[str]]) -> dict[str, Said]:
    """Try everything with each extra."""
    Present.absent = frozenset(absent[""])
    sys.meta_path[:] = [Present if it is PathFinder else it for it in sys.meta_path]
    _base()  # once for all
    return {extra: _said_with(names) for extra, names in absent.items()}


def alone() -> int:
    """Try everything on what is installed; the exit code is 1 where it does not say what to do."""
    said = _said()
    show(said)
    return int(not all(says_what_to_do(name, text) for name, text in said.items() if text))


def says_what_to_do(name: str, text: str) -> bool:
    """Whether an attempt that failed named its extra; nothing of ours imports what is in `otel`."""
    needed = TRIES[name][0]
    return needed == "otel" or f"pip install 'fastapi-crud-factory[{needed}]'" in text


def show(said: object) -> None:
    """Print as JSON."""
    sys.stdout.write(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["alone"]:
        sys.exit(alone())
    show(main(json.load(sys.stdin)))
