"""Bounds on what one request may ask for."""

from dataclasses import FrozenInstanceError, fields

import pytest

from fastapi_crud import ConfigurationError, Limits

NAMES = [bound.name for bound in fields(Limits)]


def test_the_defaults_are_those_of_the_contract() -> None:
    """Is everything bounded where the developer says nothing?"""
    assert {name: getattr(Limits(), name) for name in NAMES} == {
        "default_limit": 100,
        "max_limit": 1000,
        "max_filters": 50,
        "max_in": 100,
        "max_value": 1000,
        "max_search": 200,
        "max_depth": 5,
        "max_export": 1_000_000,
        "max_import": 10_000,
        "max_import_bytes": 10_000_000,
        "max_included": 100,
        "max_batch": 100,
        "idempotency_hours": 24,
        "max_exact_count": 10_000,
    }


@pytest.mark.parametrize("name", NAMES)
def test_one_is_enough(name: str) -> None:
    """Can each bound be as low as one?"""
    limits = Limits(**{"default_limit": 1, name: 1})
    assert getattr(limits, name) == 1


@pytest.mark.parametrize("name", [name for name in NAMES if "limit" not in name])
@pytest.mark.parametrize("bound", [0, -1], ids=str)
def test_nothing_at_all_is_refused(name: str, bound: int) -> None:
    """Does a bound that would forbid everything say so, by its name?"""
    with pytest.raises(ConfigurationError, match=rf"^Limits: {name} must be at least 1$"):
        Limits(**{name: bound})


@pytest.mark.parametrize(
    ("default_limit", "max_limit"), [(0, 10), (11, 10), (-1, 0), (1, 0)], ids=str
)
def test_a_page_by_default_is_one_that_may_be_asked_for(default_limit: int, max_limit: int) -> None:
    """Are two bounds that contradict each other refused?"""
    with pytest.raises(ConfigurationError, match="1 <= default_limit <= max_limit must hold"):
        Limits(default_limit=default_limit, max_limit=max_limit)


def test_limits_cannot_be_changed() -> None:
    """Are they frozen, so that routers may share them?"""
    limits = Limits()
    with pytest.raises(FrozenInstanceError):
        limits.max_in = 7  # type: ignore[misc]
