"""Delete logins, links and counts that have expired: `python prune_accounts.py`, once a day."""

import asyncio

from mail_links import auth, db


async def main() -> None:
    async with db.session() as session:
        print("Pruned", await auth.prune(session))


if __name__ == "__main__":
    asyncio.run(main())
