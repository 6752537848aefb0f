"""Child processes of the stack: started, watched, restarted, and none left behind."""

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from workers.dev.config import ROOT

_PR_SET_PDEATHSIG: Final = 1
_RESTART_SECONDS: Final = 0.2
_STOP_SECONDS: Final = 15.0
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    """In the child, before exec: be told when the stack itself is killed (prctl(2))."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Child:
    """A part of the stack; ``restarts`` counts how often it had to be started again."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    restart: bool
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    pid_to_stop: Callable[[], int | None] | None = None
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0
    stopping: bool = False
    watcher: asyncio.Task[None] | None = field(default=None, repr=False)


class Supervisor:
    """Runs children; ``say`` gets one line for each that a person should see."""

    def __init__(self, say: Callable[[str, str], None], *, echo: bool) -> None:
        self._say = say
        self._echo = echo
        self.children: dict[str, Child] = {}
        self.died = asyncio.Event()

    async def start(self, child: Child) -> None:
        """Start a child and watch it."""
        self.children[child.name] = child
        await self._spawn(child)
        child.watcher = asyncio.create_task(self._watch(child))

    async def _spawn(self, child: Child) -> None:
        child.process = await asyncio.create_subprocess_exec(
            *child.argv,
            cwd=ROOT,
            env=dict(child.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )

    async def _watch(self, child: Child) -> None:
        while True:
            process = child.process
            if process is None:
                return
            await self._copy_output(child, process)
            code = await process.wait()
            if child.stopping:
                return
            self._say(child.name, f"ended with {code}" + (", restarting" if child.restart else ""))
            if not child.restart:
                self.died.set()
                return
            child.restarts += 1
            await asyncio.sleep(_RESTART_SECONDS)
            await self._spawn(child)

    async def _copy_output(self, child: Child, process: asyncio.subprocess.Process) -> None:
        if process.stdout is None:
            return
        with child.log.open("ab") as log:
            while line := await process.stdout.readline():
                log.write(line)
                log.flush()
                if self._echo:
                    self._say(child.name, line.decode(errors="replace").rstrip())

    async def stop(self, names: Sequence[str]) -> None:
        """Stop these children together, and wait until they are gone."""
        chosen = [self.children[name] for name in names if name in self.children]
        for child in chosen:
            child.stopping = True
            process = child.process
            if process is None or process.returncode is not None:
                continue
            pid = child.pid_to_stop() if child.pid_to_stop is not None else None
            with suppress(ProcessLookupError):
                os.kill(pid or process.pid, child.stop_signal)
        await asyncio.gather(*(_gone(child) for child in chosen))


async def _gone(child: Child) -> None:
    process = child.process
    if process is None:
        return
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if child.watcher is not None:
        await child.watcher
