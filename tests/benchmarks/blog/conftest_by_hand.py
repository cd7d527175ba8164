"""What the tests of the blog work with, for the one that is written by hand."""

from types import ModuleType

import httpx2
import pytest

from tests.benchmarks.blog import by_hand
from tests.benchmarks.blog.fixtures import (
    auth_headers as auth_headers,
    client as client,
    mails as mails,
    make_user as make_user,
    outbox as outbox,
)


@pytest.fixture
def blog() -> ModuleType:
    return by_hand


@pytest.fixture
def transport() -> httpx2.AsyncBaseTransport:
    return httpx2.ASGITransport(app=by_hand.app)
