"""The dev stack as a person uses it: started twice, stopped, and killed."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import psutil
import pytest

from workers.dev.binaries import BinaryMissing, find_temporal
from workers.dev.config import ROOT, Ports, free_ports
from workers.dev.postgres import EmbeddedPostgres


def of_stack(data: Path) -> list[str]:
    """Processes that have to do with this data folder, by command line or environment."""
    found: list[str] = []
    for process in psutil.process_iter(["cmdline"]):
        try:
            words = [*(process.info["cmdline"] or ()), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(data) in word for word in words):
            found.append(f"{process.pid} {' '.join(process.info['cmdline'] or ())[:80]}")
    return found


async def gone(data: Path, seconds: float = 20) -> bool:
    try:
        async with asyncio.timeout(seconds):
            while of_stack(data):  # noqa: ASYNC110 - other processes have no event
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False
    return True


async def start(data: Path) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "workers.dev", "--data", str(data), "up", cwd=ROOT, stdout=PIPE
    )


async def until(process: Process, words: str, seconds: float = 60) -> str:
    """Read the process's output up to a line with these words."""
    assert process.stdout is not None
    seen = ""
    async with asyncio.timeout(seconds):
        while line := (await process.stdout.readline()).decode():
            seen += line
            if words in line:
                return seen
    raise AssertionError(seen)


async def test_it_tells_a_second_start_and_leaves_nothing_behind(tmp_path: Path) -> None:
    data = tmp_path / "dätä"
    process = await start(data)
    told = await until(process, "Ctrl-C stops everything")
    assert "web UI and API  http://127.0.0.1:" in told
    second = await start(data)
    assert "already running" in await until(second, "already running")
    assert await second.wait() == 1
    process.send_signal(signal.SIGINT)
    await until(process, "stopping")
    assert await process.wait() == 0
    assert await gone(data), of_stack(data)
    assert not (data / "stack.json").exists()


async def test_when_the_stack_itself_is_killed_its_children_end(tmp_path: Path) -> None:
    data = tmp_path / "d"
    process = await start(data)
    await until(process, "Ctrl-C stops everything")
    process.kill()
    await process.wait()
    assert await gone(data), of_stack(data)
    again = await start(data)
    await until(again, "Ctrl-C stops everything")
    again.send_signal(signal.SIGTERM)
    await until(again, "stopping")
    await again.wait()


def test_a_taken_port_is_passed_over() -> None:
    wanted = Ports(temporal=41000, temporal_ui=41000, api=41000, scripted_model=41000)
    chosen = free_ports(wanted).model_dump().values()
    assert len(set(chosen)) == 4


def test_a_wrong_temporal_cli_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_CLI", "/nowhere/temporal")
    with pytest.raises(BinaryMissing, match="TEMPORAL_CLI names /nowhere/temporal"):
        find_temporal(lambda _: None)


def test_nothing_to_install_from_says_what_was_tried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TEMPORAL_CLI", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(BinaryMissing, match=r"Go is not installed.*TEMPORAL_CLI"):
        find_temporal(lambda _: None)


def test_a_path_too_long_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    short = EmbeddedPostgres(deep)
    assert "specwright-" in short.url
    assert EmbeddedPostgres(deep).url == short.url
    assert str(deep) not in short.url
