"""Who is asking."""

from typing import Annotated

from fastapi import Depends

from fastapi_crud.auth import current_user

from .models import User

get_current_user = current_user(User)
CurrentUser = Annotated[User, Depends(get_current_user)]
