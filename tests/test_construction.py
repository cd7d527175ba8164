"""Instances are made as their class wants it, and defaults are what an INSERT would give."""

from typing import Any

import pytest

from fastapi_crud.columns import inspect_model
from tests import models
from tests.samples import (
    Bare,
    Hero,
    Point,
    Positional,
)


@pytest.mark.parametrize(
    ("model", "accepted", "required"),
    [
        (models.Note, None, set[str]()),
        (Hero, None, set[str]()),
        (Bare, None, set[str]()),
        (Point, {"x", "y"}, {"x"}),
        (Positional, {"a", "b", "c"}, {"a", "c"}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_what_the_constructor_takes(
    model: type[Any], accepted: set[str] | None, required: set[str]
) -> None:
    """Which attributes does `__init__` take, and which does it insist on?"""
    constructor = inspect_model(model).constructor
    assert constructor.accepts == accepted
    assert constructor.requires == required


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (models.Note, {"title": "a", "done": True}),
        (Hero, {"name": "Ann", "age": 3}),
        (Bare, {"a": 1, "b": 2}),
        (Point, {"x": 1, "z": 3}),
        (Positional, {"a": 1, "c": 3, "d": 4}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_an_instance_is_made_of_any_attributes(model: type[Any], values: dict[str, Any]) -> None:
    """Does every value arrive, whether or not `__init__` takes it?"""
    row = inspect_model(model).constructor(values)
    assert isinstance(row, model)
    assert {name: getattr(row, name) for name in values} == values
