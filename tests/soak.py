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
from pathlib import Path
from typing import Final

from models.contracts.base import SpecId
from models.store import budgets
from tests.support.kills import inspect
from tests.support.stack import RunningStack, running_stack

_TARGETS: Final = ("worker", "worker", "worker", "api", "postgres", "temporal")
_LONGEST_PAUSE: Final = 2.5


async def _storm(
    stack: RunningStack, spec_ids: list[SpecId], kills: int, rng: random.Random
) -> list[float]:
    """Kill until all kills are spent or all specs are done; seconds to progress of each."""
    seconds: list[float] = []
    for number in range(1, kills + 1):
        await asyncio.sleep(rng.random() * _LONGEST_PAUSE)
        open_specs = [s for s in spec_ids if not await _is_closed(stack, s)]
        if not open_specs:
            print(f"all specs are done after {number - 1} kills")  # noqa: T201
            break
        name = rng.choice(_TARGETS)
        process = stack.stack.supervisor.children[name].process
        if process is None or process.returncode is not None:
            continue
        before = await _total(stack, spec_ids)
        os.kill(process.pid, signal.SIGKILL)
        began = time.monotonic()
        while await _total(stack, spec_ids) <= before:
            if all([await _is_closed(stack, s) for s in spec_ids]):
                break
            await asyncio.sleep(0.05)
        seconds.append(time.monotonic() - began)
        print(f"kill {number:>3} {name:<9} progress after {seconds[-1]:5.1f} s", flush=True)  # noqa: T201
    return seconds


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
    lost = again = 0
    restarts: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as scratch:
        async with running_stack(Path(scratch), latency=0.1) as stack:
            remote = stack.remote()
            project = await stack.project(remote)
            spec_ids = [await stack.launch(project) for _ in range(specs)]
            seconds = await _storm(stack, spec_ids, kills, rng)
            for spec_id in spec_ids:
                spec = await stack.until_closed(spec_id, seconds=300)
                after = await inspect(stack, remote, spec, kills=max(1, len(seconds)))
                faults += [f"{spec_id}: {fault}" for fault in after.faults]
                again += after.stored_turns_asked_again
                async with stack.database.begin() as session:
                    lost += (await budgets.get_state(session, spec_id)).lost_calls
            children = stack.stack.supervisor.children
            restarts = {c.name: c.restarts for c in children.values() if c.restarts}
    worst = (
        f"median {statistics.median(seconds):.1f} s, worst {max(seconds):.1f} s" if seconds else "—"
    )
    print(f"\nseed {seed}: {len(seconds)} kills, {specs} specs, restarts {restarts}")  # noqa: T201
    print(f"from kill to progress: {worst} (aim: under 10 s)")  # noqa: T201
    print(f"calls in flight at a kill: {lost}; stored turns requested again: {again}")  # noqa: T201
    for fault in faults:
        print(f"FAULT {fault}")  # noqa: T201
    print("no gap, no double, every branch green" if not faults else f"{len(faults)} faults")  # noqa: T201
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
