"""A route that FastAPI reads when it is first used, not when it is made."""

from collections.abc import Callable
from inspect import Signature
from typing import Any

from fastapi.routing import APIRoute

EARLY = (
    "form_limits",
    "param_convertors",
    "path_format",
    "path_regex",
    "stream_item_type",
    "unique_id",
)
"""What is known of a route, beside what was said of it, before its endpoint is read."""


class LateRoute(APIRoute):
    """An `APIRoute` whose endpoint, answers and dependencies are read on first use.

    A router is mostly included in an app, which reads each route for itself: then what was read
    before is never used. Dependencies are read at once, since they can be wrong.

    Args:
        path: The path.
        endpoint: What answers.
        **said: As `APIRoute` takes it.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **said: Any) -> None:  # noqa: ANN401
        if said.get("dependencies"):
            super().__init__(path, endpoint, **said)
            return
        bare: dict[str, Any] = {**said, "response_model": None, "responses": None}
        outline = vars(APIRoute(path, _nothing, **bare))
        kept = {name: outline[name] for name in (*said, *EARLY) if name in outline}
        given = {name: said[name] for name in ("response_model", "responses") if name in said}
        vars(self).update(kept | given, path=path, endpoint=endpoint)
        self._unread = (path, endpoint, said)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever FastAPI has
        """Read the endpoint where more is asked than is known."""
        if name.startswith("__") or "_unread" not in vars(self):
            msg = f"{type(self).__name__!r} object has no attribute {name!r}"
            raise AttributeError(msg)
        self.read()
        return getattr(self, name)

    def read(self) -> None:
        """Read the endpoint now; what was set since the route was made stays as it is."""
        unread = vars(self).pop("_unread", None)
        if unread is None:
            return
        path, endpoint, said = unread
        known = {**vars(self)}
        super().__init__(path, endpoint, **said)
        vars(self).update(known)


def _nothing() -> None: ...


_nothing.__signature__ = Signature()  # type: ignore[attr-defined] # so that nobody works it out
