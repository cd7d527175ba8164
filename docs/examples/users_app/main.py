"""The app."""

from fastapi import Depends, FastAPI

from fastapi_crud import Base, Database, add_cors, add_exception_handlers, make_crud_router

from .config import get_settings
from .dependencies import current_user
from .models import User
from .schemas import UserResponse
from .service import UserService

settings = get_settings()
db = Database(settings=settings, metadata=Base.metadata, create_all=True)
signed_in = [Depends(current_user)]

app = FastAPI(title=settings.app_name, lifespan=db.lifespan)
app.include_router(
    make_crud_router(
        User,
        service=UserService,
        read_schema=UserResponse,
        dependencies={  # "create" is open
            "list": signed_in,
            "get": signed_in,
            "update": signed_in,
            "replace": signed_in,
            "delete": signed_in,
        },
    ),
    prefix="/api/v1",
)
add_exception_handlers(app)
add_cors(app, settings)
