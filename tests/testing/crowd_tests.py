"""What the tests of such an app do with the plugin; run by `test_fixtures.py`."""

import httpx2
import pytest

from fastapi_crud import ConfigurationError
from fastapi_crud.testing import Accounts
from tests.testing.crowd import Customer, Staff

pytestmark = pytest.mark.asyncio


async def test_the_model_is_asked_for(make_user: Accounts) -> None:
    with pytest.raises(ConfigurationError, match=r"make_user\(model\): there are Customer, Staff"):
        await make_user()


async def test_a_number_is_asked_for(make_user: Accounts) -> None:
    with pytest.raises(ConfigurationError, match=r"make_user\(tenant_id=…\): Staff needs one"):
        await make_user(Staff)


async def test_both_log_in(client: httpx2.AsyncClient, make_user: Accounts) -> None:
    customer, staff = await make_user(Customer), await make_user(Staff, tenant_id=1)
    for user, path in ((customer, "/me"), (staff, "/staff/me")):
        headers = await make_user.log_in(user)
        assert (await client.get(path, headers=headers)).status_code == 200
