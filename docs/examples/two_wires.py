from fastapi import FastAPI
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, Database, make_crud_router


class Note(Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(200))


database = Database(metadata=Base.metadata, create_all=True)
app = FastAPI(lifespan=database.lifespan)
app.include_router(make_crud_router(Note), prefix="/api")
app.include_router(make_crud_router(Note, name="admin_notes", wire="simple-rest"), prefix="/api")
