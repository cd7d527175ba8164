"""The same workers, whose beat looks for jobs."""

from celery_app import celery, relay

from fastapi_crud.tasks.celery import beat_relay

beat_relay(celery, relay, every=5)
