"""Full CRUD endpoints for FastAPI from a declared SQLAlchemy model.

A room is loaded when the first of its names is asked for: who needs the models, the service or the
tasks does not load FastAPI.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi_crud.audit import Audited as Audited, AuditEntry as AuditEntry
    from fastapi_crud.database import Database as Database
    from fastapi_crud.deprecation import CrudDeprecationWarning as CrudDeprecationWarning
    from fastapi_crud.exceptions import (
        CheckViolation as CheckViolation,
        ConfigurationError as ConfigurationError,
        Conflict as Conflict,
        ConstraintViolation as ConstraintViolation,
        ContentTooLarge as ContentTooLarge,
        CrudError as CrudError,
        DatabaseUnavailable as DatabaseUnavailable,
        DuplicateItem as DuplicateItem,
        ForeignKeyViolation as ForeignKeyViolation,
        IdempotencyKeyReused as IdempotencyKeyReused,
        InvalidData as InvalidData,
        InvalidIdempotencyKey as InvalidIdempotencyKey,
        InvalidLines as InvalidLines,
        InvalidQuery as InvalidQuery,
        Issue as Issue,
        KeyMismatch as KeyMismatch,
        LockTimeout as LockTimeout,
        NotAcceptable as NotAcceptable,
        NotDeleted as NotDeleted,
        NotFound as NotFound,
        NotNullViolation as NotNullViolation,
        PermissionDenied as PermissionDenied,
        PreconditionFailed as PreconditionFailed,
        PreconditionRequired as PreconditionRequired,
        RequestInProgress as RequestInProgress,
        TransactionConflict as TransactionConflict,
        Unavailable as Unavailable,
        UniqueViolation as UniqueViolation,
        UnsupportedMediaType as UnsupportedMediaType,
        ValueRejected as ValueRejected,
    )
    from fastapi_crud.health import make_health_router as make_health_router
    from fastapi_crud.idempotency import (
        idempotency_table as idempotency_table,
        prune_idempotency_keys as prune_idempotency_keys,
    )
    from fastapi_crud.models import (
        Base as Base,
        IntPrimaryKey as IntPrimaryKey,
        SoftDelete as SoftDelete,
        Timestamps as Timestamps,
        UTCDateTime as UTCDateTime,
        UUIDPrimaryKey as UUIDPrimaryKey,
        Versioned as Versioned,
    )
    from fastapi_crud.options import CrudOptions as CrudOptions, Limits as Limits
    from fastapi_crud.owners import Owner as Owner, owning as owning
    from fastapi_crud.query.clauses import (
        And as And,
        Filter as Filter,
        FullText as FullText,
        Not as Not,
        Or as Or,
        OrderBy as OrderBy,
        Query as Query,
        Search as Search,
    )
    from fastapi_crud.query.formatting import (
        format_body as format_body,
        format_query as format_query,
    )
    from fastapi_crud.query.operand import Operand as Operand
    from fastapi_crud.query.operators import Operator as Operator
    from fastapi_crud.query.pagination import CursorPage as CursorPage, Page as Page
    from fastapi_crud.query.search import (
        PostgreSQLFullText as PostgreSQLFullText,
        SQLiteFullText as SQLiteFullText,
    )
    from fastapi_crud.records import (
        JSONFormatter as JSONFormatter,
        RequestIdFilter as RequestIdFilter,
        current_request_id as current_request_id,
    )
    from fastapi_crud.repository import Repository as Repository
    from fastapi_crud.router.cors import add_cors as add_cors
    from fastapi_crud.router.crud_router import CrudRouter as CrudRouter
    from fastapi_crud.router.dependencies import DbSession as DbSession, get_db as get_db
    from fastapi_crud.router.directory import CrudRouters as CrudRouters
    from fastapi_crud.router.docs_pages import add_docs as add_docs
    from fastapi_crud.router.factory import make_crud_router as make_crud_router
    from fastapi_crud.router.problems import add_exception_handlers as add_exception_handlers
    from fastapi_crud.router.request_ids import add_request_ids as add_request_ids
    from fastapi_crud.schemas import Schemas as Schemas, make_schemas as make_schemas
    from fastapi_crud.service import Service as Service
    from fastapi_crud.settings import Settings as Settings, get_settings as get_settings
else:
    from importlib import import_module

    ROOMS = {
        "audit": "Audited AuditEntry",
        "database": "Database",
        "deprecation": "CrudDeprecationWarning",
        "exceptions": (
            "CheckViolation ConfigurationError Conflict ConstraintViolation ContentTooLarge "
            "CrudError DatabaseUnavailable DuplicateItem ForeignKeyViolation "
            "IdempotencyKeyReused InvalidData InvalidIdempotencyKey InvalidLines InvalidQuery "
            "Issue KeyMismatch LockTimeout NotAcceptable NotDeleted NotFound NotNullViolation "
            "PermissionDenied PreconditionFailed PreconditionRequired RequestInProgress "
            "TransactionConflict Unavailable UniqueViolation UnsupportedMediaType "
            "ValueRejected"
        ),
        "health": "make_health_router",
        "idempotency": "idempotency_table prune_idempotency_keys",
        "models": ("Base IntPrimaryKey SoftDelete Timestamps UTCDateTime UUIDPrimaryKey Versioned"),
        "options": "CrudOptions Limits",
        "owners": "Owner owning",
        "query.clauses": "And Filter FullText Not Or OrderBy Query Search",
        "query.formatting": "format_body format_query",
        "query.operand": "Operand",
        "query.operators": "Operator",
        "query.pagination": "CursorPage Page",
        "query.search": "PostgreSQLFullText SQLiteFullText",
        "records": "JSONFormatter RequestIdFilter current_request_id",
        "repository": "Repository",
        "router.cors": "add_cors",
        "router.crud_router": "CrudRouter",
        "router.dependencies": "DbSession get_db",
        "router.directory": "CrudRouters",
        "router.docs_pages": "add_docs",
        "router.factory": "make_crud_router",
        "router.problems": "add_exception_handlers",
        "router.request_ids": "add_request_ids",
        "schemas": "Schemas make_schemas",
        "service": "Service",
        "settings": "Settings get_settings",
    }
    HOMES = {name: room for room, names in ROOMS.items() for name in names.split()}
    __all__ = list(HOMES)

    def __getattr__(name: str) -> object:
        """Load a name (PEP 562)."""
        if name not in HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
        return value

    def __dir__() -> list[str]:
        """Give what is public, loaded or not."""
        return __all__
