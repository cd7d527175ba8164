"""HTTP: from a model to endpoints. Knows FastAPI and the service; knows no SQL."""
