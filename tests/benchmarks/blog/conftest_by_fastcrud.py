"""What the tests of the blog work with, for the one that is written with FastCRUD."""

from types import ModuleType

import httpx2
import pytest

from tests.benchmarks.blog import by_fastcrud
from tests.benchmarks.blog.answers import Answers
from tests.benchmarks.blog.fixtures import (
    auth_headers as auth_headers,
    client as client,
    mails as mails,
    make_user as make_user,
    outbox as outbox,
)


@pytest.fixture
def blog() -> ModuleType:
    return by_fastcrud


@pytest.fixture
def transport() -> httpx2.AsyncBaseTransport:
    return Answers(httpx2.ASGITransport(app=by_fastcrud.app))
