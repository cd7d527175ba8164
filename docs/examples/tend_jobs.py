"""Look after the jobs: list those that were given up, let them run again, delete the old ones."""

import asyncio

from welcome_mail import relay


# --8<-- [start:dead]
async def replay_dead() -> None:
    for job in await relay.dead(limit=100):
        print(f"{job.name}, {job.attempts} attempts: {job.last_error}")
        await relay.replay(job.id)


# --8<-- [end:dead]
# --8<-- [start:prune]
async def prune() -> None:
    print(f"Pruned {await relay.prune()}")


# --8<-- [end:prune]
if __name__ == "__main__":
    asyncio.run(prune())
