"""The bodies of the auth endpoints."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from fastapi_crud.auth.emails import Email
from fastapi_crud.values import Shown, check_text, refuse_numbers, require_time_of_day, to_utc

SECRET = Shown({"format": "password", "writeOnly": True})
STORABLE = AfterValidator(check_text)
Text = Annotated[str, STORABLE]
Password = Annotated[str, Field(min_length=1, max_length=1024), STORABLE, SECRET]
"""A password that is compared: old ones may be shorter than new ones must be."""
NewPassword = Annotated[str, Field(min_length=8, max_length=1024), STORABLE, SECRET]
"""A password to set. The policy asks for more."""
Token = Annotated[str, Field(min_length=1, max_length=512), STORABLE, SECRET]
Moment = Annotated[
    datetime,
    AfterValidator(to_utc),
    BeforeValidator(require_time_of_day),
    BeforeValidator(refuse_numbers),
]


class Body(BaseModel):
    """Base of the bodies: unknown keys are an error."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


class Credentials(Body):
    """An address and its password; `username` is what OAuth2 calls the address."""

    username: Text = Field(
        max_length=1024,
        validation_alias=AliasChoices("username", "email"),
        description="The email address.",
    )
    password: Password
    scope: Text = Field("", max_length=1024, description="Scopes to limit the tokens to.")

    @property
    def limit(self) -> frozenset[str] | None:
        """The scopes to limit the tokens to; None for no limit."""
        return frozenset(self.scope.split()) or None

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, body: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(body, Mapping) and {"username", "email"} <= body.keys():
            msg = "Send username or email, not both"
            raise ValueError(msg)
        return body  # pyright: ignore[reportUnknownVariableType] - any JSON


class Tokens(BaseModel):
    """An access token, and the token that gets the next pair."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - its kind
    expires_in: int = Field(description="Seconds that the access token works.")
    scope: str = Field(description="What the access token allows, separated by spaces.")


class CookieLogin(BaseModel):
    """A login whose tokens are in cookies."""

    expires_in: int = Field(description="Seconds until `refresh` is due.")
    scope: str = Field(description="What the login allows, separated by spaces.")


class RefreshToken(Body):
    """A refresh token."""

    refresh_token: Token


class PasswordChange(Body):
    """The password as it is, and as it shall be."""

    current_password: Password
    new_password: NewPassword


class Address(Body):
    """The address of an account, which may or may not exist."""

    email: Email


class LinkToken(Body):
    """The token of a link."""

    token: Token


class PasswordReset(Body):
    """The token of a link, and the new password."""

    token: Token
    new_password: NewPassword


class EmailChange(Body):
    """The new address, and the current password."""

    new_email: Email
    current_password: Password


class LoginRead(BaseModel):
    """A login that runs."""

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    id: UUID
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    user_agent: str | None
    address: str | None
    current: bool = Field(False, description="Whether this request was made by it.")


class LoginPage(BaseModel):
    """The logins that run."""

    items: list[LoginRead]
    total: int


class ApiKeyCreate(Body):
    """An API key to make."""

    name: Text = Field(min_length=1, max_length=100)
    scopes: list[Annotated[str, Field(pattern=r"^[!#-\[\]-~]+$", max_length=100)]] = Field(
        default_factory=list, max_length=100, description="Scopes of your own that it may use."
    )
    expires_at: Moment | None = None


class ApiKeyRead(BaseModel):
    """An API key; the key itself is shown once, when it is made."""

    id: UUID
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Give it from what is stored."""
        return cls.model_validate({**stored, "scopes": stored["scopes"].split()})


class NewApiKey(ApiKeyRead):
    """An API key that was just made."""

    key: str = Field(description="The key: it is shown only now.")


class ApiKeyPage(BaseModel):
    """The API keys that work."""

    items: list[ApiKeyRead]
    total: int
