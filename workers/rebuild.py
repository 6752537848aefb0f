"""``python -m workers.rebuild``: the read model, made again from the event log.

Each spec is folded from its first event while its stream is locked, so it may run beside workers.
"""

import argparse
import asyncio
import sys
from uuid import UUID

from models.contracts.base import SpecId
from models.settings import DatabaseSettings
from models.store import events, folding, specs
from models.store.database import Database


async def rebuild(database: Database, spec_id: SpecId, *, check: bool) -> bool:
    """Fold one spec's log and put the result in force; True when it differed from what was stored.

    With ``check`` nothing is written.
    """
    async with database.begin() as session:
        last = await events.lock_stream(session, spec_id)
        folded = await events.fold_from_start(session, spec_id)
        stored = await folding.read_model(session, spec_id, last)
        differs = folded.view() != stored
        if differs and not check:
            await folding.replace_read_model(session, spec_id, folded)
    return differs


async def _main(only: SpecId | None, *, check: bool) -> int:
    database = Database(DatabaseSettings().database_url.get_secret_value())  # pyright: ignore[reportCallIssue] - from the environment
    try:
        async with database.begin() as session:
            chosen = (only,) if only is not None else await specs.list_ids(session)
        differing = [s for s in chosen if await rebuild(database, s, check=check)]
    finally:
        await database.close()
    word = "differ from" if check else "were brought back to"
    print(f"{len(chosen)} specs read, {len(differing)} {word} their log")  # noqa: T201 - the result
    for spec_id in differing:
        print(f"  {spec_id}")  # noqa: T201 - the result
    return 1 if check and differing else 0


def main() -> int:
    """Parse the command line and fold."""
    parser = argparse.ArgumentParser(prog="python -m workers.rebuild", description=__doc__)
    parser.add_argument("--spec", type=UUID, metavar="ID", help="this spec only")
    parser.add_argument(
        "--check", action="store_true", help="only compare; exit 1 when one differs"
    )
    arguments = parser.parse_args()
    only = SpecId(arguments.spec) if arguments.spec is not None else None
    return asyncio.run(_main(only, check=arguments.check))


if __name__ == "__main__":
    sys.exit(main())
