"""``make soak PHASES=1``: kill -9 of the worker while one spec is written, three attempts failing.

A calm run comes first: the storm must end with the same documents. A kill waits until another turn
has been stored since the one before, so that time from restart to progress is measured for each.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from models.contracts.base import SpecId
from models.contracts.events import Event
from models.contracts.phases import GENERATED_PHASES, PHASES, Phase
from models.contracts.projects import GatePolicy
from models.contracts.specs import SpecDetail
from models.store import budgets
from tests.support.kills import asked_again
from tests.support.stack import RunningStack, quick_settings, running_stack
from workers.dev.demo.documents import PHASE_TURNS
from workers.dev.scripted_model import Call, Script

MODEL: Final = "phases-soak"
_FAILING: Final = 3
_LOOKS: Final = (
    "CONTRIBUTING.md", "README.md", "ledger/cli.py", "ledger/money.py", "ledger/storage.py",
    "ledger/reports.py", "ledger/errors.py", "tests/test_cli.py", "tests/test_reports.py",
)  # fmt: skip
_LATENCY: Final = 0.3
_LONGEST_PAUSE: Final = 0.8


class SlowScript(Script):
    """The demo's documents, each after some looks; requirements fail three times first."""

    def blocks(self, call: Call, *, afresh: bool) -> list[dict[str, Any]] | None:
        """A look at a file, or at last the document."""
        if call.turn <= len(_LOOKS):
            use = {"path": _LOOKS[call.turn - 1]}
            return [
                {"type": "tool_use", "id": f"toolu_{call.turn}", "name": "read_file", "input": use}
            ]
        attempts = PHASE_TURNS[call.phase]
        weak = call.phase == Phase.REQUIREMENTS and call.attempt <= _FAILING
        name, document = (attempts[0] if weak else attempts[-1])[-1][-1]
        return [{"type": "tool_use", "id": "toolu_submit", "name": name, "input": document}]


@dataclass(frozen=True)
class Storm:
    """What a run with kills showed."""

    seconds: list[float]
    faults: list[str]
    lost: int
    again: int
    events: int


def _log(stack: RunningStack) -> Path:
    """The model's own log of calls."""
    return stack.data / "soak-calls.jsonl"


async def _launch(stack: RunningStack) -> SpecId:
    gates = {p: GatePolicy(mode="ask" if p == Phase.TASKS else "auto") for p in PHASES}
    settings = quick_settings(gates=gates, planner_model=MODEL, max_attempts=_FAILING + 2)
    return await stack.launch(await stack.project(stack.remote(), settings, is_demo=False))


def _documents(spec: SpecDetail) -> dict[str, str]:
    views = [spec.phase_view(phase) for phase in GENERATED_PHASES]
    return {view.phase.value: view.document.sha256 for view in views if view.document}


async def _written(stack: RunningStack, spec_id: SpecId) -> bool:
    gate = (await stack.api.spec(spec_id)).open_gate
    return gate is not None


async def _turns(stack: RunningStack, spec_id: SpecId) -> int:
    return (await stack.api.spec(spec_id)).usage.calls


async def _kill_and_wait(stack: RunningStack, spec_id: SpecId) -> float | None:
    """Seconds from a kill to the next stored turn; None when the documents are written."""
    before = await _turns(stack, spec_id)
    process = await _living_worker(stack)
    os.kill(process.pid, signal.SIGKILL)
    began = time.monotonic()
    while await _turns(stack, spec_id) <= before:
        if await _written(stack, spec_id):
            return None
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def _living_worker(stack: RunningStack) -> asyncio.subprocess.Process:
    """The worker's process, once the supervisor has started one again."""
    while True:
        process = stack.stack.supervisor.children["worker"].process
        if process is not None and process.returncode is None:
            return process
        await asyncio.sleep(0.05)


def _order_faults(events: list[Event]) -> list[str]:
    numbers = [event.seq for event in events]
    faults = [] if numbers == list(range(1, len(numbers) + 1)) else ["the event log has a gap"]
    told = [
        (event.phase, event.data.get("attempt"))
        for event in events
        if event.event_type == "spec.attempt_evaluated"
    ]
    if len(told) != len(set(map(str, told))):
        faults.append("an attempt was evaluated twice")
    failed = [
        e for e in events if e.event_type == "spec.attempt_evaluated" and not e.data["passed"]
    ]
    if len(failed) != _FAILING:
        faults.append(f"{len(failed)} attempts failed, {_FAILING} should")
    return faults


async def _storm(
    stack: RunningStack, kills: int, rng: random.Random, calm: dict[str, str]
) -> Storm:
    spec_id = await _launch(stack)
    seconds: list[float] = []
    while len(seconds) < kills and not await _written(stack, spec_id):
        await asyncio.sleep(rng.random() * _LONGEST_PAUSE)
        took = await _kill_and_wait(stack, spec_id)
        if took is None:
            break
        seconds.append(took)
        print(f"kill {len(seconds):>3}  progress after {took:5.1f} s", flush=True)  # noqa: T201
    await stack.gate(spec_id, seconds=300)
    spec = await stack.api.spec(spec_id)
    events = await stack.events(spec_id)
    faults = _order_faults(events)
    if _documents(spec) != calm:
        faults.append("the documents differ from those of the calm run")
    lines = _log(stack).read_text(encoding="utf-8").splitlines()
    again = await asked_again(stack, spec, [json.loads(line) for line in lines])
    faults += [f"a stored turn was asked for again: {key}" for key in again]
    async with stack.database.begin() as session:
        lost = (await budgets.get_state(session, spec_id)).lost_calls
    if lost > len(seconds):
        faults.append(f"{lost} calls were lost by {len(seconds)} kills")
    return Storm(seconds, faults, lost, len(again), len(events))


async def _main(kills: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        async with running_stack(Path(scratch)) as stack:
            stack.model.scripts[MODEL] = SlowScript(latency_seconds=_LATENCY, log=_log(stack))
            calm_id = await _launch(stack)
            await stack.gate(calm_id, seconds=120)
            calm = _documents(await stack.api.spec(calm_id))
            storm = await _storm(stack, kills, random.Random(seed), calm)
    print(f"\nseed {seed}: {len(storm.seconds)} kills of the worker, {storm.events} events")  # noqa: T201
    if storm.seconds:
        median, worst = statistics.median(storm.seconds), max(storm.seconds)
        print(f"from kill to a stored turn: median {median:.1f} s, worst {worst:.1f} s")  # noqa: T201
    print(f"calls in flight at a kill: {storm.lost}; stored turns asked again: {storm.again}")  # noqa: T201
    for fault in storm.faults:
        print(f"FAULT {fault}")  # noqa: T201
    end = f"{len(storm.faults)} faults" if storm.faults else "same documents, no gap, no double"
    print(end)  # noqa: T201
    return 1 if storm.faults else 0


def main() -> int:
    """Parse the command line and run the storm."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak_phases", description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="at most this many kills")
    parser.add_argument("--seed", type=int, default=1, help="repeats the same choices")
    arguments = parser.parse_args()
    return asyncio.run(_main(arguments.kills, arguments.seed))


if __name__ == "__main__":
    sys.exit(main())
