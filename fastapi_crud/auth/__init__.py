"""Accounts, logins and permissions for FastAPI; needs the extra `auth`."""

from fastapi_crud.auth.auth import Auth as Auth, auth_of as auth_of
from fastapi_crud.auth.callers import Caller as Caller
from fastapi_crud.auth.cookies import Cookies as Cookies
from fastapi_crud.auth.events import AuthEvent as AuthEvent
from fastapi_crud.auth.exceptions import (
    AuthError as AuthError,
    CrossSiteRequest as CrossSiteRequest,
    EmailNotVerified as EmailNotVerified,
    EmailTaken as EmailTaken,
    InsufficientScope as InsufficientScope,
    InvalidCredentials as InvalidCredentials,
    InvalidCurrentPassword as InvalidCurrentPassword,
    InvalidOneTimeToken as InvalidOneTimeToken,
    InvalidRefreshToken as InvalidRefreshToken,
    InvalidToken as InvalidToken,
    TooManyAttempts as TooManyAttempts,
    Unauthenticated as Unauthenticated,
    WeakPassword as WeakPassword,
)
from fastapi_crud.auth.mails import (
    Notice as Notice,
    Notifier as Notifier,
    Purpose as Purpose,
)
from fastapi_crud.auth.passwords import (
    PasslibHasher as PasslibHasher,
    PasswordHasher as PasswordHasher,
    PasswordPolicy as PasswordPolicy,
    get_password_hash as get_password_hash,
    verify_password as verify_password,
)
from fastapi_crud.auth.router import make_auth_router as make_auth_router
from fastapi_crud.auth.settings import AuthSettings as AuthSettings
from fastapi_crud.auth.shortcuts import (
    create_access_token as create_access_token,
    current_superuser as current_superuser,
    current_user as current_user,
    decode_token as decode_token,
    has_scopes as has_scopes,
    optional_user as optional_user,
    owner as owner,
    require_scopes as require_scopes,
)
from fastapi_crud.auth.starting import check_auth
from fastapi_crud.auth.throttle import (
    Allowance as Allowance,
    Attempt as Attempt,
    Throttle as Throttle,
)
from fastapi_crud.auth.tokens import JoseCodec as JoseCodec, TokenCodec as TokenCodec
from fastapi_crud.auth.users import UserMixin as UserMixin, UserService as UserService
from fastapi_crud.database import startup_checks

startup_checks.append(check_auth)
