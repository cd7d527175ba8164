"""What Celery is told: safe everywhere, and for each kind of broker."""

from dataclasses import dataclass
from typing import Any

import pytest

from fastapi_crud import Settings
from fastapi_crud.tasks.brokers import configuration
from fastapi_crud.tasks.settings import TaskSettings

REDIS = "redis://localhost:6379"
RABBITMQ = "amqp://guest:guest@localhost:5672//"


@dataclass
class Least:
    """The least that settings must have."""

    redis_url: str = REDIS


@pytest.mark.parametrize(
    ("settings", "broker"),
    [
        (Least(), REDIS),
        (Settings(redis_url="redis://other"), "redis://other"),
        (TaskSettings(redis_url="redis://other"), "redis://other"),
        (TaskSettings(redis_url="redis://other", broker_url=RABBITMQ), RABBITMQ),
    ],
    ids=["least", "core", "redis", "broker"],
)
def test_the_broker_is_that_of_the_settings(settings: Any, broker: str) -> None:
    """Is the broker the one that settings name, and Redis otherwise?"""
    assert configuration(settings)["broker_url"] == broker


def test_what_is_safe_is_always_said() -> None:
    """Is a configuration that of the seed, where messages outlive workers and no pickle is read?"""
    said = configuration(Least())
    assert {
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_serializer": "json",
        "timezone": "UTC",
        "enable_utc": True,
        "task_track_started": True,
        "task_time_limit": 300,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        "broker_pool_acquire_timeout": 5,
    }.items() <= said.items()
    assert said["task_soft_time_limit"] < said["task_time_limit"]


@pytest.mark.parametrize("backend", [None, "redis://results"])
def test_results_are_kept_where_asked_for(backend: str | None) -> None:
    """Are results thrown away, unless settings say where to keep them?"""
    said = configuration(TaskSettings(result_backend=backend))
    assert (said["result_backend"], said["task_ignore_result"]) == (backend, backend is None)


@pytest.mark.parametrize("url", [REDIS, "rediss://localhost"])
def test_redis_waits_longer_than_jobs_take(url: str) -> None:
    """Does Redis send nothing again while it is worked on, or waits for another attempt?"""
    said = configuration(Least(url))
    longest = said["task_time_limit"] + 900
    assert said["broker_transport_options"]["visibility_timeout"] > longest
    assert "task_default_queue_type" not in said


@pytest.mark.parametrize("url", [RABBITMQ, "amqps://rabbit", "pyamqp://rabbit"])
def test_rabbitmq_confirms_and_replicates(url: str) -> None:
    """Are messages to RabbitMQ confirmed, and kept in quorum queues?"""
    said = configuration(Least(url))
    assert said["broker_transport_options"] == {"confirm_publish": True}
    assert said["task_default_queue_type"] == "quorum"
    assert said["task_default_exchange_type"] == "topic"


def test_other_brokers_get_no_options() -> None:
    """Is a broker that we know nothing of told nothing special?"""
    assert "broker_transport_options" not in configuration(Least("memory://"))
