"""Runs the API: ``python -m api``; ``--openapi FILE`` writes its OpenAPI document instead."""

import argparse
import json
import socket
from pathlib import Path
from types import FrameType
from typing import cast

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.deps import Services
from models.logs import configure_logging
from models.settings import (
    ApiSettings,
    DatabaseSettings,
    ExecutionSettings,
    LanguageSettings,
    LogSettings,
)

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def _write_openapi(path: Path) -> None:
    app = create_app(None, ApiSettings(), LanguageSettings(), ExecutionSettings())
    text = json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8")


class _Server(uvicorn.Server):
    """Ends the live streams at a signal, so that other requests can end in grace."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop."""
        app = cast(FastAPI, self.config.app)
        services = cast(Services | None, getattr(app.state, "services", None))
        if services is not None:
            services.live.drain()
        super().handle_exit(sig, frame)


def main() -> None:
    """Parse the command line and serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m api", description=__doc__)
    parser.add_argument("--openapi", type=Path, metavar="FILE", help="write the document and end")
    arguments = parser.parse_args()
    if arguments.openapi is not None:
        _write_openapi(arguments.openapi)
        return
    settings = ApiSettings()
    if settings.auth_mode == "local" and settings.api_host not in _LOOPBACK:
        parser.error(f"local mode serves loopback only, not {settings.api_host}: unset API_HOST")
    configure_logging(LogSettings())
    database = DatabaseSettings()  # pyright: ignore[reportCallIssue] - from the environment
    app = create_app(database, settings, LanguageSettings(), ExecutionSettings())
    config = uvicorn.Config(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
    )
    _Server(config).run(sockets=[_listen(config, settings.slow_client_seconds)])


def _listen(config: uvicorn.Config, slow_seconds: int) -> socket.socket:
    """The listening socket.

    A connection whose peer takes nothing for so long is cut by the kernel: what waits to be sent
    would keep it open for ever. https://man7.org/linux/man-pages/man7/tcp.7.html
    """
    listening = config.bind_socket()
    # asyncio does this only for sockets that name their protocol; answers would wait 40 ms for it
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        milliseconds = slow_seconds * 1_000
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
    return listening


if __name__ == "__main__":
    main()
