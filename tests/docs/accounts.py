"""What the tests of examples with accounts have in common: people who come in."""

from typing import Any

from tests.conftest import Client

API = "/api/v1"
PASSWORD = "correct horse battery"
ANN = "ann@example.com"


async def sign_up(client: Client, email: str = ANN, **more: Any) -> dict[str, Any]:
    """Open an account; what was answered."""
    body = {"email": email, "password": PASSWORD, **more}
    answer = await client.post(f"{API}/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    user: dict[str, Any] = answer.json()
    return user


async def log_in(client: Client, email: str = ANN, **more: str) -> dict[str, str]:
    """Log in; the headers of what is asked then."""
    form = {"username": email, "password": PASSWORD, **more}
    answer = await client.post(f"{API}/auth/login", data=form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def ask(client: Client, path: str, status: int, **body: str) -> Any:
    """Send a body to an endpoint of auth, which answers as expected."""
    answer = await client.post(f"{API}/auth/{path}", json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def post(client: Client, path: str, headers: dict[str, str], **body: Any) -> Any:
    """Send a body as somebody."""
    return await client.post(path, json=body, headers=headers)
