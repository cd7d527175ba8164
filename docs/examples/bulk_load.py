"""Measurements: a file of any length, stored in one transaction."""

import asyncio
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fastapi_crud import Base, CrudError, Database, Repository


class Measurement(Base):
    __tablename__ = "measurements"

    id: Mapped[int] = mapped_column(primary_key=True)
    sensor: Mapped[str] = mapped_column(String(20))
    value: Mapped[float]


# --8<-- [start:load]
def read(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            yield {"sensor": row["sensor"], "value": float(row["value"])}


async def load(db: Database, path: Path) -> int:
    async with db.session() as session:
        return await Repository[Measurement](session).create_multi(read(path))


# --8<-- [end:load]
# --8<-- [start:main]
async def main(path: Path = Path("measurements.csv")) -> None:
    db = Database(metadata=Base.metadata)
    await db.create_all()
    try:
        print("Stored", await load(db, path))
    except CrudError as error:
        print(f"Row {error.index}: {error}; nothing is stored")
    await db.engine.dispose()


# --8<-- [end:main]
if __name__ == "__main__":
    asyncio.run(main())
