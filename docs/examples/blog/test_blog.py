"""Tests of the blog; another blog with the same endpoints passes them as well."""

from typing import Any

import httpx2
import pytest

from fastapi_crud.tasks import EmailMessage
from fastapi_crud.testing import Accounts, Outbox

ANN = {"email": "ann@example.com", "name": "Ann", "password": "password123"}
Headers = dict[str, str]


@pytest.fixture
async def other_headers(make_user: Accounts) -> Headers:
    return await make_user.log_in(await make_user(name="Bob"))


@pytest.fixture
async def post(client: httpx2.AsyncClient, auth_headers: Headers) -> dict[str, Any]:
    tag = await client.post("/tags", json={"name": "cats"}, headers=auth_headers)
    body = {"title": "Of cats", "body": "They sleep.", "tag_ids": [tag.json()["id"]]}
    answer = await client.post("/posts", json=body, headers=auth_headers)
    assert answer.status_code == 201
    post: dict[str, Any] = answer.json()
    return post


@pytest.mark.parametrize("path", ["/register", "/users"])
async def test_a_new_user_is_welcomed(
    client: httpx2.AsyncClient, outbox: Outbox, mails: list[EmailMessage], path: str
) -> None:
    assert (await client.post(path, json=ANN)).status_code == 201
    await outbox.run()
    assert [(mail.to, mail.text) for mail in mails] == [("ann@example.com", "Hello Ann!")]
    form = {"username": ANN["email"], "password": ANN["password"]}
    token = (await client.post("/login", data=form)).json()["access_token"]
    me = await client.get("/me", headers={"Authorization": f"Bearer {token}"})
    assert me.json()["name"] == "Ann"


async def test_everybody_reads(client: httpx2.AsyncClient, post: dict[str, Any]) -> None:
    assert (await client.get(f"/posts/{post['id']}")).json()["title"] == "Of cats"
    assert (await client.get("/posts")).json()["total"] == 1


async def test_only_users_write(client: httpx2.AsyncClient) -> None:
    for path, body in (
        ("/posts", {"title": "a", "body": "b"}),
        ("/comments", {"post_id": 1, "text": "a"}),
        ("/tags", {"name": "a"}),
    ):
        assert (await client.post(path, json=body)).status_code == 401


async def test_only_the_author_changes(
    client: httpx2.AsyncClient,
    post: dict[str, Any],
    auth_headers: Headers,
    other_headers: Headers,
) -> None:
    path, change = f"/posts/{post['id']}", {"title": "Of dogs"}
    assert (await client.patch(path, json=change)).status_code == 401
    assert (await client.patch(path, json=change, headers=other_headers)).status_code == 403
    assert (await client.delete(path, headers=other_headers)).status_code == 403
    changed = await client.patch(path, json=change, headers=auth_headers)
    assert changed.json()["title"] == "Of dogs"
    assert (await client.delete(path, headers=auth_headers)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_posts_are_searched_and_filtered(
    client: httpx2.AsyncClient, post: dict[str, Any], auth_headers: Headers
) -> None:
    other = {"title": "Of dogs", "body": "They bark."}
    await client.post("/posts", json=other, headers=auth_headers)
    for query, found in (
        ({"search": "sleep"}, ["Of cats"]),
        ({"search": "BARK"}, ["Of dogs"]),
        ({"tags__name": "cats"}, ["Of cats"]),
        ({"author_id": post["author_id"], "sort": "-title"}, ["Of dogs", "Of cats"]),
    ):
        items = (await client.get("/posts", params=query)).json()["items"]
        assert [item["title"] for item in items] == found


async def test_a_post_comes_with_what_belongs_to_it(
    client: httpx2.AsyncClient, post: dict[str, Any], other_headers: Headers
) -> None:
    comment = {"post_id": post["id"], "text": "Mine does not."}
    created = await client.post("/comments", json=comment, headers=other_headers)
    assert created.status_code == 201
    params = {"include": "author,tags,comments"}
    shown = (await client.get(f"/posts/{post['id']}", params=params)).json()
    assert shown["author"]["name"] == "Name 1"
    assert "email" not in shown["author"]
    assert [tag["name"] for tag in shown["tags"]] == ["cats"]
    assert [it["text"] for it in shown["comments"]] == ["Mine does not."]
    page = await client.get("/comments", params={"post_id": post["id"]})
    assert page.json()["total"] == 1
    missing = {**comment, "post_id": 10**6}
    refused = await client.post("/comments", json=missing, headers=other_headers)
    assert refused.status_code == 409
