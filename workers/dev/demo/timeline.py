"""Prints events as a person reads them in a terminal."""

from datetime import datetime
from typing import Final

from rich.console import Console
from rich.text import Text

from models.contracts.events import Event, Fact, read_fact
from models.contracts.facts import (
    AttemptEvaluated,
    BranchCreated,
    DocumentStored,
    ExecutionCompleted,
    ExecutionFailed,
    FinalChecked,
    GateDecided,
    GateOpened,
    PhaseCompleted,
    PhaseFailed,
    PhaseRetry,
    PhaseStarted,
    PullRequestCreated,
    SpecCommanded,
    SyncCounted,
    Waiting,
)
from models.contracts.task_facts import AgentTurn, TaskMoved

_STYLES: Final = {
    "task.merged": "green",
    "spec.phase_completed": "green",
    "spec.execution_completed": "bold green",
    "task.check_failed": "yellow",
    "spec.phase_retry": "yellow",
    "spec.gate_opened": "bold cyan",
    "task.failed": "red",
    "spec.phase_failed": "red",
    "agent.turn": "dim",
}


def _phase_line(fact: Fact) -> str | None:
    match fact:
        case PhaseStarted():
            return f"{fact.phase:<13} attempt {fact.attempt}"
        case AttemptEvaluated():
            verdict = "passed" if fact.passed else "not passed"
            rules = ", ".join(finding.rule for finding in fact.failed_findings)
            return (
                f"{fact.phase:<13} score {fact.eval_score:.2f} of {fact.threshold:.2f}, {verdict}"
                + (f" ({rules})" if rules else "")
            )
        case PhaseRetry():
            return f"{fact.phase:<13} goes back with feedback (retry {fact.retry_count})"
        case PhaseCompleted():
            return f"{fact.phase:<13} done in {fact.duration_seconds:.1f} s"
        case PhaseFailed():
            return f"{fact.phase:<13} failed: {fact.error or fact.reason}"
        case DocumentStored():
            return f"{fact.phase:<13} version {fact.version} → {fact.path}"
        case _:
            return None


def _spec_line(fact: Fact) -> str | None:
    match fact:
        case GateOpened():
            return f"gate: {fact.gate.summary.splitlines()[0]}"
        case GateDecided():
            return f"gate: {fact.decision.kind.value} by {fact.decision.by}"
        case SyncCounted(event_type="spec.tickets_creation_completed"):
            return f"sync          {fact.tickets_created} tickets, {fact.tasks_created} tasks"
        case BranchCreated():
            return f"branch {fact.branch_name}"
        case _:
            return _end_line(fact)


def _end_line(fact: Fact) -> str | None:
    match fact:
        case FinalChecked():
            verdict = "green" if fact.check.passed else "red"
            return f"final check   {verdict}, {fact.check.tests} tests"
        case PullRequestCreated():
            return f"pull request  #{fact.number} (local record)"
        case SpecCommanded():
            return f"{fact.event_type.removeprefix('spec.')} by {fact.by}"
        case ExecutionCompleted():
            return "completed"
        case ExecutionFailed():
            return f"failed: {fact.error}"
        case Waiting():
            return f"waiting: {fact.reason}"
        case _:
            return None


class Timeline:
    """One line for each event that a person wants to see."""

    def __init__(self, console: Console, started: datetime) -> None:
        self._console = console
        self._started = started
        self._names: dict[str, str] = {}

    def show(self, event: Event) -> None:
        """Print an event, or nothing."""
        fact = read_fact(event.event_type, event.phase, event.data)
        if fact is None:
            return
        if event.view is not None and event.view.task is not None:
            self._names[str(event.view.task.id)] = event.view.task.local_id
        line = _phase_line(fact) or _spec_line(fact) or self._task_line(fact)
        if line is None:
            return
        elapsed = (event.created_at - self._started).total_seconds()
        text = Text(f"{max(0.0, elapsed):6.1f} s  ", style="dim")
        text.append(line, style=_STYLES.get(event.event_type, ""))
        self._console.print(text, soft_wrap=True)

    def _task_line(self, fact: Fact) -> str | None:
        match fact:
            case TaskMoved():
                state = fact.event_type.removeprefix("task.").replace("_", " ")
                more = f" {fact.commit[:10]}" if fact.commit else ""
                if fact.check is not None:
                    more += f", {'green' if fact.check.passed else 'red'}"
                    more += f", {fact.check.tests} tests" if fact.check.tests is not None else ""
                turn = f" round {fact.round}" if fact.round > 1 else ""
                return f"{fact.local_id:<13} {state}{turn}{more}"
            case AgentTurn():
                who = fact.phase.value if fact.phase else self._names.get(str(fact.task_id), "task")
                return f"{who:<13} turn {fact.turn}: {fact.tool} {fact.summary}"[:110]
            case _:
                return None
