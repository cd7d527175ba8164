"""What a developer says about a resource."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, fields
from typing import Any, get_type_hints

import pytest
from fastapi import Depends

from fastapi_crud import ConfigurationError, CrudOptions, Limits
from fastapi_crud.access import Exposure
from fastapi_crud.operations import OPERATIONS
from fastapi_crud.options import RouterOptions
from fastapi_crud.owners import Owner, owning
from fastapi_crud.query.clauses import DEFAULT_LIMIT, MAX_LIMIT
from fastapi_crud.resolution import resolve_options

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


@owning("owner_id")
async def own() -> Owner:
    return Owner("owner_id", 1)


@owning("tenant_id")
async def own_tenant() -> Owner:
    return Owner("tenant_id", 1)


async def everything() -> bool:
    return True


WRAPPED = Depends(own)


@pytest.mark.parametrize(
    ("scope", "owned"),
    [
        (None, {}),
        (everything, {}),
        ({"update": everything, "get": None}, {}),
        (own, {"owner_id": [own]}),
        (WRAPPED, {"owner_id": [WRAPPED]}),
        ([own, own, everything], {"owner_id": [own]}),
        ({"update": own, "delete": own}, {"owner_id": [own]}),
        ((own, {"get": own_tenant}), {"owner_id": [own], "tenant_id": [own_tenant]}),
        ((own, WRAPPED), {"owner_id": [own, WRAPPED]}),
    ],
    ids=[
        "none", "unmarked", "unmarked by operation", "one", "in Depends", "twice",
        "by operation", "two columns", "two of a column",
    ],
)  # fmt: skip
def test_scopes_say_which_columns_are_owned(scope: Any, owned: Mapping[str, Any]) -> None:
    """Are all scopes looked at, each once, and are their columns read-only?"""
    options = CrudOptions(scope=scope, soft_delete="gone")
    assert options.owned == owned
    assert options.exposure().read_only == {*owned, "gone"}
    assert CrudOptions(scope=scope, read_only=["a"]).exposure().read_only == {*owned, "a"}


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


# Dependencies of the model and of the router


def guarded(dependencies: Any, **options: Any) -> type[Any]:
    """A model whose `__crud__` has dependencies."""
    return type("Guarded", (), {"__crud__": CrudOptions(dependencies=dependencies, **options)})


@pytest.mark.parametrize(
    ("on_model", "on_router", "expected"),
    [
        ([1], [2], {"create": [1, 2], "batch_create": [1, 2], "list": [1, 2], "purge": [1, 2]}),
        ([1], {"create": [2]}, {"create": [1, 2], "batch_create": [1, 2], "list": [1]}),
        ({"create": [1]}, [2], {"create": [1, 2], "batch_create": [1, 2], "list": [2]}),
        ({"create": [1]}, {"list": [2]}, {"create": [1], "batch_create": [1], "list": [2]}),
        ({"create": [1]}, {"batch_create": [2]}, {"create": [1], "batch_create": [1, 2]}),
        ({"create": [1], "batch_create": []}, [2], {"create": [1, 2], "batch_create": [2]}),
        ([1], [], {"create": [1], "list": [1]}),
        ([1], {}, {"create": [1], "list": [1]}),
        ([], [2], {"create": [2], "list": [2]}),
        ({}, {"list": [2]}, {"create": [], "list": [2]}),
    ],
    ids=[
        "both for all", "by operation on the router", "by operation on the model",
        "both by operation", "of its like on the model", "none of its like on the model",
        "nothing on the router", "nothing by operation on the router",
        "nothing on the model", "nothing by operation on the model",
    ],
)  # fmt: skip
def test_a_router_narrows_the_dependencies_of_its_model(
    on_model: Any, on_router: Any, expected: Mapping[Any, list[int]]
) -> None:
    """Do those of the model come first and those of the router after them, in every combination?"""
    options = resolve_options(guarded(on_model), {"dependencies": on_router})
    assert {name: options.dependencies_of(name) for name in expected} == expected


@pytest.mark.parametrize("dependencies", [[1], {"create": [1]}], ids=["for all", "by operation"])
def test_a_router_that_says_nothing_has_the_dependencies_of_its_model(dependencies: Any) -> None:
    """Do they stay as the model says them?"""
    options = resolve_options(guarded(dependencies), {"name": "others"})
    assert options.dependencies == dependencies


def test_a_router_cannot_open_put_around_the_dependencies_of_its_model() -> None:
    """Has a PUT that creates those of `create`, though only the router lets it create?"""
    model = guarded({"create": [1]})
    options = resolve_options(model, {"upsert": True, "dependencies": {"replace": [2]}})
    assert {*options.dependencies_of("replace")} == {1, 2}


@pytest.mark.parametrize(
    ("on_model", "on_router"),
    [
        (
            [1],
            {"gte": [2]},
        ),
        ({"gte": [1]}, [2]),
        ({"gte": [1]}, None),
    ],
    ids=["on the router", "on the model", "on the model alone"],
)
def test_misspelt_operations_are_refused_beside_others(on_model: Any, on_router: Any) -> None:
    """Is a dependency of no operation told, and not just dropped where two are joined?"""
    given = {} if on_router is None else {"dependencies": on_router}
    with pytest.raises(ConfigurationError, match=r"unknown operations \['gte'\]"):
        resolve_options(guarded(on_model), given)


@pytest.mark.parametrize(
    ("on_model", "on_router", "named"),
    [
        ([1], [2], True),
        ([1], {"delete": [2]}, False),
        ({"delete": [1]}, [2], False),
        ({"delete": [1]}, {"list": [2]}, False),
        ({"purge": [1]}, {"list": [2]}, True),
        ({"delete": [1]}, {"purge": [2]}, True),
        ({"purge": []}, [2], True),
    ],
    ids=str,
)
def test_purge_must_still_be_named(on_model: Any, on_router: Any, named: bool) -> None:
    """Is it left out where dependencies go by operation and none is for it, so that checks see it?"""
    options = resolve_options(guarded(on_model), {"dependencies": on_router})
    assert ("purge" in options.dependencies) is named


def test_no_scope_widens_that_of_the_model() -> None:
    """Does the scope of a model hold where a router says that it has none?"""

    def mine() -> bool:
        return True

    class Scoped:
        __crud__ = CrudOptions(scope=mine)

    givens: list[dict[str, Any]] = [{}, {"scope": None}, {"scope": []}]
    for given in givens:
        assert resolve_options(Scoped, given).scopes_of("list") == [mine]
