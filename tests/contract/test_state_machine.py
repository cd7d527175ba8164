"""Any sequence of requests gives the answers, and leaves the rows, that a plain model of it does.

`STATE_MACHINE_EXAMPLES=500` looks longer, elsewhere each time, and shortens what it finds.
"""

import json
import os
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from sqlalchemy.engine import URL

from tests.conftest import BACKENDS
from tests.contract.machine import Machine, served
from tests.contract.world import (
    ARTICLES,
    NOTES,
    Kind,
    Refused,
    Rows,
    differ,
    each,
    heed,
    live,
    merge_meta,
    ordered,
    there,
)

EXAMPLES = int(os.environ.get("STATE_MACHINE_EXAMPLES", "0"))
PROFILE = settings(
    max_examples=EXAMPLES or 10,
    stateful_step_count=30,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    phases=[Phase.generate, Phase.shrink] if EXAMPLES else [Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)
MERGE_PATCH = "application/merge-patch+json"
PICKS = st.integers(0, 9)
SEVERAL = st.lists(PICKS, min_size=1, max_size=3)
FLAGS = st.booleans()
DEMANDS = st.sampled_from(["none", "none", "right", "any", "several", "stale", "weak"])
VERSIONS = st.sampled_from(["none", "right", "right", "wrong"])
MODES = st.sampled_from(["merge", "merge", "ignore"])
SHOWN = st.sampled_from(["exclude", "include", "only"])
WAYS = [
    ("POST", ""), ("PUT", "/{}"), ("PATCH", "/{}"),
    ("POST", ":batchCreate"), ("POST", ":batchUpdate"), ("POST", ":upsert"),
]  # fmt: skip


class Rules(Machine):
    """What can be asked."""

    @rule(data=st.data(), minimal=FLAGS)
    def create(self, data: st.DataObject, minimal: bool) -> None:
        item = data.draw(self.kind.items())
        self.expect(
            "POST", "", 201, lambda rows: [self.world.make(rows, item)], body=item, minimal=minimal
        )

    @rule(data=st.data(), place=PICKS, how=DEMANDS, merge=FLAGS, minimal=FLAGS)
    def update(self, data: st.DataObject, place: int, how: str, merge: bool, minimal: bool) -> None:
        key, patch = self.pick(place), data.draw(self.kind.patches())

        def work(rows: Rows) -> list[Any]:
            row = rows[there(rows, key)]
            heed(how)
            return [self.world.change(rows, key, merge_meta(row, patch) if merge else patch)]

        headers = self.demand(key, how) | ({"Content-Type": MERGE_PATCH} if merge else {})
        self.expect("PATCH", f"/{key}", 200, work, body=patch, headers=headers, minimal=minimal)

    @rule(data=st.data(), place=PICKS, how=DEMANDS, new=FLAGS, minimal=FLAGS)
    def replace(self, data: st.DataObject, place: int, how: str, new: bool, minimal: bool) -> None:
        key, item = self.pick(place), data.draw(self.kind.items())
        exists = key in live(self.world.rows)
        headers = self.demand(key, how) | ({"If-None-Match": "*"} if new else {})

        def work(rows: Rows) -> list[Any]:
            if (new and exists) or (how != "none" and not exists):
                raise Refused(412)
            heed(how)
            if item.get("id", key) != key:
                raise Refused(422, "#/id")
            whole = {**self.kind.defaults, **item, "id": key}
            return [self.world.change(rows, key, whole) if exists else self.world.make(rows, whole)]

        status = 200 if exists else 201
        self.expect("PUT", f"/{key}", status, work, body=item, headers=headers, minimal=minimal)

    @rule(place=PICKS, how=DEMANDS)
    def delete(self, place: int, how: str) -> None:
        key = self.pick(place)

        def work(rows: Rows) -> list[Any]:
            there(rows, key)
            heed(how)
            return [self.world.remove(rows, key)]

        self.expect("DELETE", f"/{key}", 204, work, headers=self.demand(key, how))

    @rule(place=PICKS)
    def purge(self, place: int) -> None:
        key = self.pick(place)

        def work(rows: Rows) -> list[Any]:
            if rows.pop(key, None) is None:
                raise Refused(404)
            return [key]

        self.expect("POST", f"/{key}:purge", 204, work)

    @precondition(lambda self: self.kind.soft)
    @rule(place=PICKS)
    def restore(self, place: int) -> None:
        key = self.pick(place)

        def work(rows: Rows) -> list[Any]:
            if key not in rows:
                raise Refused(404)
            if key in live(rows):
                raise Refused(409)
            return [self.world.restore(rows, key)]

        self.expect("POST", f"/{key}:restore", 200, work)

    @rule(data=st.data(), minimal=FLAGS)
    def batch_create(self, data: st.DataObject, minimal: bool) -> None:
        items = data.draw(st.lists(self.kind.items(), min_size=1, max_size=3))

        def work(rows: Rows) -> list[Any]:
            return each("items", [partial(self.world.make, rows, item) for item in items])

        body = {"items": items}
        self.expect("POST", ":batchCreate", 201, work, body=body, minimal=minimal)

    @rule(data=st.data(), places=SEVERAL, minimal=FLAGS)
    def batch_update(self, data: st.DataObject, places: list[int], minimal: bool) -> None:
        ids = [self.pick(place) for place in places]
        patches = [data.draw(self.kind.patches()) for _ in ids]
        hows = [data.draw(VERSIONS) if self.kind.soft else "none" for _ in ids]

        def work(rows: Rows) -> list[Any]:
            differ(ids, "items/{}/id")
            each("items", [partial(there, rows, key) for key in ids])
            each("items", [partial(heed, how) for how in hows])
            changes = zip(ids, patches, strict=True)
            return each("items", [partial(self.world.change, rows, *change) for change in changes])

        items = [
            {**patch, "id": key, **self.version(key, how)}
            for key, patch, how in zip(ids, patches, hows, strict=True)
        ]
        body = {"items": items}
        self.expect("POST", ":batchUpdate", 200, work, body=body, minimal=minimal)

    @rule(places=SEVERAL)
    def batch_delete(self, places: list[int]) -> None:
        ids = [self.pick(place) for place in places]

        def work(rows: Rows) -> list[Any]:
            differ(ids, "ids/{}")
            each("ids", [partial(there, rows, key) for key in ids])
            return [self.world.remove(rows, key) for key in ids]

        self.expect("POST", ":batchDelete", 204, work, body={"ids": ids})

    @rule(data=st.data(), by_id=FLAGS, mode=MODES, minimal=FLAGS)
    def upsert(self, data: st.DataObject, by_id: bool, mode: str, minimal: bool) -> None:
        by = "id" if by_id else self.kind.unique
        items = data.draw(st.lists(self.kind.items(), min_size=1, max_size=3))
        items = items if by_id else [{k: v for k, v in it.items() if k != "id"} for it in items]

        def work(rows: Rows) -> list[Any]:
            differ([item.get(by) for item in items], f"items/{{}}/{by}")
            return each("items", [partial(self.world.upsert, rows, it, by, mode) for it in items])

        body = {"items": items, "on_conflict": [by], "mode": mode}
        self.expect("POST", ":upsert", 200, work, body=body, minimal=minimal)

    @rule(place=PICKS, other=FLAGS)
    def repeat(self, place: int, other: bool) -> None:
        """Is what is sent again answered again, and not done again?"""
        if not self.sent:
            return
        path, request, answer = self.sent[place % len(self.sent)]
        body = json.loads(request["content"] or "{}")
        if other := other and bool(body):
            name = next(it for it in (self.kind.unique, "items", "ids") if it in body)
            request = {**request, "content": json.dumps({**body, name: body[name] * 2})}
        again = self.served.ask("POST", path, **request)
        if other:
            assert (again.status_code, again.json()["code"]) == (422, "idempotency_key_reused")
        else:
            headers = {**answer.headers, "idempotency-replayed": "true"}
            assert (again.status_code, again.content) == (answer.status_code, answer.content)
            assert {**again.headers} == headers
        self.compare(self.world.rows)

    @rule(data=st.data(), place=PICKS, way=st.sampled_from(WAYS))
    def break_rules(self, data: st.DataObject, place: int, way: tuple[str, str]) -> None:
        """Is a body that breaks a rule refused, wherever it is sent?"""
        values, column = data.draw(st.sampled_from(self.kind.broken))
        key, (method, path) = self.pick(place), way
        good = {self.kind.unique: "a", "id": key}
        broken = values if method == "PATCH" else {**good, **values}
        several = path[:1] == ":"
        body = {"items": [good, broken]} if several else broken
        body |= {"on_conflict": ["id"]} if path == ":upsert" else {}

        def work(rows: Rows) -> list[Any]:
            raise Refused(422, f"#/items/1/{column}" if several else f"#/{column}")

        self.expect(method, path.format(key), 0, work, body=body)

    @rule(data=st.data(), skip=PICKS, limit=st.integers(1, 4), shown=SHOWN, walks=FLAGS)
    def read_list(
        self, data: st.DataObject, skip: int, limit: int, shown: str, walks: bool
    ) -> None:
        """Do pages and totals agree with the rows, sorted and filtered?"""
        asked, test = data.draw(st.sampled_from(self.kind.filters))
        order = data.draw(st.sampled_from(["", "-"])) + data.draw(st.sampled_from(self.kind.sorts))
        rows = live(self.world.rows)
        if self.kind.soft:
            rows = {"include": self.world.rows, "exclude": rows}.get(
                shown, {key: row for key, row in self.world.rows.items() if key not in rows}
            )
            asked += f"&deleted={shown}"
        ids = ordered([row for row in rows.values() if test(row)], order)
        query = f"?{asked}&sort={order}&limit={limit}".replace("?&", "?")
        if not walks:
            page = self.served.ask("GET", f"{query}&skip={skip}")
            assert [row["id"] for row in page.json()["items"]] == ids[skip : skip + limit]
            assert page.json()["total"] == int(page.headers["X-Total-Count"]) == len(ids)
            return
        pages: list[Any] = []
        cursor: str | None = ""
        while cursor is not None:
            page = self.served.ask("GET", f"{query}&cursor={cursor}").json()
            pages, cursor = [*pages, [row["id"] for row in page["items"]]], page["next_cursor"]
        assert pages == ([ids[i : i + limit] for i in range(0, len(ids), limit)] or [[]])


@pytest.mark.parametrize("kind", [ARTICLES, NOTES], ids=lambda kind: kind.model.__name__)
@pytest.mark.parametrize(
    "backend", [it for it in BACKENDS if it in {"sqlite", "postgresql"}], indirect=True
)
def test_requests_do_what_the_model_does(backend: URL, kind: Kind) -> None:
    """Do app and model agree, whatever is asked in whatever order?"""
    with served(backend, kind) as it:
        run_state_machine_as_test(type("Machine", (Rules,), {"served": it}), settings=PROFILE)
