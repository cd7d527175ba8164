"""What Celery is told: safe settings, and what each kind of broker needs for them."""

from collections.abc import Mapping
from typing import Any, Protocol

ALWAYS: Mapping[str, Any] = {
    "task_serializer": "json",
    "accept_content": ["json"],  # never pickle
    "result_serializer": "json",
    "timezone": "UTC",
    "enable_utc": True,
    "task_track_started": True,
    "task_time_limit": 300,  # seconds
    "task_soft_time_limit": 290,
    "task_acks_late": True,  # what a worker was at when it died goes to another
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "broker_pool_acquire_timeout": 5,  # seconds; Celery would wait for ever
}
REDIS: Mapping[str, Any] = {
    "broker_transport_options": {
        "visibility_timeout": 3600,  # seconds; above limits and pauses, or all is sent twice
        "socket_connect_timeout": 5,
        "socket_timeout": 10,
        "socket_keepalive": True,
    },
}
RABBITMQ: Mapping[str, Any] = {
    "broker_transport_options": {"confirm_publish": True},
    "task_default_queue_type": "quorum",
    "task_default_exchange_type": "topic",  # a pause before another attempt needs it
}
TRANSPORTS: Mapping[str, Mapping[str, Any]] = {
    "redis": REDIS,
    "rediss": REDIS,
    "amqp": RABBITMQ,
    "amqps": RABBITMQ,
    "pyamqp": RABBITMQ,
}
"""Scheme of the broker's URL → what is safe there."""


class BrokerSettings(Protocol):
    """Where the broker is: `TaskSettings`, `Settings`, or anything else with a `redis_url`.

    A `broker_url` goes first, and a `result_backend` has results kept, where there are such.
    """

    @property
    def redis_url(self) -> str:
        """Where Redis is."""
        ...


def configuration(settings: BrokerSettings) -> dict[str, Any]:
    """Give the configuration of a Celery app.

    Args:
        settings: Where the broker is.
    """
    broker: str = getattr(settings, "broker_url", None) or settings.redis_url
    backend: str | None = getattr(settings, "result_backend", None)
    return {
        **ALWAYS,
        **TRANSPORTS.get(broker.partition(":")[0], {}),
        "broker_url": broker,
        "result_backend": backend,
        "task_ignore_result": backend is None,
    }
