"""What the endpoints of auth have in common: what they ask for, and how they answer."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel
from starlette.background import BackgroundTask
from starlette.responses import Response

from fastapi_crud.auth.accounts import Accounts
from fastapi_crud.auth.addresses import client_address
from fastapi_crud.auth.auth import Auth
from fastapi_crud.auth.callers import Caller, user_agent_of
from fastapi_crud.auth.entrance import Entrance
from fastapi_crud.auth.logins import Client
from fastapi_crud.auth.mails import Notice, send_all
from fastapi_crud.auth.recovery import Recovery
from fastapi_crud.columns import inspect_model
from fastapi_crud.database import AsyncSession
from fastapi_crud.exceptions import NotFound
from fastapi_crud.integrity import translated
from fastapi_crud.resolution import resolve_options
from fastapi_crud.router.dependencies import session_dependency
from fastapi_crud.router.resource import Resource, make_resource
from fastapi_crud.router.responses import json_response

AccountsT = TypeVar("AccountsT", bound=Accounts[Any])
Endpoint = Callable[..., Awaitable[Response]]
End = Callable[[Accounts[Any], Any, UUID], Awaitable[bool]]
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
"""Headers of answers that hold tokens (RFC 6749 §5.1)."""


class Desk:
    """What the endpoints of one `Auth` have in common.

    Args:
        auth: The auth.
    """

    def __init__(self, auth: Auth[Any]) -> None:
        self.auth = auth
        self._asked: Mapping[str, Any] = {
            "session": Annotated[AsyncSession, Depends(session_dependency(auth.database))],
            "caller": Annotated[Caller[Any], Depends(auth.login_caller)],
            "user": Annotated[Any, Depends(auth.current_user)],
        }

    def signed(self, endpoint: Endpoint, body: Any) -> Endpoint:  # noqa: ANN401 - a schema
        """Tell FastAPI what an endpoint asks for: by the names of its parameters.

        Errors of the database become ours, such as 503 where it does not answer.
        """
        asked = {**self._asked, "data": body}
        plain = inspect.signature(endpoint)
        parameters = [
            parameter.replace(annotation=asked.get(parameter.name, parameter.annotation))
            for parameter in plain.parameters.values()
        ]

        async def answered(**given: Any) -> Response:  # noqa: ANN401 - what the endpoint asks for
            with translated():
                return await endpoint(**given)

        answered.__signature__ = plain.replace(parameters=parameters)  # type: ignore[attr-defined]
        return answered

    @cached_property
    def resource(self) -> Resource:
        """How users are read and written here: without columns that depend on who asks."""
        info = inspect_model(self.auth.model)
        said = resolve_options(self.auth.model, {})
        own = replace(
            said,
            hidden=[*said.hidden, *said.readable_by],
            read_only=[*said.read_only, *said.writable_by],
            readable_by={},
            writable_by={},
        )
        return make_resource(info, own)

    def accounts(self, request: Request, session: AsyncSession) -> Accounts[Any]:
        """Give the accounts, for one request."""
        return self._for(Accounts[Any], request, session)

    def entrance(self, request: Request, session: AsyncSession) -> Entrance[Any]:
        """Give what opens and ends logins, for one request."""
        return self._for(Entrance[Any], request, session)

    def recovery(self, request: Request, session: AsyncSession) -> Recovery[Any]:
        """Give what changes passwords and addresses, for one request."""
        return self._for(Recovery[Any], request, session)

    def _for(self, kind: type[AccountsT], request: Request, session: AsyncSession) -> AccountsT:
        client = Client(address=client_address(request), user_agent=user_agent_of(request))
        return kind(self.auth, session, client)

    def shown(self, user: object, status: int = 200) -> Response:
        """Answer with a user."""
        return json_response(self.resource.writer.row(user), status, NO_STORE)

    def accepted(self, notices: Sequence[Notice], status: int = 204) -> Response:
        """Answer with nothing, and send mails once the answer has left."""
        notifier = self.auth.notifier
        later = BackgroundTask(send_all, notifier, notices) if notifier and notices else None
        return Response(status_code=status, headers=NO_STORE, background=later)


def ending(desk: Desk, resource: str, end: End) -> Endpoint:
    """Build the `DELETE` of one thing that belongs to the caller.

    Args:
        desk: The desk.
        resource: What it is called in answers.
        end: Ends it, and tells whether there was one.
    """

    async def endpoint(
        request: Request,
        session: AsyncSession,
        caller: Caller[Any],
        id: str,  # noqa: A002 - the name in the path
    ) -> Response:
        key = uuid_of(id, resource)
        if not await end(desk.accounts(request, session), caller.user, key):
            raise NotFound(resource, id)
        return desk.accepted([])

    return endpoint


def written(body: BaseModel, status: int = 200) -> Response:
    """Answer with a body that nobody may keep."""
    return json_response(body.model_dump_json().encode(), status, NO_STORE)


def uuid_of(text: str, resource: str) -> UUID:
    """Read an id from a path: what cannot exist does not exist.

    Raises:
        NotFound: If it is no UUID.
    """
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound(resource, text) from error
