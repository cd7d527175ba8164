"""What hypothesis draws from: column types and JSON for them, query strings. Also models to order."""

import enum
from collections.abc import Mapping
from datetime import UTC, timedelta, timezone
from typing import Any

import sqlalchemy as sa
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeEngine

from fastapi_crud.values import DURATION_PATTERN

DIALECTS: Mapping[str, Any] = {
    module.__name__.rpartition(".")[2]: vars(module)["dialect"]()
    for module in (sqlite, postgresql, mysql)
}
"""Name → dialect, without a database."""


class Level(enum.Enum):
    """Names that differ from values."""

    LOW = "low level"
    HIGH = "high level"


def model_of(*columns: sa.Column[Any], name: str = "Sample") -> type[Any]:
    """A class mapped to a table of these columns; with a key `id` where none of them is one."""
    has_key = any(column.primary_key for column in columns)
    key = () if has_key else (sa.Column("id", sa.Integer, primary_key=True),)
    model = type(name, (), {"__module__": __name__})
    registry().map_imperatively(model, sa.Table("samples", sa.MetaData(), *key, *columns))
    return model


json_scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5)
)
"""NaN and lone surrogates included: not all of it may be stored."""

json_values: st.SearchStrategy[Any] = st.recursive(
    json_scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)

offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
zones = st.none() | offsets
iso_datetimes = st.datetimes(timezones=zones).map(lambda at: at.isoformat())
iso_times = st.times(timezones=zones).map(lambda at: at.isoformat())
iso_dates = st.dates().map(lambda day: day.isoformat())
durations = st.one_of(
    st.from_regex(DURATION_PATTERN.replace(r"\d", "[0-9]"), fullmatch=True),
    st.sampled_from(["P1Y", "P1W", "PT", "P", "1", "01:00:00"]),
)
small_decimals = st.decimals(-(10**9), 10**9, places=3)
numbers = st.one_of(
    small_decimals.map(str), small_decimals.map(float), st.integers(-(10**9), 10**9),
    st.floats(), st.from_regex(r"-?[0-9]{1,40}(\.[0-9]{1,12})?", fullmatch=True),
)  # fmt: skip
base64_texts = st.text("AQgw+/=", max_size=12)
arrays = st.lists(st.integers(-(2**31) - 1, 2**31), max_size=4)

COLUMN_TYPES: Mapping[str, tuple[TypeEngine[Any], st.SearchStrategy[Any]]] = {
    "small integer": (sa.SmallInteger(), st.integers(-(2**15) - 2, 2**15 + 1)),
    "integer": (sa.Integer(), st.integers(-(2**31) - 2, 2**31 + 1)),
    "big integer": (sa.BigInteger(), st.integers(-(2**63) - 2, 2**63 + 1)),
    "float": (sa.Double(), st.floats()),
    "single": (sa.REAL(), st.floats()),
    "numeric": (sa.Numeric(), numbers),
    "money": (sa.Numeric(10, 2), numbers),
    "fine numeric": (sa.Numeric(20, 12), numbers),
    "wide numeric": (sa.Numeric(38, 2), numbers),
    "whole numeric": (sa.Numeric(9, 0), numbers),
    "decimal float": (sa.Float(asdecimal=True), numbers),
    "boolean": (sa.Boolean(), st.booleans()),
    "text": (sa.Text(), st.text()),
    "string": (sa.String(5), st.text(max_size=7)),
    "enum class": (sa.Enum(Level), st.sampled_from(["low level", "high level", "LOW"])),
    "enum": (sa.Enum("a", "b", name="letter"), st.sampled_from("abc")),
    "uuid": (sa.Uuid(), st.uuids().map(str)),
    "uuid text": (sa.Uuid(as_uuid=False), st.uuids().map(lambda it: str(it).upper())),
    "datetime": (sa.DateTime(timezone=True), iso_datetimes),
    "local datetime": (sa.DateTime(), iso_datetimes),
    "date": (sa.Date(), iso_dates),
    "time": (sa.Time(timezone=True), iso_times),
    "local time": (sa.Time(), iso_times),
    "interval": (sa.Interval(), durations),
    "binary": (sa.LargeBinary(), base64_texts),
    "short binary": (sa.LargeBinary(4), base64_texts),
    "json": (sa.JSON(), json_values),
    "array": (sa.ARRAY(sa.Integer), arrays),
    "array of arrays": (sa.ARRAY(sa.Integer, dimensions=2), st.lists(arrays, max_size=3)),
}
"""Name → a column type, and JSON values of which it takes many but not all."""

KEY_VALUES: Mapping[str, tuple[TypeEngine[Any], st.SearchStrategy[Any]]] = {
    "integer": (sa.Integer(), st.integers(-(2**31), 2**31 - 1)),
    "big integer": (sa.BigInteger(), st.integers(-(2**63), 2**63 - 1)),
    "text": (
        sa.String(20),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20),
    ),
    "uuid": (sa.Uuid(), st.uuids()),
    "uuid text": (sa.Uuid(as_uuid=False), st.uuids().map(str)),
    "date": (sa.Date(), st.dates()),
    "datetime": (sa.DateTime(timezone=True), st.datetimes(timezones=st.just(UTC))),
    "local datetime": (sa.DateTime(), st.datetimes()),
    "decimal": (sa.Numeric(10, 2), st.decimals(-(10**7), 10**7, places=2)),
    "boolean": (sa.Boolean(), st.booleans()),
    "float": (sa.Double(), st.floats(allow_nan=False, allow_infinity=False)),
    "enum class": (sa.Enum(Level), st.sampled_from(Level)),
    "enum": (sa.Enum("a", "b", name="letter"), st.sampled_from("ab")),
    "binary": (sa.LargeBinary(16), st.binary(min_size=1, max_size=16)),
    "interval": (sa.Interval(), st.timedeltas(timedelta(days=-350_000), timedelta(days=350_000))),
    "local time": (sa.Time(), st.times()),
}
"""Name → a column type that a key may have, and values of it."""

query_names = st.one_of(
    st.sampled_from(["skip", "limit", "limt", "token", "", "Skip"]), st.text(max_size=6)
)
query_texts = st.one_of(
    st.integers(-2, 2**64).map(str),
    st.sampled_from(
        ["", "0", "1", "007", "+1", " 1", "1_0", "1.0", "1e3", "\u0661", "-0", "null", "9" * 40]
    ),
    st.text(max_size=6),
)
query_pairs = st.lists(st.tuples(query_names, query_texts), max_size=5)
"""Query strings as a server hands them over: known, unknown and repeated names, any text."""
