"""The examples about accounts do what their pages say."""

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Self, get_args, get_type_hints
from uuid import UUID

import pytest
import sqlalchemy as sa

from fastapi_crud import Database, UTCDateTime
from fastapi_crud.auth import Notice
from tests.conftest import Client
from tests.docs.accounts import ANN, API, PASSWORD, ask, log_in, post, sign_up
from tests.docs.conftest import DOCS, Load, Visit

HOW_TO = DOCS / "how-to"


@pytest.mark.parametrize(
    ("who", "statuses"),
    [
        ("nobody", (200, 401, 401, 401, 401)),
        ("reader", (200, 403, 403, 403, 403)),
        ("writer", (200, 201, 200, 403, 403)),
        ("editor", (200, 201, 200, 204, 200)),
        ("superuser", (200, 201, 200, 204, 200)),
    ],
)
async def test_roles_and_scopes_say_who_may_do_what(
    visit: Visit, load: Load, who: str, statuses: tuple[int, ...]
) -> None:
    """Is the table of the page true?"""
    async with visit("roles_and_scopes") as client:
        await set_article(load("roles_and_scopes").db)
        headers = await in_role(client, load, who)
        answers = [
            await client.get(f"{API}/articles/1", headers=headers),
            await client.post(f"{API}/articles", json={"title": "b"}, headers=headers),
            await client.patch(f"{API}/articles/1", json={"text": "c"}, headers=headers),
            await client.delete(f"{API}/articles/1", headers=headers),
            await client.get(f"{API}/drafts", headers=headers),
        ]
        assert tuple(answer.status_code for answer in answers) == statuses


@pytest.mark.parametrize(
    ("who", "sees", "publishes"),
    [("nobody", False, None), ("writer", True, False), ("editor", True, True)],
)
async def test_roles_and_scopes_decide_on_columns(
    visit: Visit,
    load: Load,
    who: str,
    sees: bool,
    publishes: bool | None,
) -> None:
    """Are remarks there for writers, and may editors publish?"""
    async with visit("roles_and_scopes") as client:
        await set_article(load("roles_and_scopes").db)
        headers = await in_role(client, load, who)
        shown = (await client.get(f"{API}/articles/1", headers=headers)).json()
        assert ("remarks" in shown) is sees
        if publishes is not None:
            body = {"published": True}
            changed = await client.patch(f"{API}/articles/1", json=body, headers=headers)
            assert changed.json()["published"] is publishes


async def test_roles_and_scopes_are_given_by_superusers(visit: Visit, load: Load) -> None:
    """May a superuser, and nobody else, give roles and close accounts, at once?"""
    async with visit("roles_and_scopes") as client:
        bob = await sign_up(client, "bob@example.com")
        bobs = await log_in(client, "bob@example.com")
        boss = await in_role(client, load, "superuser")
        path = f"{API}/users/{bob['id']}"

        for change in ({"role": "editor"}, {"scopes": ["articles:publish"]}):
            mine = await client.patch(f"{API}/auth/me", json=change, headers=bobs)
            assert (mine.status_code, mine.json()["role"]) == (200, "reader")
            assert (await client.patch(path, json=change, headers=bobs)).status_code == 403
            assert (await client.get(f"{API}/drafts", headers=bobs)).status_code == 403
            assert (await client.patch(path, json=change, headers=boss)).status_code == 200
            assert (await client.get(f"{API}/drafts", headers=bobs)).status_code == 200
            await client.patch(path, json={"role": "reader", "scopes": []}, headers=boss)

        await client.patch(path, json={"is_active": False}, headers=boss)
        assert (await client.get(f"{API}/auth/me", headers=bobs)).status_code == 401


async def test_roles_and_scopes_limit_a_login(visit: Visit, load: Load) -> None:
    """Does a login that asks for one scope get no more, even that of a superuser?"""
    async with visit("roles_and_scopes") as client:
        await in_role(client, load, "superuser")
        headers = await log_in(client, scope="articles:write")
        written = await client.post(f"{API}/articles", json={"title": "b"}, headers=headers)
        assert written.status_code == 201
        assert (await client.get(f"{API}/drafts", headers=headers)).status_code == 403
        assert (await client.get(f"{API}/users", headers=headers)).status_code == 403


async def test_make_superuser_needs_an_account(visit: Visit, load: Load) -> None:
    """Does the script say so where nobody has registered?"""
    async with visit("roles_and_scopes"):
        with pytest.raises(SystemExit, match="nobody has registered"):
            await load("make_superuser").make_superuser(ANN)


@pytest.mark.parametrize(
    ("who", "reads", "reads_archived", "changes"),
    [
        ("ann", 200, 404, 200),
        ("bob", 200, 404, 403),
        ("max", 200, 200, 200),
        ("eve", 404, 404, 404),
        ("", 401, 401, 401),
    ],
)
async def test_owners_and_tenants_are_kept_apart(
    visit: Visit, load: Load, who: str, reads: int, reads_archived: int, changes: int
) -> None:
    """Is the table of the page true for a document of Ann?"""
    async with visit("owners_and_tenants") as client:
        people = await settle(client, load)
        path = f"{API}/documents"
        document = f"{path}/{(await post(client, path, people['ann'], title='a')).json()['id']}"
        headers = people.get(who, {})

        assert (await client.get(document, headers=headers)).status_code == reads
        listed = await client.get(path, headers=headers)
        if who:
            assert listed.json()["total"] == (1 if reads == 200 else 0)
        changed = await client.patch(document, json={"title": "b"}, headers=headers)
        assert changed.status_code == changes

        await client.patch(document, json={"state": "archived"}, headers=people["max"])
        assert (await client.get(document, headers=headers)).status_code == reads_archived
        await client.patch(document, json={"state": "draft"}, headers=people["max"])
        deleted = await client.delete(document, headers=headers)
        assert deleted.status_code == (204 if changes == 200 else changes)


async def test_owners_and_tenants_have_columns_by_role(visit: Visit, load: Load) -> None:
    """Does a column exist for managers only, and is another one read-only for others?"""
    path = f"{API}/documents"
    async with visit("owners_and_tenants") as client:
        people = await settle(client, load)
        ann, manager = people["ann"], people["max"]
        created = (await post(client, path, ann, title="a")).json()
        assert created.keys() == {"id", "author_id", "title", "state"}
        me = (await client.get(f"{API}/auth/me", headers=ann)).json()
        assert (created["author_id"], created["state"]) == (me["id"], "draft")
        for key, value in (("cost", 1), ("state", "x"), ("author_id", "x"), ("tenant_id", 1)):
            refused = await post(client, path, ann, title="a", **{key: value})
            assert refused.json()["errors"][0]["type"] == "extra_forbidden"
        ignored = await client.patch(f"{path}/1", json={"state": "final"}, headers=ann)
        assert ignored.json()["state"] == "draft"
        assert (await client.patch(f"{path}/1", json={"cost": 1}, headers=ann)).status_code == 422
        for query in ("cost=0", "sort=cost"):
            assert (await client.get(f"{path}?{query}", headers=ann)).status_code == 422
            assert (await client.get(f"{path}?{query}", headers=manager)).status_code == 200
        change = {"cost": 5, "state": "final"}
        changed = await client.patch(f"{path}/1", json=change, headers=manager)
        assert changed.json().items() >= change.items()


async def test_owners_and_tenants_do_not_choose_their_tenant(visit: Visit, load: Load) -> None:
    """Can a user without a tenant see nothing, store nothing, and name none?"""
    async with visit("owners_and_tenants") as client:
        await settle(client, load)
        refused = await client.post(
            f"{API}/auth/register",
            json={"email": "mal@example.com", "password": PASSWORD, "tenant_id": 1},
        )
        assert refused.json()["errors"][0]["pointer"] == "#/tenant_id"
        await sign_up(client, "mal@example.com")
        mal = await log_in(client, "mal@example.com")
        kept = await client.patch(f"{API}/auth/me", json={"tenant_id": 1}, headers=mal)
        assert kept.json()["tenant_id"] is None
        assert (await client.get(f"{API}/documents", headers=mal)).json()["total"] == 0
        assert (await post(client, f"{API}/documents", mal, title="a")).status_code == 422


async def settle(client: Client, load: Load) -> dict[str, dict[str, str]]:
    """Let the people of the page log in; their headers."""
    example = load("owners_and_tenants")
    async with example.db.session() as session:
        session.add_all([example.Tenant(id=1, name="Acme"), example.Tenant(id=2, name="Globex")])
    people: dict[str, dict[str, str]] = {}
    for name, tenant, role in (
        ("ann", 1, "member"),
        ("bob", 1, "member"),
        ("max", 1, "manager"),
        ("eve", 2, "manager"),
    ):
        email = f"{name}@example.com"
        await sign_up(client, email)
        await set_columns(example, email, tenant_id=tenant, role=role)
        people[name] = await log_in(client, email)
    return people


@pytest.fixture
def outbox(load: Load, monkeypatch: pytest.MonkeyPatch) -> list[EmailMessage]:
    """The mails that the server for mails was given."""
    mails: list[EmailMessage] = []

    class Server:
        def __init__(self, host: str, timeout: int) -> None:
            assert (host, timeout) == ("localhost", 10)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def send_message(self, mail: EmailMessage) -> None:
            mails.append(mail)

    monkeypatch.setattr(load("mail_links").smtplib, "SMTP", Server)
    return mails


async def test_mail_links_verify_an_address(visit: Visit, outbox: list[EmailMessage]) -> None:
    """Is a link sent, good for one use, and the address verified then?"""
    async with visit("mail_links") as client:
        await sign_up(client)
        me = await log_in(client)
        await ask(client, "request-verify-token", 202, email="ANN@example.com")
        (mail,) = outbox
        assert (mail["To"], mail["Subject"]) == (ANN, "Verify your address")
        assert "https://example.com/verify#token=fcv_" in mail.get_content()
        assert (await client.get(f"{API}/auth/me", headers=me)).json()["email_verified_at"] is None
        await ask(client, "verify", 204, token=token_in(mail))
        shown = (await client.get(f"{API}/auth/me", headers=me)).json()
        assert shown["email_verified_at"] is not None
        again = await ask(client, "verify", 400, token=token_in(mail))
        assert again["code"] == "invalid_token"
        await ask(client, "request-verify-token", 202, email="nobody@example.com")
        assert len(outbox) == 1


async def test_mail_links_reset_a_password(visit: Visit, outbox: list[EmailMessage]) -> None:
    """Does the link set a password, end all logins, and tell the address?"""
    async with visit("mail_links") as client:
        await sign_up(client)
        me = await log_in(client)
        for email in ("nobody@example.com", ANN):
            await ask(client, "forgot-password", 202, email=email)
        token = token_in(outbox[0])
        await ask(client, "reset-password", 204, token=token, new_password="horse and battery")
        assert [mail["Subject"] for mail in outbox] == ["Reset your password", "Your password"]
        assert (await client.get(f"{API}/auth/me", headers=me)).status_code == 401
        await ask(client, "login", 401, email=ANN, password=PASSWORD)
        await ask(client, "login", 200, email=ANN, password="horse and battery")


async def test_mail_links_change_an_address(visit: Visit, outbox: list[EmailMessage]) -> None:
    """Is a link sent to the new address, news to the old one, and the change made by the link?"""
    async with visit("mail_links") as client:
        await sign_up(client)
        body = {"new_email": "ann@example.org", "current_password": PASSWORD}
        me = await log_in(client)
        answer = await client.post(f"{API}/auth/change-email", json=body, headers=me)
        assert answer.status_code == 202
        to = {mail["To"]: mail for mail in outbox}
        assert to[ANN].get_content().startswith("Somebody, hopefully you")
        await ask(client, "verify", 204, token=token_in(to["ann@example.org"]))
        await ask(client, "login", 401, email=ANN, password=PASSWORD)
        await ask(client, "login", 200, email="ann@example.org", password=PASSWORD)


def test_mail_links_have_a_text_for_each_kind(load: Load) -> None:
    """Is there a text for every kind of mail that there is, and no other?"""
    kinds = get_args(get_type_hints(Notice)["kind"])
    assert load("mail_links").TEXTS.keys() == {*kinds}


def token_in(mail: EmailMessage) -> str:
    """The token of the link in a mail."""
    text: str = mail.get_content()
    return text.partition("#token=")[2].strip()


def test_alembic_env_finds_the_tables_of_the_page(load: Load) -> None:
    """Does Alembic see the tables of auth beside those of the app?"""
    tables = load("alembic_env").target_metadata.tables
    told = re.findall(r"^\| `(\w+)` \| .* \| (.*?) ?\|$", page("auth-migrations.md"), re.MULTILINE)
    assert tables.keys() == {*dict(told), "notes"}
    for name, goes in told:
        parents = {key.column.table.name: key.ondelete for key in tables[name].foreign_keys}
        kind = {"with their user": "users", "with their login": "auth_sessions", "": None}[goes]
        assert parents == ({} if kind is None else {kind: "CASCADE"})


def test_alembic_env_has_the_columns_to_fill(load: Load) -> None:
    """Does the page name all columns that a table of users must get?"""
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ", page("auth-migrations.md"), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    users = load("alembic_env").target_metadata.tables["users"]
    needed = {column.name for column in users.c if not column.nullable} - {"id", "email", "name"}
    assert told - load("alembic_env").target_metadata.tables.keys() == needed


def test_the_import_of_migrations_is_where_the_type_is() -> None:
    """Is the type of times where migrations say it is?"""
    assert UTCDateTime.__module__ == "fastapi_crud.models"
    assert "import fastapi_crud.models" in page("auth-migrations.md")


async def test_prune_accounts_deletes_what_has_expired(
    visit: Visit, load: Load, capsys: pytest.CaptureFixture[str]
) -> None:
    """Does the script delete an expired login with its token, and nothing that works?"""
    async with visit("mail_links") as client:
        await sign_up(client)
        await log_in(client)
        me = await log_in(client)
        await load("prune_accounts").main()
        logins = (await client.get(f"{API}/auth/sessions", headers=me)).json()["items"]
        other = next(login["id"] for login in logins if not login["current"])
        example = load("mail_links")
        tables = example.auth.tables
        past = datetime(2020, 1, 1, tzinfo=UTC)
        async with example.db.session() as session:
            for table, column in ((tables.sessions, "id"), (tables.refresh_tokens, "session_id")):
                change = sa.update(table).where(table.c[column] == UUID(other))
                await session.execute(change.values(expires_at=past))
        await load("prune_accounts").main()
        left = (await client.get(f"{API}/auth/sessions", headers=me)).json()
    assert left["total"] == 1
    assert capsys.readouterr().out == "Pruned 0\nPruned 2\n"


def page(name: str) -> str:
    """The text of a how-to page."""
    return (HOW_TO / name).read_text()


async def set_article(db: Database) -> None:
    """Store a first article, behind the back of the API."""
    async with db.session() as session:
        await session.execute(sa.text("INSERT INTO articles VALUES (1, 'a', '', 0, 'short')"))


async def in_role(client: Client, load: Load, who: str) -> dict[str, str]:
    """The headers of somebody in a role."""
    if who == "nobody":
        return {}
    await sign_up(client)
    if who == "superuser":
        await load("make_superuser").make_superuser("ANN@example.com")
    else:
        await set_columns(load("roles_and_scopes"), role=who)
    return await log_in(client)


async def set_columns(example: Any, email: str = ANN, **values: Any) -> None:
    """Set columns of a user, behind the back of the API."""
    async with example.db.session() as session:
        change = sa.update(example.User).where(example.User.email == email)
        await session.execute(change.values(values))
