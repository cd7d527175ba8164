"""Wires: what is different on a router whose clients are admin frontends, decided when it is built.

A wire is a translation at the edge: how its clients ask stands in `dialects.py`, and here what
follows for a resource: the names of its filters, its bodies and its answers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, cast

from pydantic import BaseModel, Field, create_model
from typing_extensions import override

from fastapi_crud.columns import ColumnInfo, ModelInfo
from fastapi_crud.fields import read_field
from fastapi_crud.naming import Names
from fastapi_crud.options import CrudOptions
from fastapi_crud.query.clauses import OrderBy, Query
from fastapi_crud.query.filters import FilterParameter
from fastapi_crud.query.loading import attributes_of
from fastapi_crud.query.operators import OPERATORS
from fastapi_crud.query.parameters import NamesParameter, Parameter
from fastapi_crud.query.vocabulary import Vocabulary
from fastapi_crud.router.dialects import DIALECTS, Dialect, Words
from fastapi_crud.router.responses import AnyPage, RowWriter, total_headers
from fastapi_crud.router.views import WHOLE, Included, Selection
from fastapi_crud.router.wire_checks import ID, check_wire
from fastapi_crud.router.wire_parsing import WireParser

SEARCH = "q"
"""What they call a search."""


OURS = frozenset({"skip", "limit", "sort", "search", "cursor"})
"""Our parameters that clients of a wire say otherwise, or not at all."""


@dataclass(frozen=True, kw_only=True)
class Wire:
    """What is different for one resource.

    Args:
        name: What the wire is called.
        names: What its rows are called.
        key: The column that rows are known by.
        public: Attribute → its name in answers; the key has one even where it is not shown.
        adds_id: Whether answers need an `id` beside what they show.
    """

    name: str
    names: Names
    key: ColumnInfo
    public: Mapping[str, str]
    adds_id: bool

    @property
    def dialect(self) -> Dialect:
        """How its clients ask."""
        return DIALECTS[self.name]

    @property
    def named(self) -> str:
        """What the key is called in answers."""
        return self.public[self.key.name]

    # Questions

    def vocabulary(self, vocabulary: Vocabulary) -> Vocabulary:
        """Let rows always be looked up and sorted by their keys, as many as a page may have."""
        limits = vocabulary.limits
        many = replace(limits, max_in=max(limits.max_in, limits.max_limit))
        name = self.named
        added: dict[str, Parameter] = {}
        for operator in ("eq", "in"):
            added[f"{name}__{operator}"] = FilterParameter(
                name=f"{name}__{operator}", path=self.key.name, column=self.key, limits=many,
                operator=OPERATORS[operator], repeatable=operator == "in",
                description="Rows with these keys.",
            )  # fmt: skip
        sort = cast("NamesParameter | None", vocabulary.parameters.get("sort"))
        keys = {
            f"{sign}{it}": OrderBy(self.key.name, bool(sign))
            for it in (ID, name)
            for sign in ("", "-")
        }
        attributes = {text: order.field for text, order in keys.items()}
        added["sort"] = NamesParameter(
            name="sort",
            allowed={**(sort.allowed if sort else {}), **keys},
            attributes={**(sort.attributes if sort else {}), **attributes},
        )
        return replace(vocabulary, parameters=MappingProxyType({**vocabulary.parameters, **added}))

    def words(self, vocabulary: Vocabulary) -> Words:
        """Tell what clients call what they can ask; a column's own name comes first."""
        filters: dict[str, str] = {}
        fields: dict[str, dict[str, str]] = {}
        spelt: list[tuple[str, str]] = []  # a field is compared with a value by two names
        for name, it in vocabulary.parameters.items():
            if isinstance(it, FilterParameter):
                field = self.public.get(it.path, it.path.replace(".", "__"))
                fields.setdefault(field, {}).setdefault(it.operator.name, name)
                filters[name] = name
                spelt += [(name, field)] if it.operator.name == "eq" else []
        filters = {**{field: fields[field]["eq"] for _, field in spelt}, **filters}
        if "search" in vocabulary.parameters:
            filters[SEARCH] = "search"
        name = self.named
        others = [(field, ways, self.dialect.suffixes) for field, ways in fields.items()]
        keys = fields.get(name, {})  # one row has no filters
        others.append((ID, keys, {"": "eq", **{f"__{it}": it for it in keys}}))
        for field, ways, suffixes in others:
            for suffix, operator in suffixes.items():
                if operator in ways:
                    filters.setdefault(f"{field}{suffix}", ways[operator])
        return Words(
            vocabulary=vocabulary,
            filters=filters,
            several={ours: fields[it]["in"] for ours, it in spelt if "in" in fields[it]},
            nulls={ours: fields[it]["isnull"] for ours, it in spelt if "isnull" in fields[it]},
            lookup=keys.get("in"),
        )

    def parser(self, vocabulary: Vocabulary) -> WireParser:
        """Read query strings."""
        others = [
            n for n, it in vocabulary.parameters.items() if not isinstance(it, FilterParameter)
        ]
        return WireParser(self.dialect, self.words(vocabulary), frozenset(others) - OURS)

    # Bodies and answers

    def tolerant(self, body: type[BaseModel]) -> type[BaseModel]:
        """Let a body have keys that it does not know: clients send back all that they read."""
        return create_model(
            f"{self.names.schema}Update",
            __base__=body,
            __module__=body.__module__,
            __cls_kwargs__={"extra": "ignore"},
        )

    def documented(self, row: type[BaseModel]) -> type[BaseModel]:
        """Document the `id` of a row."""
        return self._with_id(f"{self.names.schema}Read", row) if self.adds_id else row

    def removed_schema(self, module: str) -> type[BaseModel]:
        """Document the answer to DELETE."""
        return self._with_id(f"{self.names.schema}Deleted", create_model("_", __module__=module))

    def _with_id(self, name: str, base: type[BaseModel]) -> type[BaseModel]:
        annotation: Any = read_field(self.key).annotation
        described = Field(description="What the row is known by: its primary key.")
        fields: dict[str, Any] = {ID: (annotation, described)}
        return create_model(name, __base__=base, __module__=base.__module__, **fields)

    def removed(self, key: Any) -> bytes:  # noqa: ANN401 - any key
        """Write the answer to DELETE."""
        return b'{"id":%b}' % self.key.reader.dump_json(key)

    def page_headers(self, query: Query, page: AnyPage) -> dict[str, str]:
        """Tell where a page stands, and the total."""
        rows = len(page.items)
        place = f"{query.skip}-{query.skip + rows - 1}" if rows else "*"
        total = "*" if page.total is None else page.total
        return {"Content-Range": f"{self.names.plural} {place}/{total}", **total_headers(page)}


def make_wire(
    info: ModelInfo, options: CrudOptions, read: type[BaseModel], names: Names
) -> Wire | None:
    """Tell what is different on the wire of a resource; None: nothing.

    Args:
        info: The model.
        options: What the developer said.
        read: The schema of one row.
        names: What its rows are called.

    Raises:
        ConfigurationError: If the wire cannot carry it; the message names the fix.
    """
    if options.wire == "native":
        return None
    check_wire(info, options, read)
    key, shown = info.key[0], attributes_of(read)
    return Wire(
        name=options.wire,
        names=names,
        key=key,
        public={key.name: ID, **shown},
        adds_id=shown.get(key.name) != ID,
    )


class WireWriter(RowWriter):
    """Writes rows as a wire has them: pages are bare arrays, and each row has its `id`.

    Args:
        info: The model.
        read: The schema of one row.
        included: The schemas of included rows.
        wire: The wire.
    """

    def __init__(
        self, info: ModelInfo, read: type[BaseModel], included: Included, wire: Wire
    ) -> None:
        super().__init__(info, read, included)
        self._wire = wire

    @override
    def row(self, row: object, selection: Selection = WHOLE) -> bytes:
        """Write one row."""
        content = super().row(row, selection)
        if not self._wire.adds_id:
            return content
        key = self._wire.removed(getattr(row, self._wire.key.name))
        return key if content == b"{}" else b"%b,%b" % (key[:-1], content[1:])

    @override
    def page(self, page: AnyPage, selection: Selection = WHOLE) -> bytes:
        """Write a page of rows, without what leads on from it."""
        if not self._wire.adds_id:
            return self._several(page.items, selection)
        return b"[%b]" % b",".join(self.row(row, selection) for row in page.items)
