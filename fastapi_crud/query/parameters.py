"""What a list can be asked beside filters: each parameter reads itself, from text or from JSON."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Self, cast

from typing_extensions import override

from fastapi_crud.query.literals import text_within
from fastapi_crud.values import integer_from_text

MAX_CURSOR = 8000
"""Characters of a cursor: more does not fit into the head of a request."""
LONGEST_NAME = 64
"""Nobody mistypes a longer name: no suggestion is looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter(ABC):
    """What a list can be asked. What cannot be read raises ValueError, saying what it must be.

    Args:
        name: Its name.
        description: What it does, for the documentation.
        repeatable: Whether it may be given more than once.
        documented: Whether it stands in the documentation.
    """

    name: str
    description: str = ""
    repeatable: bool = False
    documented: bool = True

    def read(self, texts: Sequence[str]) -> Any:  # noqa: ANN401 - what it means
        """Read the values of a query string: one unless repeatable."""
        return self.read_json(texts[0])

    @abstractmethod
    def read_json(self, value: Any) -> Any:  # noqa: ANN401 - JSON in, what it means out
        """Read the value of a JSON body."""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """Describe the value in JSON schema."""

    def without(self, hidden: Collection[str]) -> Self | None:
        """Give the parameter for a caller who may not see some attributes; None: not at all."""
        del hidden
        return self


@dataclass(frozen=True, kw_only=True, slots=True)
class IntegerParameter(Parameter):
    """An integer within bounds.

    Args:
        default: What holds when it is absent.
        minimum: The smallest value.
        maximum: The largest value.
    """

    default: int
    minimum: int
    maximum: int

    @override
    def read(self, texts: Sequence[str]) -> int:
        try:
            value = integer_from_text(texts[0])
        except ValueError:
            raise ValueError(self._must) from None
        return self.read_json(value)

    @override
    def read_json(self, value: Any) -> int:
        if type(value) is not int or not self.minimum <= value <= self.maximum:
            raise ValueError(self._must)
        return value

    @override
    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.minimum, "maximum": self.maximum, "default": self.default}
        return {"type": "integer", "format": "int64", **bounds}

    @property
    def _must(self) -> str:
        return f"must be an integer from {self.minimum} to {self.maximum}"


@dataclass(frozen=True, kw_only=True, slots=True)
class NamesParameter(Parameter):
    """A list of names out of those allowed: repeated, or separated by commas.

    Args:
        allowed: What clients write → what is meant.
        attributes: What clients write → the attribute that it is about.
    """

    allowed: Mapping[str, Any]
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    repeatable: bool = True

    @override
    def read(self, texts: Sequence[str]) -> tuple[Any, ...]:
        return self.read_json([name for text in texts for name in text.split(",")])

    @override
    def read_json(self, value: Any) -> tuple[Any, ...]:
        names: list[Any] = [*value] if isinstance(value, list) else [value]
        if not 1 <= len(names) <= len(self.allowed):
            msg = f"must have 1 to {len(self.allowed)} names"
            raise ValueError(msg)
        for name in names:
            if not isinstance(name, str) or name not in self.allowed:
                raise ValueError("has an unknown name" + did_you_mean(name, self.allowed))
        if len({name.removeprefix("-") for name in names}) < len(names):
            msg = "has a name twice"
            raise ValueError(msg)
        return tuple(self.allowed[name] for name in names)

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "string", "enum": [*self.allowed]}}

    @override
    def without(self, hidden: Collection[str]) -> Self | None:
        allowed = {
            name: meaning
            for name, meaning in self.allowed.items()
            if self.attributes.get(name) not in hidden
        }
        return replace(self, allowed=allowed) if allowed else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChoiceParameter(Parameter):
    """One word out of several.

    Args:
        choices: The words.
    """

    choices: tuple[str, ...]

    @override
    def read_json(self, value: Any) -> str:
        if value not in self.choices:
            msg = f"must be one of {', '.join(self.choices)}"
            raise ValueError(msg)
        return cast("str", value)

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": [*self.choices]}


@dataclass(frozen=True, kw_only=True, slots=True)
class CursorParameter(Parameter):
    """Where a page begins, as the page before has told."""

    @override
    def read_json(self, value: Any) -> str:
        return text_within(value, MAX_CURSOR)

    @override
    def schema(self) -> dict[str, Any]:
        return {"type": "string", "maxLength": MAX_CURSOR}


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Suggest the name that was probably meant, as the end of a sentence; empty if none is close."""
    return suggestion(closest(name, known) if isinstance(name, str) else None)


def closest(name: str, known: Iterable[str]) -> str | None:
    """Give the name that was probably meant, if any is close."""
    if len(name) > LONGEST_NAME:
        return None
    return next(iter(get_close_matches(name, known, n=1)), None)


def suggestion(name: str | None) -> str:
    """Suggest a name, as the end of a sentence."""
    return f"; did you mean {name}?" if name else ""
