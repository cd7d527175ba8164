"""The app."""

from fastapi import FastAPI

from fastapi_crud import Base, Database, add_cors, add_exception_handlers, make_crud_router
from fastapi_crud.auth import make_auth_router

from .config import get_settings
from .dependencies import CurrentUser
from .models import User

settings = get_settings()
db = Database(settings=settings, metadata=Base.metadata, create_all=True)

app = FastAPI(title=settings.app_name, lifespan=db.lifespan)
app.include_router(make_auth_router(User), prefix="/api/v1/auth")
app.include_router(make_crud_router(User), prefix="/api/v1")


@app.get("/api/v1/greeting")
async def greet(user: CurrentUser) -> dict[str, str]:
    return {"message": f"Hello {user.name}!"}


add_exception_handlers(app)
add_cors(app, settings)
