"""The bodies of users, as one writes them by hand."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, EmailStr, Field


class UserBase(BaseModel):
    email: EmailStr
    name: str = Field(..., min_length=2, max_length=100)


class UserCreate(UserBase):
    password: str = Field(..., min_length=8)


class HashedCreate(UserBase):
    """For where nothing stands between the body and the row."""

    hashed_password: str = Field(..., min_length=8)


class UserUpdate(BaseModel):
    email: EmailStr | None = None
    name: str | None = Field(None, min_length=2, max_length=100)


class UserResponse(UserBase):
    """Checks the address of every row again, as inheritance has it."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    is_active: bool
    created_at: datetime
    updated_at: datetime


class UserListResponse(BaseModel):
    items: list[UserResponse]
    total: int


class PlainResponse(BaseModel):
    """The same without that check."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    email: str
    name: str
    is_active: bool
    created_at: datetime
    updated_at: datetime


class PlainListResponse(BaseModel):
    items: list[PlainResponse]
    total: int
