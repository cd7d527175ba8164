"""Log records tell which request they belong to, and can be read by programs."""

import json
import logging
import sys
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from fastapi_crud import JSONFormatter, RequestIdFilter, current_request_id
from fastapi_crud.records import request_id_as


def record_of(message: str = "stored %s", *args: object, **extra: object) -> logging.LogRecord:
    """A record, as a logger makes it."""
    made = logging.getLogger("shop").makeRecord(
        "shop", logging.WARNING, __file__, 1, message, args, None, extra=extra
    )
    made.created = 1_900_000_000.25
    return made


def written(record: logging.LogRecord) -> dict[str, Any]:
    """What is written of a record."""
    line = JSONFormatter().format(record)
    assert "\n" not in line
    read: dict[str, Any] = json.loads(line)
    return read


def test_a_record_is_one_object() -> None:
    """Does it have the time in UTC, the level, the logger, the message and what else was said?"""
    record = record_of("stored %s\n", "a note", note=7, color_message="in colours")
    assert written(record) == {
        "time": "2030-03-17T17:46:40.250+00:00",
        "level": "WARNING",
        "logger": "shop",
        "message": "stored a note\n",
        "note": 7,
    }
    assert datetime.fromisoformat(written(record)["time"]).timestamp() == record.created


def test_records_of_a_request_have_its_id() -> None:
    """Is the id there within a request only?"""
    with request_id_as("r-1"):
        assert written(record_of("a"))["request_id"] == current_request_id() == "r-1"
    assert "request_id" not in written(record_of("a"))
    assert current_request_id() is None


def test_the_filter_keeps_the_id_for_other_threads_and_formats() -> None:
    """Does a record know its request when another thread writes it, or a format names it?"""
    of_request, of_none = record_of("a"), record_of("b")
    with request_id_as("r-1"):
        assert RequestIdFilter().filter(of_request)
    assert RequestIdFilter().filter(of_none)
    formatter = logging.Formatter("%(request_id)s %(message)s")
    assert [formatter.format(each) for each in (of_request, of_none)] == ["r-1 a", "- b"]
    assert written(of_request)["request_id"] == "r-1"
    assert "request_id" not in written(of_none)


def test_a_traceback_and_a_stack_are_told() -> None:
    """Is an exception part of the object, also where another formatter has written it already?"""
    record = record_of("failed")
    try:
        vars(record)["nowhere"]
    except KeyError:
        record.exc_info = sys.exc_info()
    record.stack_info = "Stack"
    assert written(record)["exception"].endswith("KeyError: 'nowhere'")
    record.exc_info = None
    assert written(record)["exception"].endswith("KeyError: 'nowhere'")
    assert written(record)["stack"] == "Stack"


def circular() -> list[Any]:
    """A list that holds itself."""
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (UUID(int=1), str(UUID(int=1))),
        ({"a": [1, None]}, {"a": [1, None]}),
        (float("nan"), "nan"),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (circular(), "[[...]]"),
        ("\ud800", "\ud800"),
    ],
    ids=["uuid", "nested", "nan", "keys", "circular", "surrogate"],
)
def test_no_value_loses_a_record(value: object, told: object) -> None:
    """Is a value told by its text where JSON does not have it?"""
    assert written(record_of("a", found=value))["found"] == told


def test_what_is_said_cannot_pretend_to_be_the_logger() -> None:
    """Do the names of the format win over those of `extra`?"""
    assert written(record_of("a", level="FINE", time="never"))["level"] == "WARNING"
