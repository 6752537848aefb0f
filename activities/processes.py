"""Runs a child process with its output capped and its whole group killed at the end."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

OUTPUT_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Completed:
    """How a process ended; ``output`` keeps the first and last parts when it was cut."""

    exit_code: int
    output: bytes
    errors: bytes
    truncated: bool = False
    timed_out: bool = False


class _Tail:
    """Keeps the first half and the last half of a stream within a limit."""

    def __init__(self, limit: int) -> None:
        self._half = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.cut = False

    def add(self, chunk: bytes) -> None:
        room = self._half - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:] if room > 0 else chunk
        if len(self._tail) > self._half:
            self.cut = True
            del self._tail[: len(self._tail) - self._half]

    def value(self) -> bytes:
        marker = b"\n[... output cut ...]\n" if self.cut else b""
        return bytes(self._head) + marker + bytes(self._tail)


async def _drain(
    stream: asyncio.StreamReader | None, tail: _Tail, on_output: Callable[[], None] | None
) -> None:
    while stream is not None and (chunk := await stream.read(65_536)):
        tail.add(chunk)
        if on_output is not None:
            on_output()


async def _feed(process: asyncio.subprocess.Process, stdin: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(stdin)
        await process.stdin.drain()
    process.stdin.close()


def kill_group(pid: int) -> None:
    """Kill a process and its group; one that is gone is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


async def run_process(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str],
    stdin: bytes = b"",
    timeout_seconds: float,
    on_output: Callable[[], None] | None = None,
    on_start: Callable[[int], None] | None = None,
    limit_bytes: int = OUTPUT_LIMIT_BYTES,
) -> Completed:
    """Run to the end; a time-out or a cancel kills the process group.

    Args:
        argv: program and arguments; never a shell line.
        cwd: where it runs.
        env: its whole environment.
        stdin: what it reads.
        timeout_seconds: after this it is killed and ``timed_out`` is set.
        on_output: called when something was written.
        on_start: called with its pid.
        limit_bytes: of each stream that is kept.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        env=dict(env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    if on_start is not None:
        on_start(process.pid)
    out, err = _Tail(limit_bytes), _Tail(limit_bytes)
    timed_out = False
    try:
        async with asyncio.timeout(timeout_seconds):
            await asyncio.gather(
                _feed(process, stdin),
                _drain(process.stdout, out, on_output),
                _drain(process.stderr, err, on_output),
            )
            await process.wait()
    except TimeoutError:
        timed_out = True
    finally:
        if process.returncode is None:
            kill_group(process.pid)
            await process.wait()
    return Completed(
        exit_code=process.returncode if process.returncode is not None else -1,
        output=out.value(),
        errors=err.value(),
        truncated=out.cut or err.cut,
        timed_out=timed_out,
    )
