"""Spans and metrics by the standard instrumentations of OpenTelemetry."""

from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.sqlalchemy import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    SQLAlchemyInstrumentor,
)
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, make_crud_router, make_health_router


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


# --8<-- [start:observe]
def observe(
    app: FastAPI,
    database: Database,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
) -> None:
    """Watch an app; with the providers of the process unless others are given."""
    FastAPIInstrumentor.instrument_app(
        app,
        excluded_urls="healthz,readyz",
        exclude_spans=["receive", "send"],
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
    )
    SQLAlchemyInstrumentor().instrument(
        engine=database.engine.sync_engine,
        skip_dep_check=True,  # it does not know SQLAlchemy 2.1 by name yet
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
    )


# --8<-- [end:observe]


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(lifespan=db.lifespan)
app.include_router(make_crud_router(Note), prefix="/api/v1")
app.include_router(make_health_router())
