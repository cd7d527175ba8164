"""What happened to accounts: in the log, told to who listens, and never a secret with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, timedelta
from typing import Any, get_args

import pytest

from fastapi_crud import Database
from fastapi_crud.auth import Auth, AuthEvent
from fastapi_crud.auth.events import EventName, Listener, tell
from fastapi_crud.models import utc_now
from tests.auth.world import ANN, PASSWORD, SETTINGS, User, app_of, bearer, mailbox, sign_up
from tests.conftest import Serve

NAMES: tuple[EventName, ...] = get_args(EventName)
ALARMING = {"login_failed", "login_throttled", "refresh_reused"}
EVENT = AuthEvent(name="logged_in", user_id="1", session_id="2", address="192.0.2.1")

Log = pytest.LogCaptureFixture


@pytest.fixture
def log(caplog: Log) -> Log:
    """All that auth logs."""
    caplog.set_level(logging.DEBUG)
    return caplog


def test_an_event_knows_its_time() -> None:
    """Is it told when it happened, in UTC?"""
    assert EVENT.at.tzinfo is UTC
    assert utc_now() - AuthEvent(name="logged_in").at < timedelta(minutes=1)


@pytest.mark.parametrize("name", NAMES)
async def test_events_are_logged(log: Log, name: EventName) -> None:
    """Is each event one record, with its fields, and louder where somebody should look?"""
    await tell(AuthEvent(name=name, user_id="1", session_id="2", address="192.0.2.1"), None)
    (record,) = log.records
    assert record.name == "fastapi_crud.auth"
    assert record.getMessage() == f"auth: {name}"
    assert record.levelno == (logging.WARNING if name in ALARMING else logging.INFO)
    fields = {"auth_event": name, "user_id": "1", "session_id": "2", "address": "192.0.2.1"}
    assert fields.items() <= record.__dict__.items()


def listener_of(told: list[AuthEvent], *, waits: bool) -> Listener:
    """A listener, as a function or as a coroutine function."""

    async def later(event: AuthEvent) -> None:
        await asyncio.sleep(0)
        told.append(event)

    return later if waits else told.append


@pytest.mark.parametrize("waits", [False, True], ids=["function", "coroutine function"])
async def test_listeners_are_told(waits: bool) -> None:
    """Is a listener told of the event itself, once, before `tell` returns?"""
    told: list[AuthEvent] = []
    await tell(EVENT, listener_of(told, waits=waits))
    assert told == [EVENT]


def fails(_: AuthEvent) -> None:
    msg = "at once"
    raise OSError(msg)


async def fails_later(_: AuthEvent) -> None:
    msg = "later"
    raise OSError(msg)


@pytest.mark.parametrize("listener", [fails, fails_later], ids=["at once", "later"])
async def test_a_listener_that_fails_changes_nothing(
    log: Log, listener: Callable[[AuthEvent], Awaitable[None] | None]
) -> None:
    """Is the failure logged, and nobody else disturbed?"""
    await tell(EVENT, listener)
    event, failure = log.records
    assert event.levelno == logging.INFO
    assert (failure.levelno, failure.exc_info is not None) == (logging.ERROR, True)
    assert failure.getMessage() == "the listener of auth events failed at logged_in"


async def test_a_request_that_is_cancelled_stays_so() -> None:
    """Is the end of a request not taken for a failure of the listener?"""

    async def cancelled(_: AuthEvent) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await tell(EVENT, cancelled)


async def test_no_secret_is_told(lite: Database, serve: Serve, log: Log) -> None:
    """Is no password, token, hash or address of a user in any record or event?"""
    told: list[AuthEvent] = []
    own = Auth(
        User,
        settings=SETTINGS,
        notifier=mailbox,
        api_keys=True,
        on_event=listener_of(told, waits=True),
    )
    client = serve(lite, app=app_of(own=own))
    wrong, new, newer = "wrong horse battery", "new horse battery", "newer horse battery"
    await sign_up(client)
    form = {"username": ANN, "password": PASSWORD}
    await client.post("/auth/login", data={**form, "password": wrong})
    pair = (await client.post("/auth/login", data=form)).json()
    key = (await client.post("/auth/api-keys", json={"name": "k"}, headers=bearer(pair))).json()
    change = {"current_password": PASSWORD, "new_password": new}
    answer = await client.post("/auth/change-password", json=change, headers=bearer(pair))
    assert answer.status_code == 204
    body: dict[str, Any] = {"refresh_token": pair["refresh_token"]}
    again = (await client.post("/auth/refresh", json=body)).json()
    await client.post("/auth/refresh", json=body)
    await client.post("/auth/forgot-password", json={"email": ANN})
    token = mailbox.token("reset")
    answer = await client.post("/auth/reset-password", json={"token": token, "new_password": newer})
    assert answer.status_code == 204
    names = {event.name for event in told}
    assert names >= {
        "login_failed", "logged_in", "api_key_created", "password_changed", "refreshed",
        "refresh_reused", "reset_requested", "password_reset",
    }  # fmt: skip
    secrets = [PASSWORD, wrong, new, newer, token, key["key"], ANN]
    secrets += [each[name] for each in (pair, again) for name in ("access_token", "refresh_token")]
    ours = [record.__dict__ for record in log.records if record.name.startswith("fastapi_crud")]
    assert ours
    for secret in secrets:
        assert secret not in f"{ours}{told}"
