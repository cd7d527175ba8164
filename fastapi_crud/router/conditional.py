"""Conditional requests (RFC 9110 §13): the state of a row as an entity tag, and demands on it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

from fastapi import Request
from pydantic import BaseModel, TypeAdapter

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import PreconditionFailed
from fastapi_crud.query.loading import attributes_of
from fastapi_crud.router.headers import header_lines
from fastapi_crud.router.responses import RowWriter
from fastapi_crud.router.views import Selection, is_derived
from fastapi_crud.schemas import shown_columns

ANY = "*"
CONDITIONS = frozenset({b"if-match", b"if-none-match"})
DIGEST_BYTES = 12
MAX_SCHEMAS = 256

ENTITY_TAG = re.compile(r'(W/)?"([^"]*)"|([^\s,"]+)')
"""An entity tag (RFC 9110 §8.8.3), or one whose quotes a client has lost."""
CODING = re.compile(r"-(gzip|br|zstd|deflate)$")
"""What servers that compress an answer add to its tag."""


class Tagger:
    """Writes entity tags: `"<state>"`, or `"<state>.<variant>"` where an answer shows more or less.

    The state is the version of the row where it has one, else a digest of the columns that the
    caller may read, so it is the same after every method, and hidden columns leave no trace.

    Args:
        info: The model.
        read: The schema of one row.
        writer: Writes rows by it.
    """

    def __init__(self, info: ModelInfo, read: type[BaseModel], writer: RowWriter) -> None:
        names = attributes_of(read)
        self._info, self._writer = info, writer
        self._version = next((c.name for c in info.columns.values() if c.version), None)
        self._stored = [n for n in names if n in info.columns and info.columns[n].columns]
        self._shows_more = len(self._stored) < len(names)
        self._by_writer = is_derived(read) and not self._shows_more
        self._adapter = lru_cache(MAX_SCHEMAS)(self._make_adapter)

    def tag(self, row: object, content: bytes, selection: Selection) -> str:
        """Write the tag of an answer.

        Args:
            row: The row.
            content: The answer.
            selection: What it shows of the row.
        """
        whole = selection.fields is None and not selection.include
        if whole and self._by_writer and self._version is None:
            return f'"{_digest(content)}"'
        state = self.state(row, selection.hidden)
        return f'"{state}"' if whole and not self._shows_more else f'"{state}.{_digest(content)}"'

    def state(self, row: object, hidden: frozenset[str] = frozenset()) -> str:
        """Tell the state of a row.

        Args:
            row: The row.
            hidden: Columns that this caller may not see.
        """
        if self._version is not None:
            version = str(getattr(row, self._version))
            return _digest(version.encode()) if self._version in hidden else version
        if self._by_writer:
            return _digest(self._writer.row(row, Selection(hidden=hidden)))
        adapter = self._adapter(hidden)
        return _digest(adapter.dump_json(adapter.validate_python(row, from_attributes=True)))

    def _make_adapter(self, hidden: frozenset[str]) -> TypeAdapter[BaseModel]:
        names = [name for name in self._stored if name not in hidden]
        return TypeAdapter(shown_columns(self._info, names))


@dataclass(frozen=True, slots=True)
class Preconditions:
    """What a client demands of the state of a row.

    Args:
        match: The tags that it may have, or `*`: `If-Match`. None: it may have any.
        none_match: The tags that it must not have, or `*`: `If-None-Match`.
    """

    match: frozenset[str] | None = None
    none_match: frozenset[str] | None = None

    @property
    def given(self) -> bool:
        """Whether anything is demanded."""
        return self.match is not None or self.none_match is not None

    @property
    def certain(self) -> bool:
        """Whether the client says which state it means, or that there must be none."""
        return self.match is not None or ANY in (self.none_match or ())

    def check(self, state: str | None) -> None:
        """Refuse a row that is not as the client thinks.

        Args:
            state: Its state; None where there is no such row.

        Raises:
            PreconditionFailed: If it is not.
        """
        if self.match is not None and not _is_among(state, self.match):
            raise PreconditionFailed
        if self.none_match is not None and _is_among(state, self.none_match):
            raise PreconditionFailed

    def knows(self, tag: str) -> bool:
        """Tell whether the client has the answer with this tag already."""
        return self.none_match is not None and _is_among(tag.strip('"'), self.none_match)


NONE = Preconditions()


def preconditions(request: Request, *, whole: bool = False) -> Preconditions:
    """Read what a client demands.

    Args:
        request: The request.
        whole: Whether tags are compared with the variant of the answer: where it is only read.
    """
    if CONDITIONS.isdisjoint([name for name, _ in request.scope["headers"]]):
        return NONE
    match = header_lines(request.scope, b"if-match")
    none_match = header_lines(request.scope, b"if-none-match")
    return Preconditions(
        match=_tags(match, strong=True, whole=whole),
        none_match=_tags(none_match, strong=False, whole=whole),
    )


def _tags(lines: Sequence[str], *, strong: bool, whole: bool) -> frozenset[str] | None:
    """Read a list of entity tags; weak ones count only where strength does not matter."""
    if not lines:
        return None
    found: set[str] = set()
    for weak, quoted, bare in ENTITY_TAG.findall(",".join(lines)):
        if weak and strong:
            continue
        text = CODING.sub("", quoted or bare)
        found.add(text if whole or text == ANY else text.partition(".")[0])
    return frozenset(found)


def _is_among(state: str | None, tags: frozenset[str]) -> bool:
    return state is not None and (ANY in tags or state in tags)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=DIGEST_BYTES).hexdigest()
