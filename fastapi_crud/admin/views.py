"""Views of the admin UI: what is shown of a resource, and how changes go through its service."""

import logging
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import sqlalchemy as sa
from sqladmin import ModelView, helpers
from sqladmin.forms import WTFORMS_ATTRS
from starlette.exceptions import HTTPException
from starlette.requests import Request
from typing_extensions import override
from wtforms import Form  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

from fastapi_crud.admin.forms import BLANK, STRUCTURED, body, field, inputs, plain, text_of
from fastapi_crud.database import Database, transaction
from fastapi_crud.exceptions import CrudError, InvalidData, NotFound
from fastapi_crud.query.loading import attributes_of
from fastapi_crud.router.callers import Sight
from fastapi_crud.router.resource import Resource
from fastapi_crud.router.work import AnyService, service_in

logger: logging.Logger = logging.getLogger(__name__)

_helpers: Any = helpers  # untyped in part


class ResourceView(ModelView):
    """Shows one resource; what is written goes through its service."""

    export_max_rows = 10_000
    resource: ClassVar[Resource]
    database: ClassVar[Database]

    @override
    async def insert_model(self, request: Request, data: dict[str, Any]) -> Any:
        """Store a new row."""
        given = {name: text for name, text in data.items() if text not in BLANK}

        async def create(service: AnyService) -> Any:  # noqa: ANN401 - a row
            return await service.create(
                body(self.resource.info, self.resource.schemas.create, given)
            )

        return await self._written(request, create)

    @override
    async def update_model(self, request: Request, pk: str, data: dict[str, Any]) -> Any:
        """Change what differs from the row as it is."""
        key = self._id(pk)

        async def update(service: AnyService) -> Any:  # noqa: ANN401 - a row
            row = await service.get(key)
            told = {} if row is None else self._texts(row)
            given = {n: text for n, text in data.items() if plain(text) != plain(told.get(n, ""))}
            changes = body(self.resource.info, self.resource.schemas.update, given)
            changed = await service.update(key, changes)
            if changed is None:
                raise NotFound(self.resource.info.name, pk)
            return changed

        return await self._written(request, update)

    @override
    async def delete_model(self, request: Request, pk: str) -> None:
        """Delete a row, or mark it as deleted."""
        key = self._id(pk)

        async def delete(service: AnyService) -> None:
            if not await service.delete(key):
                raise NotFound(self.resource.info.name, pk)

        await self._written(request, delete)

    async def _written(self, request: Request, work: Callable[[AnyService], Awaitable[Any]]) -> Any:  # noqa: ANN401
        resource = self.resource
        with _told(resource):
            async with self.database.sessionmaker() as session:
                sight = Sight(resource.callers.view, actor=request.state.admin)
                service = service_in(resource, session, sight, None)
                async with transaction(session, resource.info):
                    return await work(service)

    @override
    def list_query(self, request: Request) -> sa.Select[Any]:
        """Select all rows that are not deleted."""
        return self._live(sa.select(self.model))

    @override
    def _stmt_by_identifier(self, identifier: str) -> sa.Select[Any]:
        """Select one row that is not deleted."""
        key = zip(self.resource.info.key, self._key(identifier), strict=True)
        where = [getattr(self.model, column.name) == value for column, value in key]
        model: Any = self.model
        return self._live(sa.select(model).where(*where))

    @override
    async def get_form_data_for_edit(self, obj: Any) -> dict[str, Any]:
        """Write the columns of a row as the form shows them: those that may be read."""
        return {WTFORMS_ATTRS.get(name, name): text for name, text in self._texts(obj).items()}

    @override
    async def get_object_filepath(self, identifier: str, column_name: str) -> Any:
        """Serve no files: a column that holds a path may be hidden."""
        raise HTTPException(404)

    @override
    async def scaffold_form(self, rules: Sequence[str] | None = None) -> type[Form]:
        """Make the form of what may be written: its texts are checked by the schema."""
        columns = self.resource.info.columns
        fields = {
            WTFORMS_ATTRS.get(name, name): field(name, columns.get(name)) for name in rules or ()
        }
        return type("ResourceForm", (Form,), fields)

    def _texts(self, row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row
        columns = self.resource.info.columns
        names = self._details_prop_names
        return {name: text_of(columns[name], getattr(row, name)) for name in names}

    def _id(self, identifier: str) -> Any:  # noqa: ANN401 - any key
        """Give a key as services take it: one value, or a tuple where it is composite."""
        key = self._key(identifier)
        return key[0] if len(key) == 1 else key

    def _key(self, identifier: str) -> tuple[Any, ...]:
        try:
            key = self.resource.info.as_key(
                _helpers.object_identifier_values(identifier, self.model)
            )
        except (ValueError, TypeError, ArithmeticError):
            key = None
        if key is None:
            raise HTTPException(404)
        return key

    def _live(self, rows: sa.Select[Any]) -> sa.Select[Any]:
        deletion = self.resource.deletion
        return rows if deletion is None else rows.where(deletion.is_live(self.model))


def view_of(resource: Resource, database: Database) -> type[ResourceView]:
    """Make the view of a resource: columns that may be read, forms of those that may be written.

    Args:
        resource: The resource.
        database: Where its rows are.
    """
    info, said, schemas = resource.info, resource.options, resource.schemas

    class View(ResourceView, model=info.model):
        pass

    read = [
        name
        for name in attributes_of(schemas.read)
        if name in info.columns and info.columns[name].columns
    ] or info.key_names
    flat = [name for name in read if info.columns[name].kind.name not in STRUCTURED]
    searched = said.search if isinstance(said.search, Sequence) else ()
    View.resource, View.database = resource, database
    View.identity = resource.names.plural
    View.name = resource.names.singular.replace("_", " ").capitalize()
    View.name_plural = resource.names.plural.replace("_", " ").capitalize()
    View.column_list = View.column_details_list = View.form_columns = read
    View.column_export_list = [*read]
    View.column_sortable_list = flat
    View.column_searchable_list = [name for name in searched if name in flat]
    View.form_create_rules = [*inputs(schemas.create, info)]
    View.form_edit_rules = [*inputs(schemas.update, info)]
    View.can_create = "create" in said.operations
    View.can_edit = "update" in said.operations
    View.can_delete = "delete" in said.operations
    return View


@contextmanager
def _told(resource: Resource) -> Generator[None]:
    """Say what went wrong in words for a form; sqladmin shows, and logs, any error as it is."""
    try:
        yield
    except HTTPException as error:
        raise InvalidData(error.detail) from None
    except CrudError as error:
        raise InvalidData(_words(resource, error)) from None
    except Exception:
        logger.exception("a change in the admin UI failed")
        msg = "Something went wrong on our side"
        raise InvalidData(msg) from None


def _words(resource: Resource, error: CrudError) -> str:
    fields: Sequence[str] = getattr(error, "fields", ())
    shown = [name for name in fields if name not in resource.concealed(fields, frozenset())]
    return f"{', '.join(shown)}: {error}" if shown else str(error)
