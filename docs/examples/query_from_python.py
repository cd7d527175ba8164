"""Employees: the questions of a list, asked from Python."""

import asyncio

from sqlalchemy import ForeignKey, String, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fastapi_crud import (
    And,
    Base,
    Database,
    Filter,
    Not,
    Or,
    OrderBy,
    Query,
    Repository,
    Search,
    Service,
)


class Team(Base):
    __tablename__ = "teams"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class Employee(Base):
    __tablename__ = "employees"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    age: Mapped[int | None]
    team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id"), index=True)
    team: Mapped[Team | None] = relationship()


async def fill(db: Database) -> None:
    async with db.session() as session:
        await Repository[Team](session).batch_create([{"name": "Tea"}, {"name": "Toast"}])
        await Repository[Employee](session).batch_create(
            [
                {"name": "Ann", "age": 41, "team_id": 1},
                {"name": "Bob", "age": None, "team_id": 1},
                {"name": "Cleo", "age": 17, "team_id": 2},
                {"name": "Dan", "age": 64, "team_id": None},
            ]
        )


# --8<-- [start:page]
async def first_page(employees: Service[Employee]) -> None:
    query = Query(
        where=[Filter("age", "gte", 18), Filter("team.name", "in", ["Tea", "Toast"])],
        order_by=["-age", OrderBy("name")],
        limit=10,
        include=["team"],
    )
    page = await employees.get_page(query)
    for employee in page.items:
        print(employee.name, employee.team.name if employee.team else "-")
    print("of", page.total)


# --8<-- [end:page]
# --8<-- [start:conditions]
ADULT = Filter("age", "gte", 18)
NOT_ADULT = Not(ADULT)
FREE = Or(Filter("team_id", "isnull", True), And(ADULT, Filter("team.name", "eq", "Tea")))
# --8<-- [end:conditions]


# --8<-- [start:mixed]
async def mixed(employees: Repository[Employee]) -> None:
    short = func.length(Employee.name) == 3  # any SQLAlchemy expression
    print("Short names:", await employees.count(short, FREE))
    print("Not adult:", await employees.count(NOT_ADULT))
    print("Tea:", await employees.exists(Search("tea", ("name", "team.name"))))


# --8<-- [end:mixed]
# --8<-- [start:walk]
async def walk(employees: Service[Employee]) -> None:
    cursor: str | None = ""
    while cursor is not None:
        query = Query(order_by=["name"], limit=3, cursor=cursor, count="none")
        page = await employees.get_cursor_page(query)
        print([employee.name for employee in page.items])
        cursor = page.next_cursor


# --8<-- [end:walk]
# --8<-- [start:stream]
async def everybody(employees: Repository[Employee]) -> None:
    async for employee in employees.stream(where=[ADULT], order_by=["name"]):
        print(employee.name)


# --8<-- [end:stream]
async def main() -> None:
    db = Database(metadata=Base.metadata)
    await db.create_all()
    await fill(db)
    async with db.session() as session:
        await first_page(Service[Employee](session))
        await mixed(Repository[Employee](session))
        await walk(Service[Employee](session))
        await everybody(Repository[Employee](session))
    await db.engine.dispose()


if __name__ == "__main__":
    asyncio.run(main())
