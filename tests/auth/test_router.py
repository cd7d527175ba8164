"""The endpoints of accounts and logins: there, documented, and found wherever they are mounted."""

from tests.auth.world import ANN, bearer, log_in, sign_up
from tests.conftest import Client


async def test_the_way_in_and_out(client: Client) -> None:
    """Does who signs up get in, stay in and get out?"""
    user = await sign_up(client)
    pair = await log_in(client)
    me = await client.get("/auth/me", headers=bearer(pair))
    assert (me.status_code, me.json()["email"]) == (200, ANN)
    assert me.json() == user
    again = (
        await client.post("/auth/refresh", json={"refresh_token": pair["refresh_token"]})
    ).json()
    gone = await client.post("/auth/logout", json={"refresh_token": again["refresh_token"]})
    assert gone.status_code == 204
    late = await client.get("/auth/me", headers=bearer(again))
    assert (late.status_code, late.headers["www-authenticate"]) == (
        401,
        'Bearer error="invalid_token"',
    )
