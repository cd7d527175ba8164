"""The example of logins by cookies does what its page says."""

from tests.docs.conftest import Load, Visit

OWN = {"Sec-Fetch-Site": "same-origin"}
OTHER = {"Sec-Fetch-Site": "same-site", "Origin": "https://app.example.com"}
EVIL = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example.com"}
ANN = {"email": "ann@example.com", "password": "correct horse battery"}


async def test_a_page_logs_in_and_writes(visit: Visit, load: Load) -> None:
    """Do cookies let pages of the app write, and pages of others not?"""
    cookies = load("cookies").auth.cookies
    async with visit("cookies") as client:
        client.base_url = "https://test"
        assert (await client.post("/auth/register", json=ANN)).status_code == 201
        entered = await client.post("/auth/cookie/login", json=ANN, headers=OWN)
        assert (entered.status_code, entered.json().keys()) == (200, {"expires_in", "scope"})
        assert {*client.cookies} == {cookies.access_name, cookies.refresh_name}
        for headers, status in ((OWN, 201), (OTHER, 201), (EVIL, 403), ({}, 403)):
            answer = await client.post("/notes", json={"text": "hello"}, headers=headers)
            assert answer.status_code == status, headers
        assert (await client.get("/notes", headers=EVIL)).json()["total"] == 2
        assert (await client.post("/auth/cookie/refresh", headers=OWN)).status_code == 200
        assert (await client.post("/auth/cookie/logout", headers=OWN)).status_code == 204
        assert (await client.get("/notes")).status_code == 401
