from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from models.contracts.base import GateId, ProjectId, SpecId, TaskId, TicketId
from models.contracts.commands import CommandName
from models.contracts.events import Fact, read_fact
from models.contracts.facts import (
    ExecutionCompleted,
    ExecutionStarted,
    GateDecided,
    GateOpened,
    PhaseCompleted,
    PhaseRetry,
    PhaseStarted,
    SpecCommanded,
    SpecCreated,
)
from models.contracts.gates import DecisionKind, Gate, GateDecision, GateKind
from models.contracts.phases import PHASES, Phase
from models.contracts.specs import PhaseState, SpecStatus, SpecView
from models.contracts.task_facts import AgentTurn, TaskCreated, TaskMoved, TaskReplanned
from models.contracts.tasks import TaskState, TaskView
from models.contracts.usage import Usage
from models.rules.fold import fold, task_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
SPEC = SpecView(
    id=SpecId(UUID(int=1)),
    project_id=ProjectId(UUID(int=2)),
    title="t",
    base_branch="main",
    model="m",
    created_at=NOW,
    updated_at=NOW,
)
TASK = TaskView(
    id=TaskId(UUID(int=3)),
    spec_id=SPEC.id,
    ticket_id=TicketId(UUID(int=4)),
    local_id="TSK-001",
    title="t",
    kind="implementation",
    priority="high",
    position=0,
)
GATE = Gate(
    id=GateId(UUID(int=5)),
    spec_id=SPEC.id,
    kind=GateKind.PHASE,
    phase=Phase.REQUIREMENTS,
    summary="Approve requirements",
    options=(DecisionKind.APPROVE,),
    opened_at=NOW,
)
DECISION = GateDecision(kind=DecisionKind.APPROVE, by="owner", at=NOW)
TURN = AgentTurn(
    turn=1, tool="bash", summary="ls", usage=Usage(calls=1, input_tokens=5), task_id=TASK.id
)
FACTS: list[Fact] = [
    ExecutionStarted(title="t", description="d", phases=PHASES),
    PhaseStarted(phase=Phase.REQUIREMENTS, attempt=1),
    PhaseRetry(phase=Phase.REQUIREMENTS, retry_count=1, max_retries=3, reason="r"),
    PhaseCompleted(phase=Phase.REQUIREMENTS, eval_score=0.9, duration_seconds=1, retry_count=1),
    GateOpened(gate=GATE),
    GateDecided(gate=GATE, decision=DECISION),
    TaskCreated(task_id=TASK.id, title="t", ticket_id=TASK.ticket_id, task=TASK),
    TURN,
    TaskMoved(event_type="task.merged", task_id=TASK.id, local_id="TSK-001", commit="c"),
    TaskMoved(event_type="task.check_failed", task_id=TASK.id, local_id="TSK-001", round=2),
    SpecCommanded(event_type="spec.paused", by="owner"),
    SpecCommanded(event_type="spec.resumed", by="owner"),
    ExecutionCompleted(phases_completed=PHASES),
]


def fold_all(facts: list[Fact]) -> tuple[SpecView | None, TaskView | None]:
    spec: SpecView | None = None
    task: TaskView | None = None
    for seq, fact in enumerate(facts, start=1):
        fragment = fold(spec, task if task_of(fact) else None, fact, NOW, seq)
        spec, task = fragment.spec or spec, fragment.task or task
    return spec, task


@given(st.lists(st.sampled_from(FACTS), max_size=30))
def test_any_sequence_of_facts_folds_and_counts_merged_tasks(facts: list[Fact]) -> None:
    created: list[Fact] = [SpecCreated(spec=SPEC)]
    spec, task = fold_all(created + facts)
    assert spec is not None
    assert spec.as_of_seq == len(facts) + 1
    assert spec.tasks_merged == int(task is not None and task.state == TaskState.MERGED)


@given(st.lists(st.sampled_from(FACTS), max_size=20))
def test_a_stored_fact_reads_back_as_it_was(facts: list[Fact]) -> None:
    for fact in facts:
        data = fact.model_dump(mode="json", exclude_none=True)
        event_type = data.pop("event_type")
        phase = data.pop("phase", None)
        assert read_fact(event_type, phase, data) == fact


def test_an_unknown_type_is_no_fact_and_no_error() -> None:
    assert read_fact("spec.of_tomorrow", None, {"x": 1}) is None
    assert read_fact("task.merged", None, {"task_id": "not a uuid"}) is None


def test_a_gate_makes_the_spec_wait_and_its_decision_lets_it_go_on() -> None:
    opened, _ = fold_all([SpecCreated(spec=SPEC), FACTS[0], GateOpened(gate=GATE)])
    assert opened is not None
    assert opened.status == SpecStatus.WAITING
    assert opened.phase_view(Phase.REQUIREMENTS).state == PhaseState.WAITING
    decided, _ = fold_all([SpecCreated(spec=SPEC), FACTS[0], GateOpened(gate=GATE), FACTS[5]])
    assert decided is not None
    assert (decided.status, decided.open_gate) == (SpecStatus.EXECUTING, None)


def test_usage_is_summed_and_an_unknown_price_stays_unknown() -> None:
    unknown = TURN.model_copy(update={"usage": Usage(calls=1, cost_usd=None)})
    spec, task = fold_all([SpecCreated(spec=SPEC), FACTS[6], TURN, unknown])
    assert spec is not None
    assert task is not None
    assert spec.usage.calls == task.usage.calls == 2
    assert spec.usage.cost_usd is None


def test_a_closed_spec_offers_to_run_again_and_to_be_archived() -> None:
    spec, _ = fold_all([SpecCreated(spec=SPEC), FACTS[0], FACTS[-1]])
    assert spec is not None
    assert {a.id for a in spec.allowed_actions} == set(CommandName)
    assert [a.id for a in spec.allowed_actions if a.enabled] == [
        CommandName.RERUN_FROM,
        CommandName.ARCHIVE,
    ]


def test_a_resume_after_completion_does_not_reopen() -> None:
    spec, _ = fold_all([SpecCreated(spec=SPEC), FACTS[-1], FACTS[-2]])
    assert spec is not None
    assert spec.status == SpecStatus.COMPLETED


def test_a_task_counts_once_whether_its_row_is_there_before_its_fact_or_not() -> None:
    created = next(fact for fact in FACTS if isinstance(fact, TaskCreated))
    counts: list[SpecView] = []
    for row in (None, created.task):
        fragment = fold(SPEC, row, created, NOW, 2)
        assert fragment.spec is not None
        counts.append(fragment.spec)
    assert [spec.tasks_total for spec in counts] == [1, 1]
    retired = TaskReplanned(
        event_type="task.retired",
        task_id=created.task_id,
        task=created.task.model_copy(update={"retired": True}),
    )
    planned = created.task.model_copy(update={"as_of_seq": 2})
    left = fold(counts[0], planned, retired, NOW, 3)
    assert left.spec is not None
    assert left.spec.tasks_total == 0


def test_a_completed_spec_shows_no_gate() -> None:
    """An edit may still have been asked about while the last task was merged."""
    spec, _ = fold_all([SpecCreated(spec=SPEC), GateOpened(gate=GATE), FACTS[-1]])
    assert spec is not None
    assert (spec.status, spec.open_gate) == (SpecStatus.COMPLETED, None)
