"""Random logs of a spec with one ticket and two tasks, for the tests of the fold."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from hypothesis import strategies as st

from models.contracts.base import GateId, ProjectId, SpecId, TaskId, TicketId
from models.contracts.events import EventSource, Fact, NewEvent, RawEvent
from models.contracts.facts import (
    BranchCreated,
    DriftDetected,
    ExecutionCompleted,
    ExecutionFailed,
    ExecutionStarted,
    GateDecided,
    GateOpened,
    PhaseCompleted,
    PhaseFailed,
    PhaseRetry,
    PhaseStarted,
    PullRequestCreated,
    QuestionMoved,
    Rerun,
    SpecCommanded,
    Waiting,
)
from models.contracts.gates import DecisionKind, Gate, GateDecision, GateKind
from models.contracts.phases import GENERATED_PHASES, PHASES, Phase
from models.contracts.plans import PlannedTask, PlannedTicket
from models.contracts.questions import Question, QuestionId
from models.contracts.task_facts import AgentTurn, SandboxMoved, TaskCreated, TaskMoved
from models.contracts.tasks import TaskView
from models.contracts.usage import Usage
from models.store import plans
from models.store.database import Session

NOW = datetime(2026, 1, 2, tzinfo=UTC)
_SANDBOX = ("creating", "spawned", "idle", "lost", "terminated")
_MOVES = ("queued", "provisioning", "working", "waiting", "checking", "check_failed", "merging",
          "conflict", "merged", "failed", "blocked", "skipped", "cancelled", "retried")  # fmt: skip


async def make_tasks(session: Session, project_id: ProjectId, spec_id: SpecId) -> list[TaskView]:
    """Write the rows that a plan's facts then tell of."""
    ticket = PlannedTicket(id="TKT-001", title="t", description="d", priority="high")
    await plans.add_ticket(session, project_id, spec_id, ticket)
    views: list[TaskView] = []
    for position in range(2):
        task = PlannedTask(
            id=f"TSK-00{position + 1}",
            ticket_id=ticket.id,
            title="t",
            description="d",
            kind="implementation",
            priority="high",
            estimate_minutes=30,
        )
        view = TaskView(
            id=TaskId(plans.local_uuid(spec_id, task.id)),
            spec_id=spec_id,
            ticket_id=TicketId(plans.local_uuid(spec_id, ticket.id)),
            local_id=task.id,
            title=task.title,
            kind=task.kind,
            priority=task.priority,
            position=position,
        )
        await plans.add_task(session, project_id, spec_id, task, view)
        views.append(view)
    return views


def _of_spec(spec_id: SpecId) -> list[Fact]:
    gate = Gate(
        id=GateId(uuid5(spec_id, "gate")),
        spec_id=spec_id,
        kind=GateKind.PHASE,
        phase=Phase.DESIGN,
        summary="Approve design",
        options=(DecisionKind.APPROVE,),
        opened_at=NOW,
    )
    question = Question(
        id=QuestionId(uuid5(spec_id, "question")),
        spec_id=spec_id,
        category="technical",
        text="Which?",
        assumed_answer="This",
        asked_at=NOW,
    )
    decision = GateDecision(kind=DecisionKind.APPROVE, by="owner", at=NOW)
    facts: list[Fact] = [
        ExecutionStarted(title="t", description="d", phases=PHASES),
        GateOpened(gate=gate),
        GateDecided(gate=gate, decision=decision),
        QuestionMoved(event_type="question.asked", question=question),
        QuestionMoved(event_type="question.answered", question=question),
        BranchCreated(branch_name="spec/t", head="c" * 40),
        PullRequestCreated(number=1, url="/x"),
        DriftDetected(base_commit="a", head="b", files=("x.py",)),
        Waiting(reason="slow"),
        Rerun(from_phase=Phase.DESIGN, run=2, by="owner"),
        ExecutionCompleted(phases_completed=PHASES),
        ExecutionFailed(error="x"),
    ]
    facts += [
        SpecCommanded.model_validate({"event_type": f"spec.{name}", "by": "owner"})
        for name in ("paused", "resumed", "cancelled", "archived")
    ]
    for phase in GENERATED_PHASES:
        facts += [
            PhaseStarted(phase=phase, attempt=1),
            PhaseRetry(phase=phase, retry_count=1, max_retries=3, reason="r"),
            PhaseCompleted(phase=phase, eval_score=0.9, duration_seconds=1, retry_count=1),
            PhaseFailed(phase=phase, reason="r"),
        ]
    return facts


def _of_task(task: TaskView) -> list[Fact]:
    turn = AgentTurn(
        turn=1, tool="bash", summary="ls", usage=Usage(calls=1, input_tokens=5), task_id=task.id
    )
    facts: list[Fact] = [
        TaskCreated(task_id=task.id, title="t", ticket_id=task.ticket_id, task=task),
        turn,
    ]
    for state in _MOVES:
        moved = {"event_type": f"task.{state}", "task_id": task.id, "local_id": task.local_id}
        facts.append(TaskMoved.model_validate(moved))
    for state in _SANDBOX:
        box = {
            "event_type": f"sandbox.{state}",
            "name": f"task-{task.id}-g1",
            "task_id": task.id,
            "provider": "local",
        }
        facts.append(SandboxMoved.model_validate(box))
    return facts


def logs(
    spec_id: UUID, tasks: list[TaskView]
) -> st.SearchStrategy[list[list[NewEvent | RawEvent]]]:
    """Batches of events as transactions would append them, with repeats among them."""
    facts = _of_spec(SpecId(spec_id)) + [fact for task in tasks for fact in _of_task(task)]
    claim = RawEvent(
        dedup_key="", event_type="spec.cancelled", data={"by": "x"}, source=EventSource.AGENT,
        claimed=True,
    )  # fmt: skip
    unknown = claim.model_copy(update={"event_type": "of.tomorrow", "claimed": False})

    def keyed(chosen: tuple[Fact | RawEvent, int]) -> NewEvent | RawEvent:
        event, number = chosen
        if isinstance(event, RawEvent):
            return event.model_copy(update={"dedup_key": f"raw-{event.event_type}-{number}"})
        return NewEvent(dedup_key=f"{facts.index(event)}-{number}", fact=event)

    one = st.tuples(st.sampled_from([*facts, claim, unknown]), st.integers(0, 3)).map(keyed)
    return st.lists(st.lists(one, min_size=1, max_size=6), min_size=1, max_size=6)
