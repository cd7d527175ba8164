"""Settings of tasks and mail from the environment; nothing is read at import."""

from typing import Literal, Self

from pydantic import Field, model_validator

from fastapi_crud.settings import NamedSettings

TLS = Literal["starttls", "tls", "none"]
"""How a mail server is spoken to: encrypted from the second word on, from the first, or never."""


class TaskSettings(NamedSettings):
    """What a deployment decides about tasks. Read from the environment, then from `.env`.

    Names in the environment are those of the attributes in upper case, such as `SMTP_HOST`; the
    two about Celery begin with `TASKS_` there. Combine it with other settings classes by
    inheritance.

    Args:
        redis_url: Where Redis is; the broker, unless there is another.
        broker_url: Where the broker is (`TASKS_BROKER_URL`).
        result_backend: Where results are kept (`TASKS_RESULT_BACKEND`); nowhere unless given.
        smtp_host: The mail server. Without one, mails are printed.
        smtp_port: Its port: 587 for `starttls`, most often 465 for `tls`.
        smtp_user: The user to log in as; nobody unless given.
        smtp_password: Its password, of ASCII characters.
        smtp_tls: Whether a connection begins with `STARTTLS`, with TLS, or has `none`, for
            servers on the same machine. There is no fallback to `none`.
        smtp_timeout: Seconds to wait for any one answer of the server.
        mail_from: The address that mails come from, without a name.
    """

    redis_url: str = Field(default="redis://localhost:6379", repr=False)
    broker_url: str | None = Field(default=None, repr=False, validation_alias="TASKS_BROKER_URL")
    result_backend: str | None = Field(
        default=None, repr=False, validation_alias="TASKS_RESULT_BACKEND"
    )
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, gt=0, le=65535)
    smtp_user: str | None = None
    smtp_password: str | None = Field(default=None, repr=False)
    smtp_tls: TLS = "starttls"
    smtp_timeout: float = Field(default=10, gt=0, allow_inf_nan=False)
    mail_from: str | None = Field(default=None, pattern=r"^([^\s<>@,]+@[^\s<>@,]+)?$")

    @property
    def broker(self) -> str:
        """Where the broker is."""
        return self.broker_url or self.redis_url

    @model_validator(mode="after")
    def _check_mail(self) -> Self:
        if self.smtp_host and not self.mail_from:
            msg = "SMTP_HOST needs MAIL_FROM: the address that mails come from"
            raise ValueError(msg)
        if bool(self.smtp_user) != bool(self.smtp_password):
            msg = "SMTP_USER and SMTP_PASSWORD need each other"
            raise ValueError(msg)
        return self
