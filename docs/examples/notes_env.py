"""What Alembic runs for the notes of users: `migrations/env.py`."""

# --8<-- [start:env]
import asyncio

from alembic import context
from private_notes import db
from sqlalchemy import Connection


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,  # SQLite cannot change a table in place: Alembic makes it anew
    )
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    async with db.engine.connect() as connection:
        await connection.run_sync(migrate)
    await db.engine.dispose()


asyncio.run(main())
# --8<-- [end:env]
