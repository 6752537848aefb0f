"""``make soak``: kill -9 at random moments; prints what was killed, lost, doubled and how long.

A kill waits until the run has made progress since the one before, so that time from restart to
progress is measured for each.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models.contracts.base import SpecId
from models.contracts.projects import Project
from models.store import budgets
from tests.support.kills import inspect
from tests.support.stack import RunningStack, running_stack

_TARGETS: Final = ("worker", "worker", "worker", "api", "postgres", "temporal")
_LONGEST_PAUSE: Final = 2.5


@dataclass
class _Kill:
    """A process that was killed, and the seconds to progress since the kill and its restart."""

    name: str
    since_kill: float
    since_restart: float


class _Runs:
    """Specs that run while things are killed: as many at once as asked for, new ones after them."""

    def __init__(self, stack: RunningStack, project: Project, at_once: int) -> None:
        self._stack = stack
        self._project = project
        self._at_once = at_once
        self.spec_ids: list[SpecId] = []

    async def fill(self) -> None:
        """Launch until enough are open; a launch that fails is tried again."""
        while len(await self.open()) < self._at_once:
            try:
                self.spec_ids.append(await self._stack.launch(self._project))
            except Exception:
                await asyncio.sleep(0.2)

    async def open(self) -> list[SpecId]:
        """Those that have not ended; the ended ones stay ended."""
        recent = self.spec_ids[-2 * self._at_once :]
        return [s for s in recent if not await _is_closed(self._stack, s)]

    async def progress(self) -> int:
        """Events of the specs that may still run."""
        return await _total(self._stack, self.spec_ids[-2 * self._at_once :])


async def _storm(stack: RunningStack, runs: _Runs, kills: int, rng: random.Random) -> list[_Kill]:
    """Kill, and wait for progress, until all kills are spent."""
    done: list[_Kill] = []
    while len(done) < kills:
        await runs.fill()
        await asyncio.sleep(rng.random() * _LONGEST_PAUSE)
        name = rng.choice(_TARGETS)
        child = stack.stack.supervisor.children[name]
        process, restarts = child.process, child.restarts
        if process is None or process.returncode is not None or not await runs.open():
            continue
        before = await runs.progress()
        os.kill(process.pid, signal.SIGKILL)
        killed = restarted = time.monotonic()
        while await runs.progress() <= before and await runs.open():
            if child.restarts == restarts:
                restarted = time.monotonic()
            await asyncio.sleep(0.05)
        now = time.monotonic()
        done.append(_Kill(name, now - killed, now - restarted))
        told = f"progress after {now - killed:5.1f} s, {now - restarted:5.1f} s from its restart"
        print(f"kill {len(done):>3} {name:<9} {told}", flush=True)  # noqa: T201
    return done


async def _is_closed(stack: RunningStack, spec_id: SpecId) -> bool:
    return (await _patiently(stack, spec_id))[0]


async def _total(stack: RunningStack, spec_ids: list[SpecId]) -> int:
    return sum([(await _patiently(stack, s))[1] for s in spec_ids])


async def _patiently(stack: RunningStack, spec_id: SpecId) -> tuple[bool, int]:
    """Whether a spec is closed, and its last seq; asks again while the API or database is away."""
    while True:
        try:
            spec = await stack.api.spec(spec_id)
        except Exception:
            await asyncio.sleep(0.05)
        else:
            return spec.status in {"completed", "failed", "cancelled"}, spec.as_of_seq


async def _main(specs: int, kills: int, seed: int) -> int:
    rng = random.Random(seed)
    faults: list[str] = []
    lost = again = events = 0
    restarts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as scratch:
        async with running_stack(Path(scratch), latency=0.1) as stack:
            remote = stack.remote()
            runs = _Runs(stack, await stack.project(remote), specs)
            done = await _storm(stack, runs, kills, rng)
            for spec_id in runs.spec_ids:
                spec = await stack.until_closed(spec_id, seconds=300)
                after = await inspect(stack, remote, spec, kills=len(done))
                faults += [f"{spec_id}: {fault}" for fault in after.faults]
                again += after.stored_turns_asked_again
                events += after.events
                async with stack.database.begin() as session:
                    lost += (await budgets.get_state(session, spec_id)).lost_calls
            children = stack.stack.supervisor.children
            restarts = {c.name: c.restarts for c in children.values() if c.restarts}
    count = len(runs.spec_ids)
    told = f"{len(done)} kills over {count} specs, {events} events; restarts {restarts}"
    print(f"\nseed {seed}: {told}")  # noqa: T201
    for name, seconds in (
        ("kill", [kill.since_kill for kill in done]),
        ("restart", [kill.since_restart for kill in done]),
    ):
        median, worst = statistics.median(seconds), max(seconds)
        print(f"from {name} to progress: median {median:.1f} s, worst {worst:.1f} s")  # noqa: T201
    print("(aim: under 10 s from the restart, with heartbeat time-outs of 2 s)")  # noqa: T201
    print(f"calls in flight at a kill: {lost}; stored turns requested again: {again}")  # noqa: T201
    for fault in faults:
        print(f"FAULT {fault}")  # noqa: T201
    verdict = "no gap; no event, commit, branch or pull request twice; every branch green"
    print(verdict if not faults else f"{len(faults)} faults")  # noqa: T201
    return 1 if faults else 0


def main() -> int:
    """Parse the command line and run the storm."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--specs", type=int, default=1, help="specs at once")
    parser.add_argument("--kills", type=int, default=5, help="at most this many kills")
    parser.add_argument("--seed", type=int, default=1, help="repeats the same choices")
    arguments = parser.parse_args()
    return asyncio.run(_main(arguments.specs, arguments.kills, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
