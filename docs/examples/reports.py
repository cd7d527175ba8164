"""Reports that are made later, in the process of the app."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    DbSession,
    NotFound,
    Repository,
    add_exception_handlers,
    make_crud_router,
)
from fastapi_crud.tasks import (
    Permanent,
    Relay,
    Retry,
    RetryPolicy,
    TaskContext,
    outbox_table,
    task,
)


class Report(Base):
    __tablename__ = "reports"

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7))
    sales: Mapped[int | None]
    text: Mapped[str | None] = mapped_column(Text)


outbox_table(Base.metadata)


# --8<-- [start:task]
GONE = "the report has been deleted"
NO_FIGURES = "there are no figures yet"


@task("reports.write", retry=RetryPolicy(max_attempts=5, base=10, cap=600), time_limit=60)
async def write_report(context: TaskContext, report_id: int) -> None:
    report = await context.session.get(Report, report_id)
    if report is None:
        raise Permanent(GONE)
    if report.sales is None:
        raise Retry(NO_FIGURES, after=3600)
    report.text = text = f"In {report.month}, {report.sales} were sold."
    await print_report.enqueue(context.session, report.id, text)


# --8<-- [end:task]
# --8<-- [start:sync]
@task("reports.print")
def print_report(number: int, text: str) -> None:
    Path(f"report-{number}.txt").write_text(text, encoding="utf-8")


# --8<-- [end:sync]
db = Database(metadata=Base.metadata, create_all=True)
relay = Relay(db)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    async with db.lifespan(app) as state, relay.lifespan(app):
        yield state


app = FastAPI(title="Reports", lifespan=lifespan)
app.include_router(make_crud_router(Report), prefix="/api/v1")
add_exception_handlers(app)


# --8<-- [start:endpoint]
@app.post("/api/v1/reports/{report_id}/write", status_code=202)
async def ask_for_report(report_id: int, session: DbSession, hours: int = 0) -> dict[str, bool]:
    if await Repository[Report](session).get(report_id) is None:
        raise NotFound(Report.__name__, report_id)
    later = write_report.later(delay=timedelta(hours=hours), dedupe_key=f"report-{report_id}")
    job_id = await later.enqueue(session, report_id)
    return {"new": job_id is not None}


# --8<-- [end:endpoint]
