"""A plain model of what a resource holds: what the state machine compares an app with."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from hypothesis import strategies as st

from tests.models import Article, Note

Body = dict[str, Any]
Rows = dict[Any, Body]
Work = Callable[[Rows], list[Any]]
"""Changes rows, and names those that it is about."""

CLIENT_IDS = [-4000, -3000, -2000, -1000]
"""Far from what any database counts up to, in either direction."""
METAS: list[Any] = [
    None, {}, {"a": 1}, {"a": True}, {"a": {"b": 1, "c": [2]}}, {"a": {"b": None}}, {"a": None},
]  # fmt: skip
LETTERS = st.sampled_from("abcdef")


@dataclass(frozen=True)
class Kind:
    """A model, as requests see it.

    Args:
        model: The model.
        unique: The column by which live rows differ.
        defaults: The other columns that clients write.
        state: Those that they only read, as they begin.
        values: What `defaults` may be set to.
        broken: Values that are refused, and the column that an error names.
        filters: Query strings, and what they mean.
        sorts: What rows can be sorted by.
    """

    model: type[Any]
    unique: str
    defaults: Body
    state: Body
    values: Mapping[str, st.SearchStrategy[Any]]
    broken: Sequence[tuple[Body, str]]
    filters: Sequence[tuple[str, Callable[[Body], bool]]]
    sorts: Sequence[str]

    @property
    def soft(self) -> bool:
        return "deleted_at" in self.state

    def patches(self) -> st.SearchStrategy[Body]:
        return st.fixed_dictionaries({}, optional={self.unique: LETTERS, **self.values})

    def items(self) -> st.SearchStrategy[Body]:
        optional = {"id": st.sampled_from(CLIENT_IDS), **self.values}
        return st.fixed_dictionaries({self.unique: LETTERS}, optional=optional)


NOTES = Kind(
    Note,
    unique="title",
    defaults={"body": None, "done": False},
    state={},
    values={"body": st.none() | LETTERS, "done": st.booleans()},
    broken=[({"title": None}, "title"), ({"done": 1}, "done"), ({"nope": 1}, "nope")],
    filters=[
        ("", bool),
        ("done=true", lambda row: row["done"]),
        ("body__ne=a", lambda row: row["body"] != "a"),
    ],
    sorts=["id", "title", "body", "done"],
)
ARTICLES = Kind(
    Article,
    unique="slug",
    defaults={"title": None, "stock": 0, "meta": None},
    state={"version": 1, "deleted_at": False},
    values={
        "title": st.none() | st.sampled_from("xy"),
        "stock": st.integers(0, 3),
        "meta": st.sampled_from(METAS),
    },
    broken=[
        ({"slug": None}, "slug"), ({"slug": "a\0"}, "slug"), ({"stock": None}, "stock"),
        ({"stock": "1"}, "stock"), ({"stock": 2**31}, "stock"), ({"title": "x" * 51}, "title"),
        ({"meta": [1]}, "meta"), ({"nope": 1}, "nope"),
    ],
    filters=[
        ("", bool),
        ("stock__gte=2", lambda row: row["stock"] >= 2),
        ("title__ne=x", lambda row: row["title"] != "x"),
        ("meta__isnull=true", lambda row: row["meta"] is None),
        ("slug__in=a&slug__in=b", lambda row: row["slug"] in "ab"),
    ],
    sorts=["id", "slug", "title", "stock"],
)  # fmt: skip


class Refused(Exception):
    """What is asked cannot be done; the pointers are all that the answer may have."""

    def __init__(self, status: int, *pointers: str) -> None:
        super().__init__(status, *pointers)
        self.status, self.pointers = status, {*pointers}


class World:
    """The rows, and what becomes of them; ids that the database will choose are objects."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.rows: Rows = {}
        self.unchanged: set[Any] = set()
        self._lenient = False

    def outcome(self, work: Work, *, succeeded: bool) -> tuple[Rows, list[Any]] | Refused:
        """Do it with a copy of the rows.

        Several changes at once may pass through states in which each alone would clash: whether
        that succeeds is up to the database, but then rows must differ in the end.
        """
        for self._lenient in (False, True):
            rows, self.unchanged = deepcopy(self.rows), set()
            try:
                touched = work(rows)
            except Refused as refused:
                if self._lenient or not succeeded:
                    return refused
            else:
                names = [row[self.kind.unique] for row in live(rows).values()]
                assert len(names) == len({*names})
                return rows, touched
        raise AssertionError

    def make(self, rows: Rows, item: Body) -> Any:
        key = item.get("id", object())
        if places := ["#/id"] * (key in rows) + self._clash(rows, item):
            raise Refused(409, *places)
        rows[key] = {**self.kind.defaults, **self.kind.state, **item, "id": key}
        return key

    def change(self, rows: Rows, key: Any, patch: Body) -> Any:
        if places := self._clash(rows, patch, but=key):
            raise Refused(409, *places)
        if patch and text({**rows[key], **patch}) == text(rows[key]):
            self.unchanged.add(key)
        rows[key] |= patch
        if patch and "version" in rows[key]:
            rows[key]["version"] += 1
        return key

    def remove(self, rows: Rows, key: Any) -> Any:
        if self.kind.soft:
            return self.change(rows, key, {"deleted_at": True})
        return rows.pop(key)["id"]

    def restore(self, rows: Rows, key: Any) -> Any:
        if places := self._clash(rows, rows[key]):
            raise Refused(409, *places)
        return self.change(rows, key, {"deleted_at": False})

    def upsert(self, rows: Rows, item: Body, by: str, mode: str) -> Any:
        found = [key for key, row in live(rows).items() if row[by] == item[by]]
        if not found:
            return self.make(rows, item)
        rest = {name: value for name, value in item.items() if name != by}
        return self.change(rows, found[0], rest if mode == "merge" else {})

    def _clash(self, rows: Rows, values: Body, but: Any = None) -> list[str]:
        """The place of what another live row has."""
        name = self.kind.unique
        others = [row[name] for key, row in live(rows).items() if key != but]
        return [f"#/{name}"] if values.get(name) in others and not self._lenient else []


def live(rows: Rows) -> Rows:
    return {key: row for key, row in rows.items() if not row.get("deleted_at")}


def there(rows: Rows, key: Any) -> Any:
    """Refuse what is not there."""
    if key not in live(rows):
        raise Refused(404)
    return key


def each(place: str, works: Iterable[Callable[[], Any]]) -> list[Any]:
    """Do one after the other; what is refused stands at its place in the body."""
    done: list[Any] = []
    for index, work in enumerate(works):
        try:
            done.append(work())
        except Refused as error:
            inner = [pointer[1:] for pointer in error.pointers] or [""]
            pointers = [f"#/{place}/{index}{each}" for each in inner]
            raise Refused(error.status, *pointers) from error
    return done


def differ(keys: Sequence[Any], place: str) -> None:
    """Refuse keys that are missing, or there twice."""
    for index, key in enumerate(keys):
        if key is None or key in keys[:index]:
            raise Refused(422, f"#/{place.format(index)}")


def heed(how: str) -> None:
    """Refuse a state that the row has not."""
    if how in {"stale", "weak", "wrong"}:
        raise Refused(412)


def merge_meta(row: Body, patch: Body) -> Body:
    """What a merge patch changes: JSON is merged with what is stored."""
    return patch | ({"meta": merged(row["meta"], patch["meta"])} if "meta" in patch else {})


def ordered(rows: Iterable[Body], order: str) -> list[Any]:
    """The ids in order: NULL is smallest, the key comes last, in the direction of the rest."""
    name = order.removeprefix("-")
    values = [([] if row[name] is None else [row[name]], row["id"]) for row in rows]
    return [key for _, key in sorted(values, reverse=order[0] == "-")]


def plain(row: Body) -> Body:
    """A row of an answer as the model holds it."""
    kept = {name: value for name, value in row.items() if name not in {"created_at", "updated_at"}}
    return kept | ({"deleted_at": row["deleted_at"] is not None} if "deleted_at" in row else {})


def text(value: Any) -> str:
    """JSON: it tells 1 and true apart."""
    return json.dumps(value, sort_keys=True, default=str)


def merged(target: Any, patch: Any) -> Any:
    """Apply a merge patch (RFC 7396 §2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(cast("Body", target)) if isinstance(target, dict) else {}
    for name, value in cast("Body", patch).items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result
