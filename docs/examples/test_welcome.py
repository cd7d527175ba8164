"""Tests of the mails: each begins with an empty database."""

# --8<-- [start:tests]
import httpx2

from fastapi_crud.tasks import EmailMessage
from fastapi_crud.testing import Outbox

ANN = {"email": "ann@example.com", "name": "Ann"}


async def test_a_new_user_gets_a_mail(
    client: httpx2.AsyncClient, outbox: Outbox, mails: list[EmailMessage]
) -> None:
    assert (await client.post("/api/v1/users", json=ANN)).status_code == 201
    assert mails == []
    await outbox.run()
    assert [mail.to for mail in mails] == ["ann@example.com"]


async def test_who_is_refused_gets_no_mail(client: httpx2.AsyncClient, outbox: Outbox) -> None:
    await client.post("/api/v1/users", json=ANN)
    assert (await client.post("/api/v1/users", json=ANN)).status_code == 409
    assert len(await outbox.jobs()) == 1


# --8<-- [end:tests]
