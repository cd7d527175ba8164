"""E-mail addresses: which are taken, how they are stored, and which are the same."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.values import Shown

MAX_EMAIL = 254
"""Characters of an address (RFC 5321 §4.5.3.1.3, without the angle brackets)."""
TOO_LONG = f"an email address has {MAX_EMAIL} characters at most"


def normalized_email(text: str) -> str:
    """Check an address and give it as it is stored; names and brackets around it are refused.

    Raises:
        ValueError: If it is not an address, or too long in any of its spellings.
        ConfigurationError: If the extra is not installed.
    """
    if len(text) > 4 * MAX_EMAIL:  # to look at more would take long
        raise ValueError(TOO_LONG)
    try:
        from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - an extra
    except ImportError as error:  # pragma: no cover - every test run has the extra
        msg = "auth needs email-validator: pip install 'fastapi-crud-factory[auth]'"
        raise ConfigurationError(msg) from error
    try:
        checked = validate_email(text, check_deliverability=False, allow_display_name=False)
    except EmailNotValidError as error:
        msg = "value is not a valid email address"
        raise ValueError(msg) from error
    if len(email_key(checked.normalized)) > MAX_EMAIL:  # one character can become eighteen
        raise ValueError(TOO_LONG)
    return checked.normalized


def email_key(email: str) -> str:
    """Give what two spellings of one address have in common: for lookups and uniqueness."""
    return unicodedata.normalize("NFKC", email).casefold().strip()


Email = Annotated[str, AfterValidator(normalized_email), Shown({"format": "email"})]
"""An e-mail address in a body."""
