"""What a resource is called: in paths, operation ids and schema names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fastapi_crud.columns import ModelInfo
from fastapi_crud.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class Names:
    """What a resource is called.

    Args:
        plural: In paths and in `list_users`.
        singular: In `get_user`.
        schema: What schema names begin with, such as `User`.
    """

    plural: str
    singular: str
    schema: str


def resolve_names(info: ModelInfo, name: str | None = None, singular: str | None = None) -> Names:
    """Find out what a resource is called.

    Args:
        info: The model.
        name: The plural, if the developer gave one.
        singular: The singular, if the developer gave one.

    Raises:
        ConfigurationError: If the name cannot be part of a path.
    """
    table = getattr(info.mapper.local_table, "name", info.name)
    plural = name or table
    default = singular_of(plural) if name not in {None, table} else _snake(info.name)
    singular = singular or default
    for word in (plural, singular):
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", word):
            msg = f"{word!r} cannot be part of a path: give name= and singular= in plain letters"
            raise ConfigurationError(msg)
    same_as_class = singular == _snake(info.name)
    schema = (
        info.name if same_as_class else re.sub(r"(^|[_-]+)(.)", lambda m: m[2].upper(), singular)
    )
    return Names(plural, singular, schema)


SINGULARS: Mapping[str, str] = MappingProxyType(
    {
        "ies": "y",
        "sses": "ss",
        "xes": "x",
        "zes": "z",
        "ches": "ch",
        "shes": "sh",
        "ss": "ss",
        "s": "",
    }
)
"""Ending of a plural → ending of its singular; the first that fits counts."""


def singular_of(plural: str) -> str:
    """Give the singular of an English plural; what is none stays as it is."""
    for ending, replacement in SINGULARS.items():
        if plural.endswith(ending):
            return plural.removesuffix(ending) + replacement
    return plural


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
