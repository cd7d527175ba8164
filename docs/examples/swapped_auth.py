"""Accounts by pwdlib and PyJWT, in place of passlib and python-jose.

Set SECRET_KEY to what `python -c 'import secrets; print(secrets.token_urlsafe(32))'` prints.
"""

from fastapi import FastAPI
from pwdlib_hasher import PwdlibHasher
from pyjwt_codec import PyJWTCodec

from fastapi_crud import Base, Database, add_exception_handlers
from fastapi_crud.auth import Auth, AuthSettings, UserMixin, make_auth_router


class User(UserMixin, Base):
    __tablename__ = "users"


# --8<-- [start:auth]
settings = AuthSettings()
auth = Auth(User, settings=settings, hasher=PwdlibHasher(), codec=PyJWTCodec(settings))
# --8<-- [end:auth]
db = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(title="Accounts", lifespan=db.lifespan)
app.include_router(make_auth_router(auth), prefix="/api/v1/auth")
add_exception_handlers(app)
