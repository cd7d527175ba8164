"""Attacks on accounts and logins: each is answered with the status it must have, and changes nothing.

No attack is answered with 5xx, and no secret is found in an answer, a log or a table.
"""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from fastapi_crud import Database
from fastapi_crud.auth import PasslibHasher
from fastapi_crud.database import STATE_KEY
from tests.auth import test_tokens as forging, world
from tests.auth.world import (
    ANN,
    BOB,
    KEY,
    PASSWORD,
    User,
    app_with,
    auth,
    bearer,
    log_in,
    mailbox,
    make_key,
    problem,
    rotating,
    set_columns,
    sign_up,
    stopped_clock,
    user_row,
)
from tests.conftest import Client, Serve, tables_of

OTHER_PASSWORD = "incorrect zebra staple"
NEW = {"email": "new@example.com", "name": "New", "password": PASSWORD}
JSON = "application/json"
CREDENTIALS = (401, "invalid_credentials")
UNKNOWN_CALLER = (401, "unauthorized")
INVALID = (422, "validation_error")
GONE = (400, "invalid_token")

Attack = Mapping[str, Any]


@pytest.fixture(autouse=True)
def waits_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """A throttle whose waits outlast each test."""
    world.slow_down(monkeypatch)


@pytest.fixture(scope="module")
async def tables(database: Database) -> AsyncIterator[Database]:
    """The tables of users and auth, on each backend."""
    async with tables_of(database, world.Base.metadata) as own:
        yield own


@pytest.fixture
async def users(tables: Database) -> Database:
    """The database, with those tables empty."""
    return await world.emptied(tables)


@pytest.fixture
def client(users: Database, serve: Serve) -> Client:
    """A client of the usual app, on each backend."""
    return serve(users, app=app_with())


@pytest.fixture(scope="module")
async def file(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Database]:
    """A SQLite database, for what is the same on every backend."""
    folder = tmp_path_factory.mktemp("attacks")
    database = Database(f"sqlite:///{folder}/auth.db", metadata=world.Base.metadata)
    await database.create_all()
    yield database
    await database.engine.dispose()


@pytest.fixture
async def lite(file: Database) -> Database:
    """That database, with all tables empty."""
    return await world.emptied(file)


@pytest.fixture
async def ann(lite: Database, serve: Serve) -> Client:
    """A client that calls by a login of Ann's; there is Bob as well."""
    client = serve(lite, app=app_with())
    await sign_up(client)
    await sign_up(client, BOB)
    client.headers.update(bearer(await log_in(client)))
    return client


@pytest.fixture
async def nobody(lite: Database, serve: Serve) -> Client:
    """A client that nobody knows, of an app where Ann and Bob have accounts."""
    client = serve(lite, app=app_with())
    await sign_up(client)
    await sign_up(client, BOB)
    return client


def at(database: Database, address: str, app: FastAPI | None = None) -> Client:
    """A client whose requests come from an address."""
    app = app or app_with()
    setattr(app.state, STATE_KEY, database)
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=(address, 1))
    return Client(transport=transport, base_url="http://test")


def cases(table: Mapping[str, Any] | Sequence[Any]) -> pytest.MarkDecorator:
    named = table if isinstance(table, Mapping) else {str(it): it for it in table}
    return pytest.mark.parametrize("case", named.values(), ids=[*named])


def token_of(client: Client) -> dict[str, str]:
    return {"access_token": client.headers["authorization"].split()[1]}


async def id_of(database: Database, email: str) -> str:
    return str((await user_row(database, email)).id)


async def everything_in(database: Database) -> str:
    """All rows of all tables of auth, as one text."""
    async with database.session() as session:
        tables = world.Base.metadata.sorted_tables
        return str([(await session.execute(sa.select(table))).all() for table in tables])


# Enumeration


STORED = PasslibHasher(memory_kib=8, time_cost=1, parallelism=1).hash(PASSWORD)
BROKEN_HASHES = {
    "empty": "",
    "one character": "x",
    "password in clear": PASSWORD,
    "scheme alone": "$argon2id$",
    "parameters alone": "$argon2id$v=19$m=8,t=1,p=1$",
    "cut in the middle": STORED[: len(STORED) // 2],
    "cut at the end": STORED[:-1],
    "one more character": STORED + "A",
    "two of them": STORED + STORED[:50],
    "other digest": STORED[:-4] + "AAAA",
    "unknown scheme": "$7$C6..../....",
    "bcrypt": "$2b$12$GhvMmNVjRW29ulnudl.LbuAnUtN/LRfe1JsBm1Xu6LE3059z5Tr8m",
    "MD5": "5f4dcc3b5aa765d61d8327deb882cf99",
    "fullest": "$argon2id$" + "x" * 240,
    "greedy memory": "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAA",
    "greedy time": "$argon2id$v=19$m=8,t=4294967295,p=1$c2FsdHNhbHQ$AAAA",
    "spaces": "   ",
}


@cases(BROKEN_HASHES)
async def test_a_broken_hash_is_a_wrong_password(nobody: Client, lite: Database, case: str) -> None:
    """Is the answer, byte by byte, that for an unknown address, whatever stands in the column?"""
    await set_columns(lite, {"id": await id_of(lite, ANN)}, hashed_password=case)
    answers = [
        await nobody.post("/auth/login", data={"username": email, "password": PASSWORD})
        for email in (ANN, "unknown@example.com")
    ]
    assert problem(answers[0]) == CREDENTIALS
    assert answers[0].content == answers[1].content
    assert answers[0].headers == answers[1].headers


@pytest.mark.parametrize("body", [{}, {"scope": "admin"}], ids=["plain", "with scope"])
async def test_all_refusals_of_a_login_are_one(
    nobody: Client, lite: Database, body: dict[str, str]
) -> None:
    """Are unknown, wrong, closed and deleted accounts one answer, byte by byte?"""
    await set_columns(lite, {"id": await id_of(lite, BOB)}, is_active=False)
    tries = [
        (ANN, "wrong password"), (BOB, PASSWORD), (BOB, "wrong password"),
        ("unknown@example.com", PASSWORD), ("no address", PASSWORD), ("", PASSWORD),
        ("ann@example.com ", "wrong"), ("' OR 1=1 --", PASSWORD), ("%", PASSWORD), ("a" * 1024, "x"),
    ]  # fmt: skip
    answers = [
        await nobody.post("/auth/login", json={"username": email, "password": password, **body})
        for email, password in tries
    ]
    assert {problem(it) for it in answers} == {CREDENTIALS}
    assert len({it.content for it in answers}) == 1
    assert len({str(sorted(it.headers.items())) for it in answers}) == 1


@pytest.mark.slow
async def test_all_refusals_take_as_long(lite: Database, serve: Serve) -> None:
    """Are the medians of the times within a quarter of each other, in one of three rounds?"""
    app = app_with(
        password_memory_kib=4096, password_time_cost=3, max_failures=10_000,
        max_address_failures=100_000,
    )  # fmt: skip
    client = serve(lite, app=app)
    kinds: dict[str, tuple[str, str, dict[str, Any]]] = {
        "unknown": ("unknown@example.com", PASSWORD, {}),
        "wrong": ("wrong@example.com", "wrong password", {}),
        "inactive": ("inactive@example.com", PASSWORD, {"is_active": False}),
        "broken": ("broken@example.com", PASSWORD, {"hashed_password": "$argon2id$x"}),
        "weaker": ("weaker@example.com", "wrong password", {"hashed_password": STORED}),
    }
    for email, _, columns in kinds.values():
        if email != "unknown@example.com":
            body = {"email": email, "name": "Somebody", "password": PASSWORD}
            user = (await client.post("/auth/register", json=body)).json()
            await set_columns(lite, user, **columns or {"name": "Nobody"})

    async def elapsed(email: str, password: str) -> float:
        start = time.perf_counter()
        answer = await client.post("/auth/login", data={"username": email, "password": password})
        assert answer.status_code == 401
        return time.perf_counter() - start

    medians: dict[str, float] = {}
    for _ in range(3):
        times: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(15):
            for kind, (email, password, _) in kinds.items():
                times[kind].append(await elapsed(email, password))
        medians = {kind: median(several) for kind, several in times.items()}
        if max(medians.values()) <= 1.25 * min(medians.values()):
            return
    pytest.fail(f"medians differ: {medians}")


# Forged access tokens


@pytest.fixture(scope="module")
async def victim(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Client, dict[str, Any]]]:
    """A client, and the claims of a token of Ann's that is valid; nothing of it changes."""
    folder = tmp_path_factory.mktemp("victim")
    database = Database(f"sqlite:///{folder}/auth.db", metadata=world.Base.metadata)
    await database.create_all()
    async with at(database, "10.0.0.9", world.app_of()) as client:
        await sign_up(client)
        yield client, auth.codec.decode((await log_in(client))["access_token"])
    await database.engine.dispose()


def signed(it: str) -> str:
    return forging.hmac_sign(it, KEY)


def header_of(**changes: Any) -> dict[str, Any]:
    return forging.changed(forging.header_of(kid="default"), changes)


async def ask(client: Client, token: str | bytes) -> httpx2.Response:
    raw = token if isinstance(token, bytes) else token.encode("utf-8", "surrogatepass")
    return await client.get("/auth/me", headers=[(b"authorization", b"Bearer " + raw)])


def assert_unknown(answer: httpx2.Response) -> None:
    assert problem(answer) == UNKNOWN_CALLER
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'


Victim = tuple[Client, dict[str, Any]]


async def test_a_token_made_by_hand_works(victim: Victim) -> None:
    """Is the token valid that all others are forged from?"""
    client, claims = victim
    answer = await ask(client, forging.forged(header_of(), claims, signed))
    assert (answer.status_code, answer.json()["email"]) == (200, ANN)


@cases(forging.BAD_HEADERS)
async def test_forged_headers_open_nothing(victim: Victim, case: Attack) -> None:
    """Is a token refused whose header is not ours, although the signature is right?"""
    client, claims = victim
    assert_unknown(await ask(client, forging.forged(header_of(**case), claims, signed)))


@cases(forging.INJECTED)
async def test_keys_in_a_token_open_nothing(victim: Victim, case: Attack) -> None:
    """Is a token refused that brings the key that it is signed with?"""
    client, claims = victim

    def by_attacker(it: str) -> str:
        return forging.hmac_sign(it, forging.OTHER_SECRET)

    for more in ({}, {"kid": "default"}):
        forged = forging.forged(header_of(**{**case, **more}), claims, by_attacker)
        assert_unknown(await ask(client, forged))


@cases(forging.BAD_CLAIMS)
async def test_forged_claims_open_nothing(victim: Victim, case: Attack) -> None:
    """Is a token refused whose claims we would not sign, although the signature is right?"""
    client, claims = victim
    forged = forging.forged(header_of(), forging.changed(claims, case), signed)
    assert_unknown(await ask(client, forged))


@cases(forging.WRONG_SIGNATURES)
@pytest.mark.parametrize("alg", ["HS256", "none", "HS512", "RS256"])
async def test_forged_signatures_open_nothing(
    victim: Victim, case: Callable[[str], str], alg: str
) -> None:
    """Is a token refused that somebody else signed, or nobody?"""
    client, claims = victim
    assert_unknown(await ask(client, forging.forged(header_of(alg=alg), claims, case)))


TEXTS = {
    name: make for name, make in forging.NOT_TOKENS.items()
    if type(make("a.b.cw")) is str and name not in {"space before", "space after", "newline after"}
}  # fmt: skip


@cases(TEXTS)
async def test_what_is_no_token_opens_nothing(victim: Victim, case: Callable[[str], str]) -> None:
    """Is anything refused that is written differently from a token, byte by byte?"""
    client, claims = victim
    assert_unknown(await ask(client, case(forging.forged(header_of(), claims, signed))))


@cases(forging.RAW_TOKENS)
async def test_bytes_that_are_no_token_open_nothing(
    victim: Victim, case: tuple[bytes, bytes]
) -> None:
    """Is a token refused whose parts are no JSON objects, deep or not, although it is signed?"""
    parts = ".".join(map(forging.b64, case))
    assert_unknown(await ask(victim[0], f"{parts}.{signed(parts)}"))


STRANGERS: dict[str, Attack] = {
    "no such user": {"sub": str(uuid4())},
    "user by number": {"sub": "1"},
    "user by another's spelling": {"sub": "{" + str(uuid4()) + "}"},
    "SQL": {"sub": "' OR 1=1 --"},
    "NUL": {"sub": "\x00"},
    "no such login": {"sid": str(uuid4())},
    "login by a number": {"sid": "1"},
    "login by a path": {"sid": "../../etc/passwd"},
    "lone surrogate": {"sid": "\ud800"},
    "long": {"sid": "1" * 1500},
}


@cases(STRANGERS)
async def test_well_signed_strangers_are_nobody(victim: Victim, case: Attack) -> None:
    """Is a token of ours refused for a user, or a login, that does not fit?"""
    client, claims = victim
    forged = forging.forged(header_of(), {**claims, **case}, signed)
    assert_unknown(await ask(client, forged))


async def test_a_token_is_for_its_own_user(nobody: Client, lite: Database) -> None:
    """Is a token refused that names Ann's login, but another user?"""
    claims = auth.codec.decode((await log_in(nobody))["access_token"])
    forged = {**claims, "sub": await id_of(lite, BOB)}
    assert_unknown(await ask(nobody, forging.forged(header_of(), forged, signed)))


async def test_scopes_in_a_token_give_nothing(nobody: Client) -> None:
    """Are scopes asked of the database, and not believed, whatever a token says?"""
    claims = auth.codec.decode((await log_in(nobody))["access_token"])
    forged = {**claims, "scope": "admin", "is_superuser": True, "scopes": ["admin"]}
    token = {"Authorization": f"Bearer {forging.forged(header_of(), forged, signed)}"}
    me = (await nobody.get("/auth/me", headers=token)).json()
    assert (me["is_superuser"], me["scopes"]) == (False, [])
    body = {"name": "key", "scopes": ["admin"]}
    answer = await nobody.post("/auth/api-keys", json=body, headers=token)
    assert problem(answer) == (403, "insufficient_scope")


@cases(["fcr", "fcv", "fck"])
async def test_tokens_of_another_kind_open_nothing(nobody: Client, case: str) -> None:
    """Is no refresh token, link or unknown key taken for an access token?"""
    pair = await log_in(nobody)
    await nobody.post("/auth/forgot-password", json={"email": ANN})
    token = {"fcr": pair["refresh_token"], "fcv": mailbox.token("reset"), "fck": "fck_" + "a" * 43}
    assert_unknown(await ask(nobody, token[case]))
    for path in ("refresh", "verify"):
        body = {"refresh_token" if path == "refresh" else "token": pair["access_token"][:500]}
        answer = await nobody.post(f"/auth/{path}", json=body)
        assert problem(answer)[0] == (401 if path == "refresh" else 400)


# Authorization headers


HEADERS: dict[str, tuple[bytes, bytes | None]] = {
    "empty": (b"", b"Bearer"),
    "scheme alone": (b"Bearer", b'Bearer error="invalid_token"'),
    "scheme and spaces": (b"Bearer    ", b'Bearer error="invalid_token"'),
    "another scheme": (b"Basic YW5uOnBhc3N3b3Jk", b"Bearer"),
    "glued": (b"BearerX", b"Bearer"),
    "a tab": (b"Bearer\tX", b"Bearer"),
    "CR LF": (b"Bearer x\r\nX-Admin: 1", b'Bearer error="invalid_token"'),
    "LF": (b"Bearer x\nSet-Cookie: a=b", b'Bearer error="invalid_token"'),
    "NUL": (b"Bearer \x00", b'Bearer error="invalid_token"'),
    "latin-1": (b"Bearer \xff\xfe\xe9", b'Bearer error="invalid_token"'),
    "broken UTF-8": (b"Bearer \xed\xa0\x80", b'Bearer error="invalid_token"'),
    "100 kB": (b"Bearer " + b"A" * 100_000, b'Bearer error="invalid_token"'),
    "100 kB of dots": (b"Bearer " + b"." * 100_000, b'Bearer error="invalid_token"'),
    "100 kB of an API key": (b"Bearer fck_" + b"A" * 100_000, b'Bearer error="invalid_token"'),
    "100 kB of scheme": (b"B" * 100_000, b"Bearer"),
    "null": (b"Bearer null", b'Bearer error="invalid_token"'),
    "JSON": (b'Bearer {"sub":"1"}', b'Bearer error="invalid_token"'),
    "two tokens": (b"Bearer a b", b'Bearer error="invalid_token"'),
    "format string": (b"Bearer %s%s%n{0}", b'Bearer error="invalid_token"'),
}


@cases(HEADERS)
@pytest.mark.parametrize("path", ["/auth/me", "/users"])
async def test_odd_headers_are_nobody(victim: Victim, path: str, case: tuple[bytes, bytes]) -> None:
    """Is each header answered with 401 and a challenge, and nothing of it repeated?"""
    sent, challenge = case
    answer = await victim[0].get(path, headers=[(b"authorization", sent)])
    assert problem(answer) == UNKNOWN_CALLER
    assert answer.headers["www-authenticate"] == challenge.decode()
    assert "x-admin" not in answer.headers
    assert "set-cookie" not in answer.headers


async def test_the_first_of_two_headers_counts(ann: Client) -> None:
    """Does a second header not lend a caller another's token?"""
    good, bad = ann.headers["authorization"].encode(), b"Bearer x"
    for first, second, status in ((good, bad, 200), (bad, good, 401)):
        headers = [(b"authorization", first), (b"authorization", second)]
        request = httpx2.Request("GET", "http://test/auth/me", headers=headers)
        assert (await ann.send(request)).status_code == status


USER_AGENTS = {
    "CR LF": b"a\r\nX: 1", "NUL": b"a\x00b", "latin-1": b"\xff\xfe", "100 kB": b"x" * 100_000,
    "empty": b"", "controls": bytes(range(1, 32)),
}  # fmt: skip


@cases(USER_AGENTS)
async def test_odd_user_agents_are_kept_harmless(client: Client, case: bytes) -> None:
    """Is a login opened, and what is shown of its client printable and short?"""
    await sign_up(client)
    form = {"username": ANN, "password": PASSWORD}
    answer = await client.post("/auth/login", data=form, headers=[(b"user-agent", case)])
    assert answer.status_code == 200
    listed = await client.get("/auth/sessions", headers=bearer(answer.json()))
    (shown,) = listed.json()["items"]
    assert shown["user_agent"].isprintable()
    assert len(shown["user_agent"]) <= 255


async def test_forwarded_addresses_are_not_believed(nobody: Client) -> None:
    """Does a header that names another address not reset the count of failures?"""
    form = {"username": ANN, "password": "wrong"}
    statuses = [
        (await nobody.post("/auth/login", data=form, headers={"X-Forwarded-For": f"10.1.1.{i}"}))
        .status_code for i in range(6)
    ]  # fmt: skip
    assert statuses == [401] * 5 + [429]


# Refresh tokens


async def test_of_many_refreshes_one_wins(client: Client) -> None:
    """Does one of twenty uses at the same time get a pair, and does the theft end the login?"""
    await sign_up(client)
    pair = await log_in(client)
    answers = await asyncio.gather(
        *(client.post("/auth/refresh", json=rotating(pair)) for _ in range(20))
    )
    assert sorted(it.status_code for it in answers) == [200] + [401] * 19
    refused = [it for it in answers if it.status_code == 401]
    assert {problem(it) for it in refused} == {(401, "invalid_refresh_token")}
    (winner,) = (it.json() for it in answers if it.status_code == 200)
    assert (await client.get("/auth/me", headers=bearer(winner))).status_code == 401
    assert problem(await client.post("/auth/refresh", json=rotating(winner)))[0] == 401


async def test_a_replay_ends_one_login(client: Client) -> None:
    """Does an old refresh token end the login that it belongs to, and no other?"""
    await sign_up(client)
    other, first = await log_in(client), await log_in(client)
    second = (await client.post("/auth/refresh", json=rotating(first))).json()
    third = (await client.post("/auth/refresh", json=rotating(second))).json()
    replay = await client.post("/auth/refresh", json=rotating(first))
    assert problem(replay) == (401, "invalid_refresh_token")
    assert (await client.get("/auth/me", headers=bearer(third))).status_code == 401
    assert (await client.get("/auth/me", headers=bearer(other))).status_code == 200


FIXATIONS: dict[str, tuple[int, dict[str, Any]]] = {
    "id in JSON": (422, {"json": {"session_id": str(UUID(int=1))}}),
    "sid in JSON": (422, {"json": {"sid": str(UUID(int=1))}}),
    "token in JSON": (422, {"json": {"refresh_token": "fcr_" + "a" * 43}}),
    "id in a form": (200, {"data": {"session_id": str(UUID(int=1)), "sid": str(UUID(int=1))}}),
    "token in a form": (200, {"data": {"refresh_token": "fcr_" + "a" * 43}}),
    "cookie": (200, {"data": {}, "headers": {"Cookie": f"session={UUID(int=1)}"}}),
    "query": (200, {"data": {}, "params": {"sid": str(UUID(int=1))}}),
}


@cases(FIXATIONS)
async def test_a_login_takes_no_id_from_its_client(
    nobody: Client, case: tuple[int, dict[str, Any]]
) -> None:
    """Is the id of a login always new, whatever a client suggests?"""
    status, sent = case
    form = {"username": ANN, "password": PASSWORD}
    filled: dict[str, Any] = {
        k: {**form, **v} if k in {"json", "data"} else v for k, v in sent.items()
    }
    answer = await nobody.post("/auth/login", **filled)
    assert answer.status_code == status
    if status == 200:
        claims = auth.codec.decode(answer.json()["access_token"])
        assert claims["sid"] != str(UUID(int=1))
        assert answer.json()["refresh_token"] != "fcr_" + "a" * 43


async def test_a_refresh_token_says_whose_it_is(client: Client) -> None:
    """Does Ann who sends Bob's refresh token get Bob's pair, and end Bob's login, not hers?"""
    await sign_up(client)
    await sign_up(client, BOB)
    anns, bobs = await log_in(client), await log_in(client, BOB)
    answer = await client.post("/auth/refresh", json=rotating(bobs), headers=bearer(anns))
    assert (await client.get("/auth/me", headers=bearer(answer.json()))).json()["email"] == BOB
    await client.post("/auth/logout", json=rotating(answer.json()), headers=bearer(anns))
    assert (await client.get("/auth/me", headers=bearer(anns))).status_code == 200
    assert (await client.get("/auth/me", headers=bearer(bobs))).status_code == 401


# What belongs to others


FOREIGN: dict[str, tuple[str, str, Any, tuple[int, str]]] = {
    "session": ("DELETE", "/auth/sessions/{session}", None, (404, "not_found")),
    "API key": ("DELETE", "/auth/api-keys/{key}", None, (404, "not_found")),
    "key as session": ("DELETE", "/auth/sessions/{key}", None, (404, "not_found")),
    "session as key": ("DELETE", "/auth/api-keys/{session}", None, (404, "not_found")),
    "user as session": ("DELETE", "/auth/sessions/{user}", None, (404, "not_found")),
    "PATCH user": ("PATCH", "/users/{user}", {"name": "Evil"}, (403, "forbidden")),
    "PATCH password": ("PATCH", "/users/{user}", {"password": OTHER_PASSWORD}, (403, "forbidden")),
    "PATCH with my password": ("PATCH", "/users/{user}", {"email": "evil@example.com", "current_password": PASSWORD}, (403, "forbidden")),
    "PUT user": ("PUT", "/users/{user}", {"email": "evil@example.com", "name": "Evil"}, (403, "forbidden")),
    "DELETE user": ("DELETE", "/users/{user}", None, (403, "forbidden")),
    "PATCH of another's id": ("PATCH", "/users/{mine}", {"id": "{user}"}, (422, "pk_mismatch")),
    "PUT of another's id": ("PUT", "/users/{mine}", {"id": "{user}", "email": ANN, "name": "Ann"}, (422, "pk_mismatch")),
    "PATCH nobody": ("PATCH", "/users/{nobody}", {"name": "Evil"}, (404, "not_found")),
    "DELETE nobody": ("DELETE", "/users/{nobody}", None, (404, "not_found")),
    "no id": ("PATCH", "/users/%00", {"name": "Evil"}, (404, "not_found")),
    "SQL": ("DELETE", "/users/' OR '1'='1", None, (404, "not_found")),
    "taken address": ("PATCH", "/users/{mine}", {"email": BOB, "current_password": PASSWORD}, (409, "unique_violation")),
    "taken address, spelled otherwise": ("PATCH", "/users/{mine}", {"email": "ｂｏｂ@EXAMPLE.com", "current_password": PASSWORD}, (409, "unique_violation")),
}  # fmt: skip


@cases(FOREIGN)
async def test_what_belongs_to_others_stays(
    ann: Client, lite: Database, case: tuple[str, str, Any, tuple[int, str]]
) -> None:
    """Is each way to another's account closed, and nothing of it changed?"""
    method, path, body, expected = case
    bobs = await log_in(ann, BOB)
    key = await make_key(ann, bobs)
    (stored,) = (await ann.get("/auth/api-keys", headers=bearer(bobs))).json()["items"]
    claims = auth.codec.decode(bobs["access_token"])
    names = {
        "session": claims["sid"], "key": stored["id"], "user": claims["sub"],
        "mine": await id_of(lite, ANN), "nobody": str(uuid4()),
    }  # fmt: skip
    before = await everything_in(lite)
    text = None if body is None else json.dumps(body).replace("{user}", names["user"])
    headers = {"content-type": JSON} if text else {}
    answer = await ann.request(method, path.format(**names), content=text, headers=headers)
    assert problem(answer) == expected
    assert await everything_in(lite) == before
    assert (await ann.get("/auth/me", headers=bearer(bobs))).status_code == 200
    assert (await ann.get("/auth/me", headers=key)).status_code == 200


# Mass assignment


POWERS: dict[str, Any] = {
    "id": str(UUID(int=7)), "is_superuser": True, "is_active": False, "scopes": ["admin"],
    "email_verified_at": "2026-01-01T00:00:00Z", "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
HIDDEN: dict[str, Any] = {
    "hashed_password": "$argon2id$", "email_key": BOB, "seen_at": "2026-01-01T00:00:00Z",
    "role": "admin", "roles": ["admin"], "is_admin": True, "user_id": str(UUID(int=7)),
    "token_hash": "a" * 64, "revoked_at": None, "expires_at": "2099-01-01T00:00:00Z",
    "__class__": "User", "_sa_instance_state": {}, "metadata": {}, "limit": None,
}  # fmt: skip
WRITES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "register": ("POST", "/auth/register", NEW),
    "POST": ("POST", "/users", NEW),
    "PATCH": ("PATCH", "/users/{mine}", {}),
    "PUT": ("PUT", "/users/{mine}", {"email": ANN, "name": "Somebody"}),
    "me": ("PATCH", "/auth/me", {}),
    "merge patch": ("PATCH", "/users/{mine}", {}),
}


@pytest.mark.parametrize("name", [*POWERS, *HIDDEN, "all powers"])
async def test_nobody_gives_itself_power(ann: Client, lite: Database, name: str) -> None:
    """Is each privileged or hidden column refused, or ignored where it can be read?"""
    mine, before = await id_of(lite, ANN), (await ann.get("/auth/me")).json()
    for way, (method, path, body) in WRITES.items():
        more = POWERS if name == "all powers" else {name: {**POWERS, **HIDDEN}[name]}
        more = {**more, "id": mine} if "id" in more and method != "POST" else more
        media = "application/merge-patch+json" if way == "merge patch" else JSON
        answer = await ann.request(
            method,
            path.format(mine=mine),
            content=json.dumps({**body, **more}),
            headers={"content-type": media},
        )
        ignored = method != "POST" and name not in HIDDEN
        assert answer.status_code == (200 if ignored else 422), way
    after = (await ann.get("/auth/me")).json()
    assert {**after, "updated_at": before["updated_at"]} == before
    async with lite.session() as session:
        rows = (await session.scalars(sa.select(User).order_by(User.email))).all()
    assert [it.email for it in rows] == [ANN, BOB]
    assert not any(it.is_superuser or it.scopes or it.email_verified_at for it in rows)
    assert all(it.is_active for it in rows)


# Odd texts


def long_address(characters: int) -> str:
    """An address of so many characters."""
    labels = ".".join(letter * 62 for letter in "bcd")
    return f"a@{labels}.{'e' * (characters - len(labels) - 7)}.com"


EMAILS: dict[str, tuple[Any, int]] = {
    "empty": ("", 422),
    "blank": (" ", 422),
    "number": (1, 422),
    "list": ([ANN], 422),
    "object": ({"$ne": None}, 422),
    "true": (True, 422),
    "no at": ("ann.example.com", 422),
    "two ats": ("a@b@example.com", 422),
    "display name": ("Ann <new@example.com>", 422),
    "quoted": ('"a b"@example.com', 422),
    "two addresses": ("new@example.com,evil@example.com", 422),
    "CR LF": ("new@example.com\r\nBcc: evil@example.com", 422),
    "newline": ("new@example.com\n", 422),
    "NUL": ("new\x00@example.com", 422),
    "lone surrogate": ("\ud800@example.com", 422),
    "RTL": ("\u202enew@example.com", 422),
    "zero width": ("ne\u200bw@example.com", 422),
    "IP address": ("new@[127.0.0.1]", 422),
    "one label": ("new@localhost", 422),
    "255 characters": (long_address(255), 422),
    "1 MB": ("a" * 1_000_000 + "@example.com", 422),
    "1 MB of domain": ("a@" + "b." * 500_000 + "com", 422),
    "key too long": ("ﷺ" * 60 + "@example.com", 422),
    "taken": (ANN, 409),
    "taken, upper case": ("ANN@EXAMPLE.COM", 409),
    "taken, full width": ("ａnn@example.com", 409),
    "taken, full-width domain": ("ann@ｅｘａｍｐｌｅ.com", 409),
    "taken, ligature": ("ﬁne@example.com", 409),
    "taken, sharp s": ("straße@example.com", 409),
    "plus": ("ann+1@example.com", 201),
    "umlaut": ("jürgen@bücher.example.com", 201),
    "dotless i": ("bıb@example.com", 201),
    "long name": ("a" * 65 + "@example.com", 201),
    "254 characters": (long_address(254), 201),
}


@cases(EMAILS)
async def test_odd_addresses(nobody: Client, case: tuple[Any, int]) -> None:
    """Is each address taken, refused or found taken, alike by both ways to an account?"""
    email, status = case
    for other in ("fine@example.com", "strasse@example.com"):
        await sign_up(nobody, other)
    content, headers = json.dumps({**NEW, "email": email}), {"content-type": JSON}
    for path in ("/auth/register", "/users"):
        answer = await nobody.post(path, content=content, headers=headers)
        assert answer.status_code == status, (path, answer.text)
        status = 409 if status == 201 else status
    if case[1] == 201:
        form = {"username": email, "password": PASSWORD}
        assert (await nobody.post("/auth/login", data=form)).status_code == 200


NO_TEXT = {"NUL", "lone surrogate"}


@cases({name: (name, email) for name, (email, _) in EMAILS.items() if isinstance(email, str)})
async def test_odd_addresses_of_others(nobody: Client, case: tuple[str, str]) -> None:
    """Is a login with an odd name 401, or 422 for what is no text, and is no mail sent?"""
    name, email = case
    headers = {"content-type": JSON}
    login = json.dumps({"username": email, "password": "wrong"})
    answer = await nobody.post("/auth/login", content=login, headers=headers)
    expected = 413 if len(email) > 16_000 else 422 if name in NO_TEXT else 401
    assert answer.status_code == expected
    content = json.dumps({"email": email})
    answer = await nobody.post("/auth/forgot-password", content=content, headers=headers)
    assert answer.status_code == (422 if EMAILS[name][1] == 422 else 202)
    assert {it.email for it in mailbox.notices} <= {ANN}


PASSWORDS: dict[str, tuple[Any, int]] = {
    "empty": ("", 422),
    "7 characters": ("x7!kQ2z", 422),
    "8 characters": ("x7!kQ2zB", 201),
    "8 spaces": (" " * 8, 201),
    "number": (12345678, 422),
    "list": (["x7!kQ2zB"], 422),
    "null": (None, 422),
    "NUL": ("x7!kQ2zB\x00", 422),
    "lone surrogate": ("x7!kQ2zB\ud800", 422),
    "RTL": ("\u202ex7!kQ2zB", 201),
    "emoji": ("🙂" * 8, 201),
    "1024 bytes": ("x" * 1024, 201),
    "1025 bytes": ("x" * 1025, 422),
    "1024 bytes in 256 characters": ("🙂" * 256, 201),
    "1028 bytes in 257 characters": ("🙂" * 257, 422),
    "1 MB": ("x" * 1_000_000, 422),
    "common": ("password", 422),
    "common, upper case": ("PASSWORD", 422),
    "own address": (NEW["email"], 422),
    "own name": ("new", 422),
    "own address, upper case": (NEW["email"].upper(), 422),
}


@cases(PASSWORDS)
async def test_odd_passwords(nobody: Client, case: tuple[Any, int]) -> None:
    """Is each password taken as it is, or refused and not repeated?"""
    password, status = case
    answer = await nobody.post(
        "/auth/register",
        content=json.dumps({**NEW, "password": password}),
        headers={"content-type": JSON},
    )
    assert answer.status_code == status, answer.text
    if status != 201:
        assert not (isinstance(password, str) and len(password) > 8 and password in answer.text)
        return
    for given, expected in ((password, 200), (password[:-1] + "\t", 401), (password[:-1], 401)):
        form = {"username": NEW["email"], "password": given}
        assert (await nobody.post("/auth/login", data=form)).status_code == expected


@cases({name: password for name, (password, _) in PASSWORDS.items() if isinstance(password, str)})
async def test_odd_passwords_of_others(nobody: Client, case: str) -> None:
    """Is a wrong password 401, or 422 or 413 for what no request can hold, and nothing else?"""
    answer = await nobody.post(
        "/auth/login",
        content=json.dumps({"username": ANN, "password": case}),
        headers={"content-type": JSON},
    )
    fits = 0 < len(case) <= 1024 and not {"\x00", "\ud800"} & {*case}
    assert answer.status_code == (401 if fits else 413 if len(case) > 16_000 else 422)
    assert len(case) < 9 or case not in answer.text


# Odd bodies


DEEP = "[" * 100_000
BODIES: dict[str, tuple[str, bytes, int]] = {
    "empty": (JSON, b"", 422),
    "null": (JSON, b"null", 422),
    "array": (JSON, b"[]", 422),
    "array of them": (JSON, b'[{"username":"a","password":"b"}]', 422),
    "text": (JSON, b'"username"', 422),
    "number": (JSON, b"1", 422),
    "NaN": (JSON, b"NaN", 422),
    "half": (JSON, b'{"username":', 422),
    "no UTF-8": (JSON, b'{"username":"\xff"}', 422),
    "UTF-16": (JSON, '{"username":"a","password":"b"}'.encode("utf-16"), 422),
    "BOM": (JSON, b'\xef\xbb\xbf{"username":"a","password":"b"}', 422),
    "15 kB deep": (JSON, DEEP[:15_000].encode(), 422),
    "deep value": (JSON, b'{"username":' + DEEP[:10_000].encode() + b"}", 422),
    "form as JSON": (JSON, b"username=a&password=b", 422),
    "JSON as form": ("application/x-www-form-urlencoded", b'{"username":"a"}', 422),
    "repeated field": ("application/x-www-form-urlencoded", b"username=a&username=b&password=c", 422),
    "repeated password": ("application/x-www-form-urlencoded", b"username=a&password=b&password=c", 422),
    "other grant": ("application/x-www-form-urlencoded", b"grant_type=client_credentials&username=a&password=b", 422),
    "broken percent": ("application/x-www-form-urlencoded", b"username=%ff&password=b", 422),
    "surrogate in a form": ("application/x-www-form-urlencoded", b"username=%ED%A0%80&password=b", 422),
    "NUL in a form": ("application/x-www-form-urlencoded", b"username=a%00&password=b", 422),
    "many fields": ("application/x-www-form-urlencoded", b"&".join(b"f%d=1" % i for i in range(50)), 422),
    "bytes in a form": ("application/x-www-form-urlencoded", b"username=\xff", 422),
    "1 MB": (JSON, b'{"username":"' + b"a" * 1_000_000 + b'"}', 413),
    "1 MB form": ("application/x-www-form-urlencoded", b"username=" + b"a" * 1_000_000, 413),
    "text type": ("text/plain", b'{"username":"a","password":"b"}', 415),
    "XML": ("application/xml", b"<a/>", 415),
    "multipart": ("multipart/form-data; boundary=x", b"--x--", 415),
    "no type": ("", b'{"username":"a","password":"b"}', 415),
    "JSON-like type": ("application/jsonp", b"{}", 415),
    "two types": ("application/json, text/plain", b"{}", 415),
    "odd type": ("\xff/\x00", b"{}", 415),
}  # fmt: skip


@cases(BODIES)
async def test_odd_bodies_of_a_login(victim: Victim, case: tuple[str, bytes, int]) -> None:
    """Is each body that is no login 4xx of its kind?"""
    media, body, status = case
    headers = [(b"content-type", media.encode("latin-1"))]
    answer = await victim[0].post("/auth/login", content=body, headers=headers)
    assert problem(answer)[0] == status


PATHS = [
    ("POST", "/auth/register"), ("POST", "/auth/refresh"), ("POST", "/auth/logout"),
    ("PATCH", "/auth/me"), ("POST", "/auth/change-password"), ("POST", "/auth/change-email"),
    ("POST", "/auth/verify"), ("POST", "/auth/reset-password"), ("POST", "/auth/forgot-password"),
    ("POST", "/auth/request-verify-token"), ("POST", "/auth/api-keys"), ("POST", "/users"),
]  # fmt: skip
MORE_BODIES: dict[str, tuple[str, bytes, int]] = {
    "100 kB deep": (JSON, DEEP.encode(), 400),
    "deep objects": (JSON, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
    "long number": (JSON, b'{"email":' + b"9" * 10_000 + b"}", 400),
    "array": (JSON, b"[{}]", 422),
    "NaN": (JSON, b'{"email":NaN}', 422),
    "no UTF-8": (JSON, b'{"email":"\xff"}', 400),
    "1 MB": (JSON, b'{"email":"' + b"a" * 1_000_000 + b'"}', 422),
    "form": ("application/x-www-form-urlencoded", b"email=a", 415),
    "text": ("text/plain", b"{}", 415),
    "no type": ("", b"{}", 415),
}


@cases(MORE_BODIES)
async def test_odd_bodies_elsewhere(victim: Victim, case: tuple[str, bytes, int]) -> None:
    """Is each odd body 4xx of its kind at every endpoint, for a caller who is known?"""
    client, claims = victim
    media, body, status = case
    token = forging.forged(header_of(), claims, signed)
    headers = {"content-type": media, "authorization": f"Bearer {token}"}
    for method, path in PATHS:
        answer = await client.request(method, path, content=body, headers=headers)
        assert problem(answer)[0] == status, path


# Guessing


async def test_guessing_waits_and_strangers_lock_nobody_out(lite: Database, ann: Client) -> None:
    """Does the sixth guess wait, at one address and for one account, while its owner gets in?"""
    there, here = at(lite, "10.0.0.7"), at(lite, "10.0.0.8")
    form = {"username": ANN, "password": PASSWORD}
    for guess in range(5):
        wrong = {**form, "password": f"guess {guess}"}
        assert problem(await there.post("/auth/login", data=wrong)) == CREDENTIALS
    for again in (
        form,
        {**form, "username": "ANN@example.com"},
        {**form, "username": "ａnn@example.com"},
    ):
        answer = await there.post("/auth/login", data=again)
        assert problem(answer) == (429, "too_many_attempts")
        assert int(answer.headers["retry-after"]) >= 1
    assert (await there.post("/auth/login", data={**form, "username": BOB})).status_code == 200
    assert (await here.post("/auth/login", data=form)).status_code == 200
    assert (await there.post("/auth/login", data=form)).status_code == 429


async def test_unknown_accounts_wait_alike(lite: Database, ann: Client) -> None:
    """Does waiting not tell which accounts there are?"""
    there = at(lite, "10.0.0.7")
    answers: dict[str, list[tuple[int, bytes]]] = {}
    for email in (ANN, "unknown@example.com"):
        form = {"username": email, "password": "wrong"}
        several = [await there.post("/auth/login", data=form) for _ in range(7)]
        answers[email] = [(it.status_code, it.content) for it in several]
    assert [status for status, _ in answers[ANN]] == [401] * 5 + [429] * 2
    assert answers[ANN] == answers["unknown@example.com"]


async def test_many_accounts_from_one_address_wait(lite: Database, serve: Serve) -> None:
    """Does an address wait that tries one password at many accounts, and no other address?"""
    app = app_with(max_address_failures=10)
    there, here = at(lite, "10.0.0.7", app), at(lite, "10.0.0.8", app)
    statuses = [
        (await there.post("/auth/login", data={"username": f"u{i}@e.com", "password": "x"}))
        .status_code for i in range(11)
    ]  # fmt: skip
    assert statuses == [401] * 10 + [429]
    form = {"username": "u0@e.com", "password": "x"}
    assert (await here.post("/auth/login", data=form)).status_code == 401


async def test_a_success_does_not_pay_for_guesses(lite: Database, ann: Client) -> None:
    """Can somebody who logs in as Bob in between not guess at Ann any longer?"""
    app = app_with(max_address_failures=10)
    there = at(lite, "10.0.0.7", app)
    statuses: list[int] = []
    for guess in range(12):
        form = {"username": ANN, "password": f"guess {guess}"}
        statuses.append((await there.post("/auth/login", data=form)).status_code)
        await there.post("/auth/login", data={"username": BOB, "password": PASSWORD})
    assert statuses == [401] * 5 + [429] * 7


async def test_guesses_at_once_are_counted(client: Client) -> None:
    """Do many guesses at the same time not get past the count?"""
    await sign_up(client)
    form = {"username": ANN, "password": "wrong"}
    answers = await asyncio.gather(*(client.post("/auth/login", data=form) for _ in range(12)))
    statuses = [it.status_code for it in answers]
    assert {*statuses} == {401, 429}
    assert statuses.count(401) <= 5


async def test_waiting_ends(nobody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Does the right password get in after the wait, and does the wait double otherwise?"""
    clock = stopped_clock(monkeypatch, "throttle")
    form = {"username": ANN, "password": PASSWORD}
    for _ in range(5):
        await nobody.post("/auth/login", data={**form, "password": "wrong"})
    for wait in (1, 2, 4):
        answer = await nobody.post("/auth/login", data={**form, "password": "wrong"})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, str(wait))
        clock.move(seconds=wait)
        answer = await nobody.post("/auth/login", data={**form, "password": "wrong"})
        assert answer.status_code == 401
    clock.move(seconds=8)
    assert (await nobody.post("/auth/login", data=form)).status_code == 200


async def test_mails_are_slowed_down(lite: Database, ann: Client) -> None:
    """Is a mailbox not flooded, its owner not kept from a link, and a flooder told to wait?"""
    app = app_with(max_address_failures=8)
    there, here = at(lite, "10.0.0.7", app), at(lite, "10.0.0.8", app)
    asked = [await there.post("/auth/forgot-password", json={"email": ANN}) for _ in range(8)]
    assert [it.status_code for it in asked] == [202] * 8
    assert len(mailbox.notices) == 5
    for email in (ANN, BOB, "unknown@example.com"):
        answer = await there.post("/auth/forgot-password", json={"email": email})
        assert problem(answer) == (429, "too_many_attempts")
    await here.post("/auth/forgot-password", json={"email": ANN})
    assert len(mailbox.notices) == 6


# Accounts that end


@cases(["deactivated", "deleted", "by itself"])
async def test_nothing_works_for_an_account_that_ended(
    client: Client, users: Database, case: str
) -> None:
    """Are access token, refresh token, API key and links dead with their account?"""
    user = await sign_up(client)
    pair = await log_in(client)
    key = await make_key(client, pair)
    await client.post("/auth/forgot-password", json={"email": ANN})
    if case == "deactivated":
        await set_columns(users, user, is_active=False)
    elif case == "deleted":
        async with users.session() as session:
            await session.execute(sa.delete(User).where(User.email == ANN))
    else:
        path = f"/users/{user['id']}"
        assert (await client.delete(path, headers=bearer(pair))).status_code == 204
    for headers in (bearer(pair), key):
        for path in ("/auth/me", "/users", "/auth/sessions"):
            assert problem(await client.get(path, headers=headers)) == UNKNOWN_CALLER
    answer = await client.post("/auth/refresh", json=rotating(pair))
    assert problem(answer) == (401, "invalid_refresh_token")
    assert (await client.post("/auth/logout", json=rotating(pair))).status_code == 204
    body = {"token": mailbox.token("reset"), "new_password": OTHER_PASSWORD}
    assert problem(await client.post("/auth/reset-password", json=body)) == GONE
    form = {"username": ANN, "password": PASSWORD}
    assert problem(await client.post("/auth/login", data=form)) == CREDENTIALS
    mailbox.notices.clear()
    assert (await client.post("/auth/forgot-password", json={"email": ANN})).status_code == 202
    assert mailbox.notices == []


CHANGES: dict[str, tuple[str, str, dict[str, str]]] = {
    "change-password": ("POST", "/auth/change-password", {"new_password": OTHER_PASSWORD}),
    "PATCH me": ("PATCH", "/auth/me", {"password": OTHER_PASSWORD}),
    "PATCH user": ("PATCH", "/users/{mine}", {"password": OTHER_PASSWORD}),
    "PUT user": (
        "PUT", "/users/{mine}", {"email": ANN, "name": "Ann", "password": OTHER_PASSWORD},
    ),
    "address": ("PATCH", "/users/{mine}", {"email": "new@example.com"}),
}  # fmt: skip


@cases(CHANGES)
async def test_a_thief_is_out_after_a_change(
    client: Client, users: Database, case: tuple[str, str, dict[str, str]]
) -> None:
    """Do all other logins and all links end with the password, or address, that opened them?"""
    await sign_up(client)
    mine, thiefs = await log_in(client), await log_in(client)
    await client.post("/auth/forgot-password", json={"email": ANN})
    await client.post("/auth/request-verify-token", json={"email": ANN})
    move = {"new_email": "evil@example.com", "current_password": PASSWORD}
    await client.post("/auth/change-email", json=move, headers=bearer(thiefs))
    method, path, body = case
    answer = await client.request(
        method,
        path.format(mine=await id_of(users, ANN)),
        json={**body, "current_password": PASSWORD},
        headers=bearer(mine),
    )
    assert answer.status_code in {200, 204}
    assert (await client.get("/auth/me", headers=bearer(mine))).status_code == 200
    assert problem(await client.get("/auth/me", headers=bearer(thiefs))) == UNKNOWN_CALLER
    answer = await client.post("/auth/refresh", json=rotating(thiefs))
    assert problem(answer) == (401, "invalid_refresh_token")
    reset = {"token": mailbox.token("reset"), "new_password": "yet another password"}
    assert problem(await client.post("/auth/reset-password", json=reset)) == GONE
    for kind in ("verify", "change_email"):
        answer = await client.post("/auth/verify", json={"token": mailbox.token(kind)})
        assert problem(answer) == GONE


# Links


LINKS: dict[str, tuple[str, str]] = {
    "reset twice": ("reset", "used"),
    "verify twice": ("verify", "used"),
    "reset by verify": ("reset", "verify"),
    "verify by reset": ("verify", "reset"),
    "change of address by reset": ("change_email", "reset"),
    "reset of another address": ("reset", "moved"),
    "verify another address": ("verify", "moved"),
    "expired reset": ("reset", "expired"),
    "expired verify": ("verify", "expired"),
    "expired change of address": ("change_email", "expired"),
    "reset of a deleted user": ("reset", "deleted"),
    "verify a deleted user": ("verify", "deleted"),
    "other case": ("reset", "swapcase"),
    "cut": ("reset", "cut"),
}


@cases(LINKS)
async def test_links_are_for_one_use_of_one_kind(
    ann: Client, lite: Database, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str]
) -> None:
    """Is each link refused that was used, is for something else, or whose time is over?"""
    purpose, how = case
    clock = stopped_clock(monkeypatch, "mails")
    me = (await ann.get("/auth/me")).json()
    asks = {
        "reset": ("/auth/forgot-password", {"email": ANN}),
        "verify": ("/auth/request-verify-token", {"email": ANN}),
        "change_email": (
            "/auth/change-email",
            {"new_email": "new@example.com", "current_password": PASSWORD},
        ),
    }
    path, body = asks[purpose]
    assert (await ann.post(path, json=body)).status_code == 202
    token = mailbox.token(purpose)
    by_reset = ("/auth/reset-password", {"new_password": OTHER_PASSWORD})
    by_verify: tuple[str, dict[str, str]] = ("/auth/verify", {})
    use, more = {"verify": by_verify, "reset": by_reset}.get(
        how, by_reset if purpose == "reset" else by_verify
    )
    if how == "used":
        assert (await ann.post(use, json={"token": token, **more})).status_code == 204
    elif how == "moved":
        await set_columns(lite, me, email="new@example.com", email_key="new@example.com")
    elif how == "expired":
        clock.move(days=1)
    elif how == "deleted":
        assert (await ann.delete(f"/users/{me['id']}")).status_code == 204
    sent = {"swapcase": "fcv_" + token[4:].swapcase(), "cut": token[:-1]}.get(how, token)
    answer = await ann.post(use, json={"token": sent, **more})
    assert problem(answer) == GONE


TAKEOVERS = {
    "full width": "ａｎｎ@example.com",
    "mathematical": "𝐚𝐧𝐧@example.com",
    "circled": "ⓐⓝⓝ@example.com",
    "upper case": "ANN@EXAMPLE.COM",
}


@cases(TAKEOVERS)
@pytest.mark.parametrize("path", ["forgot-password", "request-verify-token"])
async def test_links_go_to_nobody_else(nobody: Client, path: str, case: str) -> None:
    """Is no link sent to a mailbox whose name only looks like the account's (CVE-2019-19844)?"""
    answer = await nobody.post(f"/auth/{path}", json={"email": case})
    assert answer.status_code in {202, 422}
    assert {it.email for it in mailbox.notices} <= {ANN}


# Privileges


SUPERUSER_ONLY: dict[str, tuple[str, str, Any]] = {
    "rename Bob": ("PATCH", "/users/{bob}", {"name": "Evil"}),
    "delete Bob": ("DELETE", "/users/{bob}", None),
}


@cases(SUPERUSER_ONLY)
@pytest.mark.parametrize(
    ("how", "expected"),
    [
        pytest.param("inactive", UNKNOWN_CALLER, id="inactive superuser"),
        pytest.param("limited", (403, "insufficient_scope"), id="superuser by a limited login"),
        pytest.param("key", (403, "insufficient_scope"), id="superuser by an API key"),
        pytest.param("former", (403, "forbidden"), id="former superuser"),
    ],
)
async def test_who_is_no_superuser_now(
    ann: Client,
    lite: Database,
    case: tuple[str, str, Any],
    how: str,
    expected: tuple[int, str],
) -> None:
    """Does a superuser's power end with the account, the mark, or by a token that is limited?"""
    me = {"id": await id_of(lite, ANN)}
    await set_columns(lite, me, is_superuser=True, scopes=["a"])
    headers = dict(ann.headers)
    if how == "key":
        headers |= await make_key(ann, token_of(ann), "a")
    elif how == "limited":
        form = {"username": ANN, "password": PASSWORD, "scope": "a"}
        headers |= bearer((await ann.post("/auth/login", data=form)).json())
    else:
        changes = {"is_active": False} if how == "inactive" else {"is_superuser": False}
        await set_columns(lite, me, **changes)
    method, path, body = case
    path = path.format(bob=await id_of(lite, BOB))
    lowered = {k.lower(): v for k, v in headers.items()}
    answer = await ann.request(method, path, json=body, headers=lowered)
    assert problem(answer) == expected
    assert (await user_row(lite, BOB)).name == "Somebody"


LOGIN_ONLY = {
    "change-password": ("POST", "/auth/change-password"),
    "change-email": ("POST", "/auth/change-email"),
    "logout-all": ("POST", "/auth/logout-all"),
    "sessions": ("GET", "/auth/sessions"),
    "end session": ("DELETE", f"/auth/sessions/{uuid4()}"),
    "me": ("PATCH", "/auth/me"),
    "list keys": ("GET", "/auth/api-keys"),
    "make a key": ("POST", "/auth/api-keys"),
    "revoke a key": ("DELETE", f"/auth/api-keys/{uuid4()}"),
}


@cases(LOGIN_ONLY)
async def test_a_stolen_key_does_not_take_the_account(ann: Client, case: tuple[str, str]) -> None:
    """Is an API key refused where a login is needed, with the right password as well?"""
    key = await make_key(ann, token_of(ann))
    body = {
        "current_password": PASSWORD, "new_password": OTHER_PASSWORD, "name": "key",
        "new_email": "evil@example.com",
    }  # fmt: skip
    fields = {
        "/auth/change-password": {"current_password", "new_password"},
        "/auth/change-email": {"current_password", "new_email"},
    }.get(case[1], {"name"})
    sent = {name: value for name, value in body.items() if name in fields}
    answer = await ann.request(*case, json=sent, headers=key)
    assert problem(answer) == (403, "insufficient_scope")


KEY_SCOPES: dict[str, tuple[list[str], int]] = {
    "none": ([], 201),
    "mine": (["a"], 201),
    "another's": (["b"], 403),
    "mine and another's": (["a", "b"], 403),
    "every": (["*"], 403),
    "two in one": (["a b"], 422),
    "quoted": (['a"'], 422),
}


@cases(KEY_SCOPES)
async def test_a_key_may_no_more_than_its_user(
    ann: Client, lite: Database, case: tuple[list[str], int]
) -> None:
    """Is no key made with more scopes than its user has, nor one that keeps what was taken?"""
    scopes, status = case
    await set_columns(lite, {"id": await id_of(lite, ANN)}, scopes=["a"])
    answer = await ann.post("/auth/api-keys", json={"name": "key", "scopes": scopes})
    assert answer.status_code == status
    assert (await ann.get("/auth/api-keys")).json()["total"] == int(status == 201)


# No secret leaves


class Tour:
    """Does everything that there is, rightly and wrongly, and keeps the answers and the secrets."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.answers: list[httpx2.Response] = []
        self.secrets = {PASSWORD, OTHER_PASSWORD, "wrong password"}

    async def send(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Send a request: what was answered, as JSON."""
        answer = await self.client.request(method, path, json=body, **more)
        self.answers.append(answer)
        self.secrets |= {it.token for it in mailbox.notices if it.token}
        said: dict[str, Any] = answer.json() if answer.content else {}
        self.secrets |= {said[it] for it in ("access_token", "refresh_token", "key") if it in said}
        return said

    async def log_in(self, password: str = PASSWORD, **more: str) -> dict[str, str]:
        """Log in: the headers of requests."""
        form = {"username": ANN, "password": password, **more}
        said = await self.send("POST", "/auth/login", data=form)
        return {"Authorization": f"Bearer {said.get('access_token')}"}

    async def accounts(self) -> None:
        """Open accounts, and fail to."""
        for path in ("/auth/register", "/users"):
            for change in ({}, {"password": 7}, {"x": PASSWORD}, {"password": "password1"}):
                body = {"name": "Ann", "password": PASSWORD, "email": ANN, **change}
                await self.send("POST", path, body)
        await self.send("GET", "/users", params={"password": PASSWORD})

    async def logins(self) -> None:
        """Log in, stay and leave, and fail to."""
        await self.log_in("wrong password")
        await self.log_in(scope=f'"{PASSWORD}"')
        await self.send(
            "POST", "/auth/login", {"username": ANN, "password": PASSWORD, "x": PASSWORD}
        )
        first = await self.send("POST", "/auth/login", data={"username": ANN, "password": PASSWORD})
        second = await self.send("POST", "/auth/refresh", rotating(first))
        await self.send("GET", "/auth/sessions", headers=bearer(second))
        key = await self.send("POST", "/auth/api-keys", {"name": "key"}, headers=bearer(second))
        await self.send("GET", "/auth/api-keys", headers=bearer(second))
        await self.send("GET", "/users", headers={"Authorization": f"Bearer {key['key']}"})
        await self.send("DELETE", f"/auth/api-keys/{key['id']}", headers=bearer(second))
        await self.send("POST", "/auth/refresh", rotating(first))
        await self.send("POST", "/auth/logout", rotating(second))
        await self.send("GET", "/auth/me", headers=bearer(second))

    async def links(self) -> None:
        """Ask for links, and follow each twice."""
        mine = {"headers": await self.log_in()}
        move = {"current_password": PASSWORD, "new_email": "new@example.com"}
        await self.send("POST", "/auth/request-verify-token", {"email": ANN})
        await self.send("POST", "/auth/forgot-password", {"email": ANN})
        await self.send("POST", "/auth/change-email", {**move, "new_email": PASSWORD}, **mine)
        await self.send("POST", "/auth/change-email", move, **mine)
        for _ in range(2):
            await self.send("POST", "/auth/verify", {"token": mailbox.token("verify")})
            for new in ("password1", PASSWORD):
                reset = {"token": mailbox.token("reset"), "new_password": new}
                await self.send("POST", "/auth/reset-password", reset)

    async def changes(self) -> None:
        """Change the password there and back, and guess until it is too often."""
        mine = {"headers": await self.log_in()}
        there = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
        for current in ("wrong password", PASSWORD):
            await self.send(
                "POST", "/auth/change-password", {**there, "current_password": current}, **mine
            )
        back = {"current_password": OTHER_PASSWORD, "password": PASSWORD}
        for current in ("wrong password", OTHER_PASSWORD):
            await self.send("PATCH", "/auth/me", {**back, "current_password": current}, **mine)
        await self.send("POST", "/auth/logout-all", **mine)
        for _ in range(6):
            await self.log_in("wrong password")


async def test_no_secret_is_found_anywhere(
    client: Client, users: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """Is no password, hash or token in a log or a refusal, and none in clear in a table?"""
    caplog.set_level(logging.DEBUG)
    for chatty in ("aiosqlite", "sqlalchemy", "asyncio", "httpx2"):  # not the app itself
        caplog.set_level(logging.WARNING, chatty)
    tour = Tour(client)
    for part in (tour.accounts, tour.logins, tour.links, tour.changes):
        await part()
    (stored_hash,) = {(await user_row(users)).hashed_password}
    statuses = [it.status_code for it in tour.answers]
    assert {*statuses} == {200, 201, 202, 204, 400, 401, 409, 422, 429}
    refusals = "".join(it.text + str(it.headers) for it in tour.answers if it.status_code >= 400)
    shown = "".join(it.text for it in tour.answers)
    logged = caplog.text + "".join(str(vars(it)) for it in caplog.records)
    stored = await everything_in(users)
    assert len(tour.secrets) >= 15
    for secret in tour.secrets:
        assert secret not in refusals
        assert secret not in logged
        assert secret not in stored
    assert stored_hash in stored
    assert stored_hash not in shown + logged
    assert not any(it in shown for it in (PASSWORD, OTHER_PASSWORD, "wrong password"))
    assert [it for it in caplog.records if it.name == "fastapi_crud.auth"]
