"""Runs a worker: ``python -m workers [--role workflows|planner|agent|io|all]``."""

import argparse
import asyncio
import logging
import os
import signal

from models.logs import configure_logging
from workers.clients import connect
from workers.notifier import watch_notifications
from workers.registry import GRACE, ROLES, Activities, WorkerSettings, build_workers, run_until
from workers.schedules import ensure_schedules

_LOGGER = logging.getLogger("workers")
_SPARE_SECONDS = 3.0


async def _main(role: str) -> None:
    settings = WorkerSettings.from_environment()
    configure_logging(settings.log)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        """Stop in grace; a worker whose Temporal is gone would wait for it for ever."""
        stop.set()
        loop.call_later(GRACE.total_seconds() + _SPARE_SECONDS, os._exit, 1)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    client = await connect()
    activities = Activities(settings, client)
    watching: asyncio.Task[None] | None = None
    try:
        if role in {"workflows", "all"}:
            await ensure_schedules(client, activities.database, settings.execution)
        if role in {"io", "all"}:
            watching = asyncio.create_task(
                watch_notifications(client, activities.database, _listen_url(settings))
            )
        _LOGGER.info("worker is up", extra={"role": role})
        await run_until(build_workers(client, activities, role), stop.wait)
    finally:
        if watching is not None:
            watching.cancel()
        await activities.close()


def _listen_url(settings: WorkerSettings) -> str:
    url = settings.database.database_listen_url or settings.database.database_url
    return url.get_secret_value()


def main() -> None:
    """Parse the command line and run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("--role", choices=ROLES, default="all", help="which queues to poll")
    asyncio.run(_main(parser.parse_args().role))


if __name__ == "__main__":
    main()
