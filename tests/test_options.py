"""What a developer says about a resource."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_type_hints

import pytest

from fastapi_crud import ConfigurationError, CrudOptions, Limits
from fastapi_crud.access import Exposure
from fastapi_crud.operations import OPERATIONS
from fastapi_crud.options import RouterOptions, resolve_options
from fastapi_crud.query.clauses import DEFAULT_LIMIT, MAX_LIMIT

CLASSES = {"service", "create_schema", "update_schema", "read_schema"}


class WithValue:
    """A model that carries options."""

    __crud__ = CrudOptions(name="things", hidden=["a"], limits=Limits(max_limit=200))


class WithMethod:
    """A model that makes its options when asked."""

    @classmethod
    def __crud__(cls) -> CrudOptions:
        return CrudOptions(name=f"{cls.__name__.lower()}s")


class Without:
    """A model that says nothing."""


class WithNonsense:
    """A model whose `__crud__` is something else."""

    __crud__: Mapping[str, str] = {"name": "things"}


# Limits


@pytest.mark.parametrize(
    ("options", "bounds"),
    [
        ({}, (DEFAULT_LIMIT, MAX_LIMIT)),
        ({"max_limit": 5000}, (100, 5000)),
        ({"default_limit": 1, "max_limit": 1}, (1, 1)),
    ],
    ids=str,
)
def test_limits(options: dict[str, int], bounds: tuple[int, int]) -> None:
    """How many rows does a page have, and may it have?"""
    limits = Limits(**options)
    assert (limits.default_limit, limits.max_limit) == bounds


@pytest.mark.parametrize(
    "options",
    [
        {"default_limit": 0},
        {"default_limit": -1},
        {"max_limit": 99},
        {"default_limit": 2, "max_limit": 1},
    ],
    ids=str,
)
def test_limits_that_contradict_each_other_are_refused(options: dict[str, int]) -> None:
    """Is a page that nobody could ask for an error at once?"""
    with pytest.raises(ConfigurationError, match="1 <= default_limit <= max_limit"):
        Limits(**options)


# Options


def test_the_factory_takes_exactly_the_options_there_are() -> None:
    """Do the typed keyword arguments and the fields of `CrudOptions` agree, in their types too?"""
    keywords = get_type_hints(RouterOptions)
    options = get_type_hints(CrudOptions)
    assert keywords.keys() | CLASSES == {option.name for option in fields(CrudOptions)}
    assert not keywords.keys() & CLASSES
    assert {name: options[name] for name in keywords} == keywords


def test_options_are_values() -> None:
    """Are options equal by what they say, and frozen?"""
    options = CrudOptions(name="a")
    assert options == CrudOptions(name="a")
    with pytest.raises(FrozenInstanceError):
        options.name = "b"  # type: ignore[misc]


def test_options_say_what_is_exposed() -> None:
    """Do all options about columns reach the exposure?"""
    options = CrudOptions(
        hidden=["a"],
        readable=("b",),
        read_only={"c"},
        writable=["d"],
        hybrids=["e"],
        client_ids=True,
    )
    assert options.exposure() == Exposure(
        hidden=frozenset("a"),
        readable=frozenset("b"),
        read_only=frozenset("c"),
        writable=frozenset("d"),
        hybrids=frozenset("e"),
        client_ids=True,
    )
    assert CrudOptions().exposure() == Exposure()


@pytest.mark.parametrize(
    ("dependencies", "of_get", "of_list"),
    [((), [], []), ([1, 2], [1, 2], [1, 2]), ({"get": [1]}, [1], []), ({}, [], [])],
    ids=str,
)
def test_dependencies_are_for_all_operations_or_for_some(
    dependencies: Any, of_get: list[int], of_list: list[int]
) -> None:
    """Which dependencies does each operation have?"""
    options = CrudOptions(dependencies=dependencies)
    assert options.dependencies_of("get") == of_get
    assert options.dependencies_of("list") == of_list


@pytest.mark.parametrize(
    ("model", "given", "name", "hidden"),
    [
        (Without, {}, None, ()),
        (Without, {"name": "others"}, "others", ()),
        (WithValue, {}, "things", ["a"]),
        (WithValue, {"name": "others"}, "others", ["a"]),
        (WithValue, {"hidden": []}, "things", []),
        (WithMethod, {}, "withmethods", ()),
        (WithMethod, {"name": "others"}, "others", ()),
    ],
    ids=lambda it: getattr(it, "__name__", str(it)),
)
def test_arguments_win_over_the_model(
    model: type[Any], given: dict[str, Any], name: str | None, hidden: Any
) -> None:
    """Whose word counts: the factory's, then the model's, then the default?"""
    options = resolve_options(model, given)
    assert (options.name, options.hidden) == (name, hidden)


def test_a_model_with_nonsense_is_refused() -> None:
    """Is a `__crud__` of another type told, with the fix?"""
    with pytest.raises(ConfigurationError, match=r"WithNonsense.__crud__ must be a CrudOptions"):
        resolve_options(WithNonsense, {})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"nmae": "x"}, r"unknown options \['nmae'\]; there are actor, .*name"),
        ({"operations": ["list", "lst"]}, r"unknown operations \['lst'\]; there are list, create"),
        ({"dependencies": {"gte": []}}, r"unknown operations \['gte'\]"),
    ],
    ids=str,
)
def test_misspelt_options_are_refused(given: dict[str, Any], message: str) -> None:
    """Is an unknown option or operation told, with those there are?"""
    with pytest.raises(ConfigurationError, match=message):
        resolve_options(Without, given)


@pytest.mark.parametrize(
    "operations", [OPERATIONS, ["get"], {"list", "get"}, ()], ids=["all", "one", "a set", "none"]
)
def test_any_choice_of_operations_is_fine(operations: Any) -> None:
    """May a resource have some of the operations, or none?"""
    assert resolve_options(Without, {"operations": operations}).operations == operations
