"""The local stack: Postgres, Temporal, scripted model, worker and API, in that order."""

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final

import psutil
import psycopg
from pydantic import BaseModel

from models.migrations.apply import upgrade
from models.store.database import psycopg_url
from workers.dev.binaries import find_temporal
from workers.dev.config import ROOT, Ports, StackConfig, free_ports
from workers.dev.postgres import EmbeddedPostgres
from workers.dev.supervisor import Child, Supervisor

_READY_SECONDS: Final = 60.0
_STEP_SECONDS: Final = 0.05


class AlreadyRunning(Exception):
    """Another stack uses this checkout's data; ``status`` says where it is."""

    def __init__(self, status: "StackStatus | None") -> None:
        super().__init__("the stack is already running")
        self.status = status


class StackStatus(BaseModel):
    """Where a running stack is found."""

    pid: int
    ports: Ports
    database_url: str

    @property
    def api_url(self) -> str:
        """The API and the web UI."""
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def temporal_ui_url(self) -> str:
        """The Temporal Web UI."""
        return f"http://127.0.0.1:{self.ports.temporal_ui}"

    @property
    def temporal_address(self) -> str:
        """Temporal's gRPC address."""
        return f"127.0.0.1:{self.ports.temporal}"


def status_path(config: StackConfig) -> Path:
    """The file that says where the stack of this checkout is."""
    return config.data / "stack.json"


def read_status(config: StackConfig) -> StackStatus | None:
    """The running stack of this checkout, None when there is none."""
    try:
        text = status_path(config).read_text(encoding="utf-8")
        status = StackStatus.model_validate_json(text)
    except (OSError, ValueError):
        return None
    return status if psutil.pid_exists(status.pid) else None


@dataclass(frozen=True)
class StackOptions:
    """What may differ from run to run."""

    echo: bool = False
    latency_seconds: float | None = None
    environment: dict[str, str] | None = None
    durable: bool = True


class Stack:
    """Starts everything on entry, stops everything on exit; one per data folder."""

    def __init__(
        self, config: StackConfig, options: StackOptions, say: Callable[[str, str], None]
    ) -> None:
        self._config = config
        self._options = options
        self._say = say
        self._lock: IO[str] | None = None
        self.supervisor = Supervisor(say, echo=options.echo)
        self.status = StackStatus(pid=os.getpid(), ports=config.ports, database_url="")

    async def __aenter__(self) -> "Stack":
        """Start; a failure on the way stops what was started.

        Raises:
            AlreadyRunning: another stack holds this data folder.
        """
        self._take_lock()
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything."""
        await self.stop()

    def _take_lock(self) -> None:
        self._config.data.mkdir(parents=True, exist_ok=True)
        lock = (self._config.data / "stack.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise AlreadyRunning(read_status(self._config)) from error
        self._lock = lock

    async def _start(self) -> None:
        (self._config.data / "logs").mkdir(exist_ok=True)
        ports = free_ports(self._config.ports)
        for name, port in ports.model_dump().items():
            wanted = getattr(self._config.ports, name)
            if port != wanted:
                self._say("stack", f"port {wanted} is taken, {name} uses {port}")
        self.status = self.status.model_copy(update={"ports": ports})
        url = await self._start_postgres()
        self.status = self.status.model_copy(update={"database_url": url})
        await asyncio.gather(asyncio.to_thread(upgrade, url), self._start_temporal())
        await self._start_ours()
        await self._until("the API", self._api_ready)
        text = json.dumps(self.status.model_dump(), indent=1)
        status_path(self._config).write_text(text + "\n", encoding="utf-8")

    def _child(self, name: str, argv: list[str], *, restart: bool = False) -> Child:
        return Child(
            name=name,
            argv=argv,
            environment=self.environment(),
            restart=restart,
            log=self._config.data / "logs" / f"{name}.log",
        )

    def environment(self) -> dict[str, str]:
        """What our own processes are configured with."""
        ports, data = self.status.ports, self._config.data
        roots = os.environ.get("LOCAL_REPOSITORY_ROOTS") or json.dumps(
            [str(Path.home()), str(data), str(ROOT)]
        )
        return {
            **os.environ,
            **self._config.environment,
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": self.status.database_url,
            "TEMPORAL_ADDRESS": self.status.temporal_address,
            "TEMPORAL_NAMESPACE": self._config.temporal.namespace,
            "TEMPORAL_UI_URL": self.status.temporal_ui_url,
            "SCRIPTED_MODEL_URL": f"http://127.0.0.1:{ports.scripted_model}",
            "DATA_DIR": str(data),
            "LOCAL_REPOSITORY_ROOTS": roots,
            "API_PORT": str(ports.api),
            "FRONTEND_DIR": str(ROOT / "frontend" / "dist"),
            **(self._options.environment or {}),
        }

    async def _start_postgres(self) -> str:
        given = os.environ.get("DATABASE_URL")
        if given:
            await self._until("DATABASE_URL", lambda: _answers(given))
            return given
        postgres = EmbeddedPostgres(self._config.data / "postgres", durable=self._options.durable)
        await asyncio.to_thread(postgres.initialise)
        child = self._child("postgres", postgres.command(), restart=True)
        child.stop_signal = signal.SIGINT
        child.pid_to_stop = postgres.postmaster_pid
        await self.supervisor.start(child)
        await self._until("Postgres", lambda: _answers(postgres.url))
        return postgres.url

    async def _start_temporal(self) -> None:
        settings, ports = self._config.temporal, self.status.ports
        binary = await asyncio.to_thread(find_temporal, lambda text: self._say("stack", text))
        argv = [
            str(binary), "server", "start-dev", "--ip", "127.0.0.1",
            "--port", str(ports.temporal), "--ui-port", str(ports.temporal_ui),
            "--db-filename", str(self._config.data / "temporal.db"),
            "--namespace", settings.namespace, "--log-level", "error",
        ]  # fmt: skip
        for key, value in settings.sqlite_pragmas.items():
            argv += ["--sqlite-pragma", f"{key}={value}"]
        for key, number in settings.dynamic_config.items():
            argv += ["--dynamic-config-value", f"{key}={number}"]
        for key, kind in settings.search_attributes.items():
            argv += ["--search-attribute", f"{key}={kind}"]
        await self.supervisor.start(self._child("temporal", argv, restart=True))
        await self._until("Temporal", lambda: _listens(ports.temporal))

    async def _start_ours(self) -> None:
        python, ports, demo = sys.executable, self.status.ports, self._config.demo
        latency = self._options.latency_seconds
        model = [
            python, "-m", "workers.dev.scripted_model", "--port", str(ports.scripted_model),
            "--log", str(self.model_log),
            "--latency", str(demo.latency_seconds if latency is None else latency),
        ]  # fmt: skip
        for name, argv in (
            ("model", model),
            ("worker", [python, "-m", "workers"]),
            ("api", [python, "-m", "api"]),
        ):
            await self.supervisor.start(self._child(name, argv, restart=True))
        await self._until("the scripted model", lambda: _listens(ports.scripted_model))

    @property
    def model_log(self) -> Path:
        """The scripted model's own log of calls."""
        return self._config.data / "logs" / "model-calls.jsonl"

    async def _api_ready(self) -> bool:
        return await _listens(self.status.ports.api)

    async def _until(self, what: str, ready: Callable[[], Awaitable[bool]]) -> None:
        """Wait for a condition of the outside world, which has no event to wait on."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                while not await ready():  # noqa: ASYNC110 - another process has no event
                    await asyncio.sleep(_STEP_SECONDS)
        except TimeoutError as error:
            logs = self._config.data / "logs"
            msg = f"{what} did not come up within {_READY_SECONDS:.0f} s; see the logs in {logs}"
            raise RuntimeError(msg) from error

    async def stop(self) -> None:
        """Stop children, what runs in sandboxes, then the servers; drop the lock."""
        await self.supervisor.stop(["worker", "api", "model"])
        await asyncio.to_thread(_end_sandboxed, str(self._config.data / "sandboxes"))
        await self.supervisor.stop(["temporal"])
        await self.supervisor.stop(["postgres"])
        with suppress(FileNotFoundError):
            status_path(self._config).unlink()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _end_sandboxed(root: str) -> None:
    for process in psutil.process_iter(["cmdline"]):
        if any(part.startswith(root) for part in process.info["cmdline"] or ()):
            with suppress(psutil.NoSuchProcess):
                for member in [*process.children(recursive=True), process]:
                    member.kill()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def _answers(url: str) -> bool:
    try:
        connection = await psycopg.AsyncConnection.connect(psycopg_url(url), connect_timeout=3)
    except psycopg.Error:
        return False
    await connection.close()
    return True
