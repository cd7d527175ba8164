"""Bounds on what one request may ask for."""

from dataclasses import dataclass, fields

from fastapi_crud.exceptions import ConfigurationError
from fastapi_crud.query.clauses import DEFAULT_LIMIT, MAX_LIMIT


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Bounds on what one request may ask for.

    Args:
        default_limit: How many rows a page has when the client does not say.
        max_limit: How many rows a page may have.
        max_filters: How many filters a list may have, and a search in all its branches.
        max_in: How many values `in` and `not_in` may have.
        max_value: How many characters a value to compare with may have.
        max_search: How many characters `search` may have.
        max_depth: How deep `and`, `or` and `not` may be nested in a search.
        max_batch: How many items one request may create, update, delete or upsert.
        max_export: How many rows an export may have.
        max_import: How many rows an import may have.
        max_import_bytes: How many bytes an import may have.
        max_included: How many rows of a to-many relationship are shown with each row.
        idempotency_hours: For how many hours the answer to an idempotency key is kept.
        max_exact_count: How many rows `count=estimated` counts before it estimates.
    """

    default_limit: int = DEFAULT_LIMIT
    max_limit: int = MAX_LIMIT
    max_filters: int = 50
    max_in: int = 100
    max_value: int = 1000
    max_search: int = 200
    max_depth: int = 5
    max_batch: int = 100
    max_export: int = 1_000_000
    max_import: int = 10_000
    max_import_bytes: int = 10_000_000
    max_included: int = 100
    idempotency_hours: int = 24
    max_exact_count: int = 10_000

    def __post_init__(self) -> None:
        """Refuse bounds that contradict each other."""
        if not 1 <= self.default_limit <= self.max_limit:
            msg = "Limits: 1 <= default_limit <= max_limit must hold"
            raise ConfigurationError(msg)
        for bound in fields(self):
            if getattr(self, bound.name) < 1:
                msg = f"Limits: {bound.name} must be at least 1"
                raise ConfigurationError(msg)
