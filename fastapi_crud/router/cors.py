"""What browsers may send to the API, and which answer headers their scripts may see."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from fastapi_crud.router.request_ids import REQUEST_ID
from fastapi_crud.settings import Settings

ALLOW_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Prefer",
    "Range",
    REQUEST_ID,
)
EXPOSE_HEADERS = (
    "Content-Range",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "Preference-Applied",
    "Retry-After",
    REQUEST_ID,
    "X-Total-Count",
    "X-Total-Count-Kind",
)


def add_cors(app: FastAPI, settings: Settings) -> None:
    """Let browsers call the API from the origins of the settings.

    Cookies and other credentials are allowed only where the origins are listed one by one.

    Args:
        app: The app.
        settings: Its `allowed_origins`.
    """
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_credentials="*" not in settings.allowed_origins,
        allow_methods=["*"],
        allow_headers=ALLOW_HEADERS,
        expose_headers=EXPOSE_HEADERS,
    )
