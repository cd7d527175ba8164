"""`UserMixin` and `UserService`: users whose API is safe with nothing else said."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property, partial
from typing import Annotated, Any, ClassVar, Generic, Literal

import sqlalchemy as sa
from fastapi import Depends
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Mapped, mapped_column, validates
from typing_extensions import override

from fastapi_crud.auth.accounts import keep_hash, personal_texts
from fastapi_crud.auth.auth import Auth, auth_of, user_models
from fastapi_crud.auth.bodies import NewPassword, Password
from fastapi_crud.auth.callers import Caller, login_of
from fastapi_crud.auth.emails import MAX_EMAIL, Email, email_key
from fastapi_crud.auth.events import AuthEvent
from fastapi_crud.auth.exceptions import InsufficientScope, InvalidCurrentPassword, Unauthenticated
from fastapi_crud.auth.gate import Dependency, documented
from fastapi_crud.auth.mails import Notice, send_all
from fastapi_crud.auth.tables import auth_tables
from fastapi_crud.database import rollback
from fastapi_crud.models import ModelT, Timestamps, UTCDateTime, UUIDPrimaryKey
from fastapi_crud.options import CrudOptions
from fastapi_crud.schemas import CreateT, UpdateT
from fastapi_crud.service import Service
from fastapi_crud.upserts import UpsertMode

EXACT = sa.String(MAX_EMAIL).with_variant(
    mysql.VARCHAR(MAX_EMAIL, collation="utf8mb4_bin"), "mysql", "mariadb"
)
"""Text that is compared as it is: MySQL's and MariaDB's own collations take é for e."""


def _key_of_new_row(context: Any) -> str:  # noqa: ANN401 - SQLAlchemy's execution context
    """Fill `email_key` where a row is stored without an instance of its class."""
    return email_key(context.get_current_parameters()["email"])


class UserMixin(UUIDPrimaryKey, Timestamps):
    """Adds what auth needs of a user: `class User(UserMixin, Base)`.

    Clients write `email` and `password`; they read everything but the hash and the key that
    addresses are compared by. What gives power (`is_active`, `is_superuser`, `scopes`,
    `email_verified_at`) is read-only. The tables of auth come with it, on the same metadata;
    `__auth_prefix__` names those of a second user model.
    """

    __auth_prefix__: ClassVar[str] = "auth_"

    email: Mapped[Email] = mapped_column(sa.String(MAX_EMAIL), sort_order=-9)
    email_key: Mapped[str] = mapped_column(
        EXACT,
        default=_key_of_new_row,
        unique=True,
        info={"hidden": True, "reported_as": "email"},
        sort_order=20,
    )
    hashed_password: Mapped[str] = mapped_column(
        sa.String(255),
        info={
            "hidden": True,
            "inputs": {"password": NewPassword},
            "update_inputs": {"current_password": Password},
        },
        sort_order=21,
    )
    is_active: Mapped[bool] = mapped_column(default=True, info={"read_only": True}, sort_order=5)
    is_superuser: Mapped[bool] = mapped_column(
        default=False, info={"read_only": True}, sort_order=6
    )
    email_verified_at: Mapped[datetime | None] = mapped_column(
        UTCDateTime, info={"read_only": True}, sort_order=7
    )
    scopes: Mapped[list[str]] = mapped_column(
        sa.JSON, default=list, info={"read_only": True}, sort_order=8
    )

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - as declarative takes them
        """Make the tables of auth as soon as there is a table of users."""
        super().__init_subclass__(**options)
        table: sa.Table | None = getattr(cls, "__table__", None)
        if table is not None and "email_key" in table.c:
            auth_tables(table, cls.__auth_prefix__)
            if not any(issubclass(cls, model) for model in user_models):
                user_models.add(cls)

    @validates("email")
    def _fill_email_key(self, _: str, email: str | None) -> str | None:
        if email is not None:
            self.email_key = email_key(email)
        return email

    @classmethod
    def __crud__(cls) -> CrudOptions:
        """Open POST to all, reading to users, and changes to the user itself and to superusers."""
        return user_options(auth_of(cls))


class UserService(Service[ModelT, CreateT, UpdateT], Generic[ModelT, CreateT, UpdateT]):
    """The rules of users: passwords are hashed, and changed by those who know the current one.

    From scripts nobody is asked for the current password, and the policy holds as well.

    Args:
        session: The session to work in. Whoever opened it commits it.
    """

    @cached_property
    def auth(self) -> Auth[ModelT]:
        """The auth of the model, or that of the router that asks."""
        return auth_of(self.model)

    async def get_by_email(self, email: str) -> ModelT | None:
        """Give the user with an address, however it is spelled; None if there is none.

        Args:
            email: The address.
        """
        return await self.repository.get_by(email_key=email_key(email))

    async def authenticate(self, email: str, password: str) -> ModelT | None:
        """Give the user whose address and password these are; None if there is none.

        It takes as long for an unknown address as for a wrong password. It opens no login and
        counts no failures: that is what `make_auth_router` is for.

        Args:
            email: The address.
            password: The password, as it was typed.
        """
        user: Any = await self.get_by_email(email)
        stored = None if user is None else user.hashed_password
        right, better = await self.auth.passwords.verify(password, stored)
        if user is None or not right or not user.is_active:
            return None
        if better is not None:
            (user_id,) = self.info.key_of(user)
            await keep_hash(self.session, self.auth, user_id, (user.hashed_password, better))
            await self.session.refresh(user, ["hashed_password"])
        known: ModelT = user
        return known

    @override
    async def prepare(self, values: dict[str, Any], id: Any = None) -> None:
        """Turn a password into its hash, after the current one was checked where that is due."""
        current, password = (values.pop(name, None) for name in ("current_password", "password"))
        if values.get("email") is not None:
            values["email_key"] = email_key(values["email"])  # an upsert sets only what is named
        user = None if id is None else await self._at_stake(id, values, password)
        if user is not None and self._asks_for_itself(user):
            await self._check_current(user, current)
        if password is not None:
            await self.auth.policy.check(password, personal=personal_texts(user, **values))
            values["hashed_password"] = await self.auth.passwords.hash(password)
        if user is not None:
            await self._end_access(id, user.email, values)

    @override
    async def upsert(
        self, items: Sequence[CreateT], *, on_conflict: Sequence[str], mode: UpsertMode = "merge"
    ) -> list[ModelT]:
        """Store users or change those that are there; a password that is set ends their logins."""
        rows = await super().upsert(items, on_conflict=on_conflict, mode=mode)
        for row, item in zip(rows, items, strict=True):
            if mode == "merge" and "password" in item.model_fields_set:
                await self.auth.end_access(self.session, *self.info.key_of(row))
        return rows

    async def _at_stake(self, id: Any, values: dict[str, Any], password: str | None) -> Any:  # noqa: A002, ANN401
        """Give the user whose address or password is to change; None where neither is."""
        email = values.get("email")
        user: Any = None if email is None and password is None else await self.get(id)
        if user is None:
            return None
        # Not by their keys: mailboxes of two people can have the same.
        if email is not None and email.lower() != user.email.lower():
            values["email_verified_at"] = None
            return user
        return None if password is None else user

    def _asks_for_itself(self, user: ModelT) -> bool:
        """Tell whether a user makes the change, and no script and no superuser."""
        if "actor" not in vars(self):
            return False  # a script: no router has said who calls
        if not isinstance(self.actor, self.model):
            return True  # a router that does not know its callers: they have to prove themselves
        return self.info.key_of(self.actor) == self.info.key_of(user)

    async def _check_current(self, user: Any, current: str | None) -> None:  # noqa: ANN401
        """Check the current password of a caller, without an end to the transaction at work."""
        auth, key = self.auth, ("own password", *map(str, self.info.key_of(user)))
        if current is None:
            raise InvalidCurrentPassword
        await auth.throttle.check(self.session, key)
        right, _ = await auth.passwords.verify(current, user.hashed_password)
        if not right:
            await rollback(self.session)
            await auth.throttle.admit(self.session, key, auth.allowance(auth.settings.max_failures))
            raise InvalidCurrentPassword

    async def _end_access(self, id: Any, email: str, values: Mapping[str, Any]) -> None:  # noqa: A002, ANN401
        """End what the old address or password opened, but for the login that asks."""
        await self.get_for_update(id)  # logins by the old password wait for this, and see it
        keep = login_of(self.actor) if isinstance(self.actor, self.model) else None
        await self.auth.end_access(self.session, id, but=keep)
        for column, name in CHANGES.items():
            if column not in values:
                continue
            self.after_commit(partial(self.auth.tell, AuthEvent(name=name, user_id=str(id))))
            if self.auth.notifier is not None:
                news = [Notice(kind=name, email=email)]
                self.after_commit(partial(send_all, self.auth.notifier, news))


CHANGES: Mapping[str, Literal["password_changed", "email_changed"]] = {
    "hashed_password": "password_changed",
    "email_verified_at": "email_changed",
}
"""What is set of a user → what is told of it."""


def user_options(auth: Auth[Any]) -> CrudOptions:
    """Give the options of a users router that is safe: what `UserMixin` says by default.

    Args:
        auth: The auth of the user model.
    """
    guard, superuser = [Depends(auth.current_user)], [Depends(auth.current_superuser)]
    service: Any = UserService
    many: Mapping[Any, Any] = dict.fromkeys(
        ("batch_create", "batch_update", "batch_delete", "upsert", "restore", "purge"), superuser
    )
    reading: Mapping[Any, Any] = dict.fromkeys(("list", "get", "search"), guard)
    itself = [Depends(auth.login_caller)]
    changing: Mapping[Any, Any] = dict.fromkeys(("update", "replace", "delete"), itself)
    opening: Any = {"create": [Depends(_newcomer(auth))] if auth.registration else superuser}
    return CrudOptions(
        service=service[auth.model],
        actor=auth.optional_user,
        dependencies={**many, **reading, **changing, **opening},
        scope=dict.fromkeys(("update", "replace", "delete"), auth.own),
        database=auth.database,
    )


def _newcomer(auth: Auth[Any]) -> Dependency:
    """Let anybody open an account, unless nobody may learn which there are."""
    asked = auth.caller

    async def newcomer(caller: Annotated[Caller[Any] | None, Depends(asked)]) -> None:
        if not auth.settings.hide_existing or (caller is not None and caller.is_superuser):
            return
        raise Unauthenticated if caller is None else InsufficientScope

    return documented(newcomer, 401, 403)
