"""The other side of the API's bench, in processes of their own: raw readers, and the floor's server.

``readers ADDRESS PATH COUNT LAST`` reads a stream over COUNT sockets up to event LAST and writes the
moments of arrival, ``{seq: [seconds, …]}`` on the system's monotonic clock, to standard output.
``floor PORT DSN`` serves the least that can be done with a posted batch: one INSERT.
"""

import asyncio
import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg_pool
import uvicorn
from psycopg.types.json import Jsonb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)


async def _read_one(
    host: str,
    port: int,
    path: str,
    last: int,
    arrived: dict[int, list[float]],
    here: asyncio.Barrier,
) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    rest = await reader.readuntil(b"retry: ")
    await here.wait()
    while True:
        rest += await reader.read(256 * 1024)
        now = time.monotonic()
        whole, _, rest = rest.rpartition(b"\n")
        for found in _ID.finditer(whole):
            arrived[int(found[1])].append(now)
            if int(found[1]) >= last:
                writer.close()
                return


async def _readers(address: str, path: str, count: int, last: int) -> None:
    host, _, port = address.rpartition(":")
    arrived: dict[int, list[float]] = defaultdict(list)
    here = asyncio.Barrier(count + 1)
    async with asyncio.TaskGroup() as reading:
        for _ in range(count):
            reading.create_task(_read_one(host, int(port), path, last, arrived, here))
        await here.wait()
        sys.stdout.write("connected\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps(arrived) + "\n")


def _floor(dsn: str) -> Starlette:
    pool = psycopg_pool.AsyncConnectionPool(dsn, open=False, min_size=4)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with pool, pool.connection() as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS bench_floor (data jsonb)")
            await connection.commit()
            yield

    async def take(request: Request) -> Response:
        given = json.loads(await request.body())["events"]
        async with pool.connection() as connection, connection.cursor() as cursor:
            await cursor.executemany(
                "INSERT INTO bench_floor VALUES (%s)", [(Jsonb(event),) for event in given]
            )
        return JSONResponse({"taken": len(given)}, status_code=201)

    return Starlette(routes=[Route("/events", take, methods=["POST"])], lifespan=lifespan)


def _main() -> None:
    match sys.argv[1:]:
        case ["readers", address, path, count, last]:
            asyncio.run(_readers(address, path, int(count), int(last)))
        case ["floor", port, dsn]:
            uvicorn.run(_floor(dsn), host="127.0.0.1", port=int(port), log_level="error")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    _main()
