"""``make demo``: one spec from a sentence to a merged, tested branch, shown as it happens."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.contracts.events import Event, read_fact
from models.contracts.facts import GateOpened
from models.contracts.gates import GateKind
from models.contracts.projects import Project
from models.contracts.specs import SpecDetail
from models.contracts.tasks import TaskList
from models.contracts.traces import Trace
from workers.dev.demo.client import ApiClient
from workers.dev.demo.documents import FEATURE
from workers.dev.demo.project import ensure_project
from workers.dev.demo.proof import Proof, prove
from workers.dev.demo.remote import ensure_remote
from workers.dev.demo.timeline import Timeline
from workers.dev.stack import StackStatus

_DEADLINE_SECONDS: Final = 600.0
_LIVE_DEADLINE_SECONDS: Final = 7_200.0


async def run_demo(
    status: StackStatus, data: Path, name: str, console: Console, *, live: bool = False
) -> bool:
    """Run the demo against a running stack; True when everything it promises holds."""
    remote = await asyncio.to_thread(ensure_remote, data / "demo" / "ledger.git")
    project = await ensure_project(status.database_url, name, remote, live=live)
    client = ApiClient(status.api_url)
    try:
        return await _run(client, project, remote, console, status, live=live)
    finally:
        await client.close()


async def _run(
    client: ApiClient,
    project: Project,
    remote: Path,
    console: Console,
    status: StackStatus,
    *,
    live: bool,
) -> bool:
    started = datetime.now(UTC)
    launched, returned = await client.launch(project, FEATURE)
    spec_id = launched.spec_id
    page = f"{status.api_url}/projects/{project.id}/specs/{spec_id}"
    model = "the live model" if live else "the scripted model (no account needed)"
    console.print(f"[bold]{escape(FEATURE.splitlines()[0])}[/bold]")
    console.print(f"answered by {model}; watch it at {page}\n", soft_wrap=True)
    timeline = Timeline(console, started)
    first: Event | None = None
    deadline = _LIVE_DEADLINE_SECONDS if live else _DEADLINE_SECONDS
    try:
        async with asyncio.timeout(deadline):
            async for event in client.follow(spec_id):
                first = first or event
                timeline.show(event)
                await _answer(client, event, console)
    except TimeoutError:
        console.print(f"[red]The run did not end within {deadline:.0f} s.[/red]")
        return False
    spec, tasks = await client.spec(spec_id), await client.tasks(spec_id)
    proof = await asyncio.to_thread(prove, remote, spec, tasks)
    if not live:
        _expect_script(spec, tasks, proof)
    delay = (first.created_at - returned).total_seconds() if first else None
    proof.expect(delay is not None and delay < 1, "the first event took over a second")
    _summarise(console, spec, tasks, await client.trace(spec_id), proof)
    _links(console, page, status, spec, remote, started, delay)
    for fault in proof.faults:
        console.print(f"[red]not as promised: {escape(fault)}[/red]")
    return not proof.faults


async def _answer(client: ApiClient, event: Event, console: Console) -> None:
    fact = read_fact(event.event_type, event.phase, event.data)
    if isinstance(fact, GateOpened) and fact.gate.kind == GateKind.PHASE:
        console.print("          [cyan]the demo answers as the person would: approve[/cyan]")
        await client.approve(fact.gate)


def _expect_script(spec: SpecDetail, tasks: TaskList, proof: Proof) -> None:
    """What the scripted run must have shown: a repaired attempt, a red check, parallel tasks."""
    proof.expect(any(p.retries > 0 for p in spec.phases), "no attempt was repaired by feedback")
    proof.expect(any(t.round > 1 for t in tasks.items), "no check was red first")
    spans = [(t.started_at, t.finished_at) for t in tasks.items if t.started_at and t.finished_at]
    parallel = any(
        begun < other_end and other_begun < end
        for n, (begun, end) in enumerate(spans)
        for other_begun, other_end in spans[n + 1 :]
    )
    proof.expect(parallel, "no two tasks ran in parallel")


def _summarise(
    console: Console, spec: SpecDetail, tasks: TaskList, trace: Trace, proof: Proof
) -> None:
    console.print(f"\n[bold]Branch[/bold] {spec.branch_name}")
    for line in reversed(proof.merges):
        console.print(f"  {escape(line)}", soft_wrap=True)
    table = Table(title="Trace", title_justify="left", title_style="bold")
    for heading in ("requirement", "tasks", "commits", "status"):
        table.add_column(heading)
    for row in trace.items:
        table.add_row(
            f"{row.requirement_id} {row.title}",
            ", ".join(row.task_ids),
            ", ".join(commit[:8] for commit in row.commits),
            row.status,
        )
    console.print()
    console.print(table)
    console.print("\n[bold]Tests on the merged branch, run again in a new clone[/bold]")
    console.print(escape("\n".join(proof.test_output.splitlines()[-4:])))
    console.print(f"\n{len(tasks.items)} tasks, {sum(t.turns for t in tasks.items)} agent turns")


def _links(
    console: Console,
    page: str,
    status: StackStatus,
    spec: SpecDetail,
    remote: Path,
    started: datetime,
    delay: float | None,
) -> None:
    usage = spec.usage
    cost = f"{usage.cost_usd:.2f} USD" if usage.cost_usd is not None else "cost unknown"
    tokens = usage.input_tokens + usage.output_tokens
    elapsed = (datetime.now(UTC) - started).total_seconds()
    workflow = f"{status.temporal_ui_url}/namespaces/default/workflows/spec-{spec.id}"
    console.print(f"{usage.calls} model calls, {tokens} tokens, {cost} ({spec.model})")
    told = f"{max(0.0, delay):.2f} s" if delay is not None else "—"
    console.print(f"elapsed {elapsed:.1f} s, first event {told} after the launch call returned\n")
    for name, link in (
        ("spec page", page),
        ("pull request", f"{status.api_url}{spec.pull_request_url}"),
        ("Temporal", workflow),
        ("remote", str(remote)),
    ):
        console.print(f"{name:<13} {link}", soft_wrap=True)
