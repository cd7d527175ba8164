"""JSON merge patch (RFC 7396): JSON columns are merged with what is stored, not replaced."""

from collections.abc import Mapping
from typing import Any, cast

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from fastapi_crud.columns import ModelInfo
from fastapi_crud.query.loading import attribute_of
from fastapi_crud.router.headers import media_type_of
from fastapi_crud.values import check_json

MERGE_PATCH = "application/merge-patch+json"


class Merger:
    """Reads the bodies of PATCH for a model with JSON columns.

    Args:
        info: The model.
        update: The schema of the body.
    """

    def __init__(self, info: ModelInfo, update: type[BaseModel]) -> None:
        self._update = update
        fields = {
            spec.alias or name: attribute_of(name, spec)
            for name, spec in update.model_fields.items()
        }
        self.columns: Mapping[str, str] = {
            key: attribute
            for key, attribute in fields.items()
            if attribute in info.columns and info.columns[attribute].kind.name == "json"
        }
        self._info = info

    def merges(self, request: Request, body: object) -> bool:
        """Tell whether a body can only be understood beside the row that it changes."""
        media_type = media_type_of(request.scope)
        if media_type != MERGE_PATCH or not isinstance(body, dict):
            return False
        given = cast("dict[str, object]", body)
        return any(isinstance(given.get(key), dict) for key in self.columns)

    def merged(self, body: Mapping[str, Any], row: object) -> dict[str, Any]:
        """Give a body whose JSON columns are merged with those of a row."""
        merged = dict(body)
        for key, attribute in self.columns.items():
            patch: Any = body.get(key)
            if isinstance(patch, dict):
                column = self._info.columns[attribute]
                stored = column.reader.dump_python(getattr(row, attribute), mode="json")
                merged[key] = merge(stored, _bounded(body[key], key))
        return merged

    def read(self, body: object) -> BaseModel:
        """Validate a body.

        Raises:
            RequestValidationError: If it does not fit its schema.
        """
        try:
            return self._update.model_validate(body)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            raise RequestValidationError(
                [{**each, "loc": ("body", *each["loc"])} for each in errors]
            ) from error


def _bounded(patch: Any, key: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return check_json(patch)
    except ValueError as error:
        place = ("body", key)
        raise RequestValidationError(
            [{"type": "value_error", "loc": place, "msg": str(error)}]
        ) from error


def merge(target: Any, patch: Any) -> Any:  # noqa: ANN401 - JSON
    """Apply a JSON merge patch (RFC 7396 §2)."""
    if not isinstance(patch, dict):
        return patch
    merged: dict[str, Any] = (
        dict(cast("dict[str, Any]", target)) if isinstance(target, dict) else {}
    )
    for name, value in cast("dict[str, Any]", patch).items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged
