"""Articles: writers write, editors publish, superusers say who is what.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

from typing import Annotated

from fastapi import Depends, FastAPI
from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import (
    Base,
    Database,
    DbSession,
    Repository,
    add_exception_handlers,
    make_crud_router,
)
from fastapi_crud.auth import Auth, UserMixin, make_auth_router


# --8<-- [start:auth]
class User(UserMixin, Base):
    __tablename__ = "users"

    role: Mapped[str] = mapped_column(String(20), default="reader")  # read-only by its name


auth = Auth(
    User,
    roles={
        "writer": ["articles:write"],
        "editor": ["articles:write", "articles:publish"],
    },
)
# --8<-- [end:auth]


class Article(Base):
    __tablename__ = "articles"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text, default="")
    published: Mapped[bool] = mapped_column(default=False)
    remarks: Mapped[str | None] = mapped_column(Text)


db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Articles", lifespan=db.lifespan)
app.include_router(make_auth_router(auth), prefix="/api/v1/auth")
# --8<-- [start:articles]
write = [Depends(auth.require_scopes("articles:write"))]
publish = [Depends(auth.require_scopes("articles:publish"))]

app.include_router(
    make_crud_router(
        Article,
        dependencies={  # "list" and "get" are open
            "create": write,
            "update": write,
            "replace": write,
            "delete": publish,
        },
        readable_by={"remarks": auth.has_scopes("articles:write")},
        writable_by={"published": auth.has_scopes("articles:publish")},
    ),
    prefix="/api/v1",
)
# --8<-- [end:articles]
# --8<-- [start:users]
app.include_router(
    make_crud_router(
        User,
        operations=("list", "get", "update"),
        writable={"role", "scopes", "is_active"},
        dependencies=[Depends(auth.current_superuser)],
    ),
    prefix="/api/v1",
)


# --8<-- [end:users]
# --8<-- [start:endpoint]
Editor = Annotated[User, Depends(auth.require_scopes("articles:publish"))]


@app.get("/api/v1/drafts")
async def count_drafts(editor: Editor, session: DbSession) -> dict[str, str | int]:
    drafts = await Repository[Article](session).count(Article.published.is_(False))
    return {"drafts": drafts, "asked_by": editor.email}


# --8<-- [end:endpoint]
add_exception_handlers(app)
