"""The examples that are about watching an app do what their page says."""

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.sqlalchemy import (  # pyright: ignore[reportMissingTypeStubs] - it has none
    SQLAlchemyInstrumentor,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.docs.conftest import Load, Visit


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """The logging of this process, as it was."""
    names = ("uvicorn", "uvicorn.access")
    root, level = [*logging.root.handlers], logging.root.level
    loggers = {name: logging.getLogger(name) for name in names}
    kept = {name: (it.handlers, it.propagate, it.level) for name, it in loggers.items()}
    yield
    logging.root.handlers[:] = root
    logging.root.setLevel(level)
    for name, (handlers, propagate, own_level) in kept.items():
        logger = logging.getLogger(name)
        logger.filters.clear()
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(own_level)


async def test_the_observed_app_is_ready(visit: Visit) -> None:
    """Does it answer probes, and tell the id of each request?"""
    async with visit("observed_app") as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        created = await client.post(
            "/api/v1/notes", json={"title": "a"}, headers={"x-request-id": "r-1"}
        )
    assert (created.status_code, created.headers["x-request-id"]) == (201, "r-1")


def test_logging_of_the_example(
    load: Load, capsys: pytest.CaptureFixture[str], logging_restored: None
) -> None:
    """Is each record one object, and are probes left out of uvicorn's access log?"""
    logging.config.dictConfig(load("observed_app").LOGGING)
    logging.getLogger("uvicorn.access").info('%s - "GET %s"', "::1", "/readyz")
    logging.getLogger("uvicorn.access").info('%s - "GET %s"', "::1", "/api/v1/notes")
    logging.getLogger("shop").info("sold", extra={"item": 7})
    records = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(each["logger"], each["message"]) for each in records] == [
        ("uvicorn.access", '::1 - "GET /api/v1/notes"'),
        ("shop", "sold"),
    ]
    assert records[1]["item"] == 7


async def test_traces_and_metrics_of_the_example(load: Load, visit: Visit) -> None:
    """Has each request a span with its route, and its statement a span within?"""
    example = load("traced_app")
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        example.observe(example.app, example.db, tracers, meters)
        async with visit("traced_app") as client:
            exporter.clear()
            for method, path, json_ in (
                ("POST", "/api/v1/notes", {"title": "secret"}),
                ("GET", "/api/v1/notes/1", None),
                ("PATCH", "/api/v1/notes/1", {"title": "b"}),
                ("GET", "/api/v1/notes", None),
                ("DELETE", "/api/v1/notes/1", None),
                ("GET", "/readyz", None),
            ):
                answer = await client.request(method, path, json=json_)
                assert answer.is_success
        metrics = reader.get_metrics_data()
    finally:
        SQLAlchemyInstrumentor().uninstrument()
        FastAPIInstrumentor.uninstrument_app(example.app)
        tracers.shutdown()
        meters.shutdown()
    spans = exporter.get_finished_spans()
    requests = {
        span.context.span_id: span.name for span in spans if span.context and span.parent is None
    }
    assert [*requests.values()][:5] == [
        "POST /api/v1/notes",
        "GET /api/v1/notes/{id}",
        "PATCH /api/v1/notes/{id}",
        "GET /api/v1/notes",
        "DELETE /api/v1/notes/{id}",
    ]
    within = {
        (requests[span.parent.span_id], span.name.split()[0])
        for span in spans
        if span.parent and span.parent.span_id in requests
    }
    assert within >= {
        ("POST /api/v1/notes", "INSERT"),
        ("GET /api/v1/notes/{id}", "SELECT"),
        ("GET /api/v1/notes", "SELECT"),
    }
    assert not any("secret" in str(span.attributes) for span in spans)
    assert metrics is not None
    names = {m.name for r in metrics.resource_metrics for s in r.scope_metrics for m in s.metrics}
    assert "http.server.duration" in names
