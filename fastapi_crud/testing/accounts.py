"""Users for tests, and the headers with which they call; needs the extra `auth`."""

from itertools import count
from typing import Any

from fastapi_crud.columns import ModelInfo, inspect_model
from fastapi_crud.database import Database
from fastapi_crud.exceptions import ConfigurationError

PASSWORD = "password123"  # noqa: S105 - that of users who are made up
"""The password of users of tests, unless they are given another."""
NO_AUTH = "users need the extra `auth`: pip install 'fastapi-crud-factory[auth]'"


class Accounts:
    """Makes users, and lets them log in: `await make_user(name="Ann")`.

    Args:
        database: Where they are.
    """

    def __init__(self, database: Database) -> None:
        try:
            from fastapi_crud.auth.auth import auth_of, user_models  # noqa: PLC0415 - an extra
            from fastapi_crud.auth.logins import Client  # noqa: PLC0415 - an extra
        except ImportError as missing:
            raise ConfigurationError(NO_AUTH) from missing
        self._database = database
        self._models, self._auth_of = user_models, auth_of
        self._test = Client(address="test", user_agent="pytest")
        self._numbers = count(1)

    async def __call__(
        self,
        model: type[Any] | None = None,
        *,
        password: str = PASSWORD,
        **values: Any,  # noqa: ANN401 - any columns
    ) -> Any:  # noqa: ANN401 - a user of the app's
        """Store a user, and give it.

        Args:
            model: The user model; the app's only one unless given.
            password: The password.
            **values: Columns; an address, and text that must be there, are made up.

        Raises:
            ConfigurationError: If there is no user model or several, or a column has to be given.
        """
        number = next(self._numbers)
        auth = self._auth_of(model or self._model())
        info = inspect_model(auth.model)
        given = {"email": f"user{number}@example.com", **values}
        given["hashed_password"] = await auth.passwords.hash(password)
        made = {
            name: _text(info, name, number) for name in info.columns if _lacks(info, name, given)
        }
        user = auth.model(**made, **given)
        async with self._database.session() as session:
            session.add(user)
        return user

    async def log_in(self, user: Any) -> dict[str, str]:  # noqa: ANN401 - any user model
        """Open a login for a user, without a request; gives the headers to call with.

        Args:
            user: The user.
        """
        model: type[Any] = user.__class__
        auth = self._auth_of(model)
        (user_id,) = inspect_model(auth.model).key_of(user)
        async with self._database.session() as session:
            grant = await auth.logins.open(session, user_id, self._test)
        scopes = auth.callers.scopes_of(user)
        token = auth.access_token(user_id, grant.id, scopes=scopes)
        return {"Authorization": f"Bearer {token}"}

    def _model(self) -> type[Any]:
        metadata = self._database.metadata
        models = [it for it in self._models if metadata is None or it.metadata is metadata]
        if len(models) != 1:
            names = ", ".join(sorted(model.__name__ for model in models))
            msg = f"make_user(model): there are {names}" if names else "there is no user model"
            raise ConfigurationError(msg)
        return models[0]


def _lacks(info: ModelInfo, name: str, given: dict[str, Any]) -> bool:
    return info.columns[name].required and name not in given


def _text(info: ModelInfo, name: str, number: int) -> str:
    """Make up a text.

    Raises:
        ConfigurationError: If it is no text that is lacking.
    """
    if info.columns[name].kind.python is not str:
        msg = f"make_user({name}=…): {info.name} needs one"
        raise ConfigurationError(msg)
    return f"{name.replace('_', ' ').title()} {number}"
