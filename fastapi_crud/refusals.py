"""What SQLAlchemy makes of the errors of a driver: the same where a statement does without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import DBAPIError

from fastapi_crud.loans import give_back


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of a driver, as SQLAlchemy has it.

    Args:
        error: What to raise.
        cause: The error of the driver, as SQLAlchemy's adapter of it gives it.
        lost: Whether nobody knows what the connection is doing.
        broken: Whether the connection is of no use any more, and those that are as old.
    """

    error: Exception
    cause: Exception
    lost: bool = False
    broken: bool = False


def refusal_of(loan: Any, dialect: Any, text: str | None, error: Exception) -> Refusal:  # noqa: ANN401
    """Tell what an error means.

    Args:
        loan: The connection; None where none could be had.
        dialect: The dialect.
        text: The statement.
        error: The error.
    """
    cause = error
    if loan is not None:
        try:
            loan.dbapi_connection._handle_exception(error)  # noqa: SLF001
        except Exception as raised:  # noqa: BLE001 - it raises what the error is to SQLAlchemy
            cause = raised
    if not isinstance(cause, dialect.loaded_dbapi.Error):
        return Refusal(cause, cause, lost=True)
    broken = loan is not None and dialect.is_disconnect(cause, loan.dbapi_connection, None)
    made: Any = DBAPIError.instance(
        None if loan is None else text,
        None,
        cause,
        dialect.loaded_dbapi.Error,
        hide_parameters=True,
        connection_invalidated=broken,
        dialect=dialect,
    )
    made.__cause__ = error
    return Refusal(made, cause, broken=broken)


async def give_back_after(loan: Any, refusals: Sequence[Refusal]) -> None:  # noqa: ANN401
    """Give back a connection, as it is after errors.

    Args:
        loan: The connection.
        refusals: What went wrong on it.
    """
    for refusal in refusals:
        if refusal.broken:
            loan._pool._invalidate(loan, refusal.cause)  # noqa: SLF001
            return
        if refusal.lost:
            loan.invalidate(refusal.cause)
            return
    await give_back(loan)
