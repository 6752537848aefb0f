"""Limits on processes, memory and disk where no cgroup can be written: a look every 500 ms."""

import asyncio
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_INTERVAL_SECONDS = 0.5
_DISK_EVERY = 4


@dataclass(frozen=True)
class Limits:
    """What one command may use."""

    memory_bytes: int
    processes: int
    disk_bytes: int


def disk_usage(root: Path) -> int:
    """Bytes allocated under a folder; links are not followed."""
    total = 0
    stack = [str(root)]
    while stack:
        with suppress(OSError), os.scandir(stack.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
    return total


def kill_tree(pid: int) -> None:
    """Kill a process and all that descends from it."""
    try:
        root = psutil.Process(pid)
        family = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()


def _broken(pid: int, limits: Limits) -> str | None:
    try:
        family = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return None
    if len(family) > limits.processes:
        return "processes"
    memory = 0
    for member in family:
        with suppress(psutil.NoSuchProcess):
            memory += member.memory_info().rss
    return "memory" if memory > limits.memory_bytes else None


async def watch(pid: int, root: Path, limits: Limits) -> str:
    """Return the name of the limit that was broken, having killed the command; else never."""
    looks = 0
    while True:
        await asyncio.sleep(_INTERVAL_SECONDS)
        looks += 1
        broken = _broken(pid, limits)
        if (
            broken is None
            and looks % _DISK_EVERY == 0
            and await asyncio.to_thread(disk_usage, root) > limits.disk_bytes
        ):
            broken = "disk"
        if broken is not None:
            kill_tree(pid)
            return broken
