"""Who makes a request, in a text that can be stored and compared."""

from collections.abc import Mapping
from typing import Any, cast

from fastapi_crud.exceptions import ConfigurationError

NAMES = ("id", "sub")
"""What tells an actor from others: attributes, or keys of a dictionary such as a token's claims."""


def actor_text(actor: Any) -> str | None:  # noqa: ANN401 - whatever the developer's dependency gives
    """Name an actor: by its `id` or `sub`, or else by its own text.

    Args:
        actor: A user, claims, a name, a number …

    Returns:
        The text; None where nobody is known.

    Raises:
        ConfigurationError: If the text would not tell it from others.
    """
    if actor is None:
        return None
    known = cast("Mapping[str, Any]", actor if isinstance(actor, Mapping) else {})
    for name in NAMES:
        value: Any = known.get(name, getattr(cast("object", actor), name, None))
        if value is not None:
            return str(value)
    kind: Any = type(cast("object", actor))
    if (kind.__str__, kind.__repr__) == (object.__str__, object.__repr__):
        # Its text is an address in memory, which may be another one's with the next request.
        msg = f"actor gave a {kind.__name__} without `id`: give it one, or return a text"
        raise ConfigurationError(msg)
    return str(cast("object", actor))
