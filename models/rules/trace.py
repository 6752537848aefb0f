"""Builds the trace from requirement to commit, and the pull request's text."""

from collections.abc import Sequence

from models.contracts.checks import CheckEvidence
from models.contracts.documents import Requirements
from models.contracts.questions import Question, QuestionStatus
from models.contracts.specs import SpecView
from models.contracts.tasks import TaskState, TaskView
from models.contracts.traces import Trace, TraceRow


def build_trace(requirements: Requirements, tasks: Sequence[TaskView]) -> Trace:
    """Which tasks and commits serve each requirement; ``met`` when all of them are merged."""
    rows: list[TraceRow] = []
    for requirement in requirements.requirements:
        serving = [t for t in tasks if requirement.id in t.requirement_ids]
        merged = [t for t in serving if t.state == TaskState.MERGED]
        status = "open" if not merged else "met" if len(merged) == len(serving) else "partly"
        rows.append(
            TraceRow(
                requirement_id=requirement.id,
                title=requirement.title,
                priority=requirement.priority,
                task_ids=tuple(t.local_id for t in serving),
                commits=tuple(t.commit for t in merged if t.commit),
                criteria=tuple(c.id for c in requirement.acceptance_criteria),
                status=status,
            )
        )
    return Trace(items=tuple(rows))


def trace_table(trace: Trace) -> list[str]:
    """The trace as a Markdown table."""
    rows = [
        f"| {row.requirement_id} {row.title} | {row.priority} | {', '.join(row.task_ids) or '—'} | "
        f"{', '.join(c[:10] for c in row.commits) or '—'} | {row.status} |"
        for row in trace.items
    ]
    return ["| requirement | priority | tasks | commits | status |", "|---|---|---|---|---|", *rows]


def shown_criteria(tasks: Sequence[TaskView]) -> dict[str, tuple[TaskView, str]]:
    """Criteria that a test showed, with the merged task and the test's id."""
    return {
        evidence.criterion_id: (task, evidence.test_id)
        for task in tasks
        if task.state == TaskState.MERGED and task.check is not None
        for evidence in task.check.criteria
        if evidence.shown
    }


def acceptance_table(trace: Trace, tasks: Sequence[TaskView]) -> list[str]:
    """Each criterion with the task, the commit and the test that shows it, as a Markdown table.

    A criterion is shown only by a test that was run by its id; others have a dash.
    """
    shown = shown_criteria(tasks)
    rows: list[str] = []
    for criterion in (c for row in trace.items for c in row.criteria):
        task, test = shown.get(criterion, (None, ""))
        commit = task.commit[:10] if task is not None and task.commit else "—"
        name = f"`{test}`" if test else "—"
        rows.append(
            f"| {criterion} | {task.local_id if task is not None else '—'} | {commit} | {name} |"
        )
    return ["| criterion | task | commit | shown by |", "|---|---|---|---|", *rows]


def pull_request_body(
    spec: SpecView,
    summary: tuple[str, str],
    trace: Trace | None,
    tasks: Sequence[TaskView],
    final_check: CheckEvidence | None,
    questions: Sequence[Question],
) -> str:
    """The pull request's text: summary, trace, evidence, assumed answers and cost.

    ``summary`` is a headline and the problem; ``trace`` is None for a quick task. Of questions that were asked more than once, the last time counts.
    """
    cost = f"{spec.usage.cost_usd:.2f} USD" if spec.usage.cost_usd is not None else "unknown"
    lines = [summary[0], "", summary[1], ""]
    lines += ["## Trace", "", *trace_table(trace), ""] if trace is not None else []
    if trace is not None:
        lines += ["## Acceptance", "", *acceptance_table(trace, tasks), ""]
    lines += ["## Evidence", ""]
    if final_check is not None:
        verdict = "green" if final_check.passed else "red"
        counted = f", {final_check.tests} tests" if final_check.tests is not None else ""
        lines.append(f"- final check `{final_check.command}`: {verdict}{counted}")
    else:
        lines.append("- not verified: the project has no check command")
    for task in tasks:
        rounds = f", {task.round} rounds" if task.round > 1 else ""
        lines.append(f"- {task.local_id} {task.title}: {task.state.value}{rounds}")
    last = max((q.asked_at for q in questions), default=None)
    assumed = [
        f"- {q.text} {q.assumed_answer} *(assumed)*"
        for q in questions
        if q.asked_at == last and q.status == QuestionStatus.ASSUMED
    ]
    lines += ["", "## Assumed answers", "", *(assumed or ["- none"])]
    tokens = spec.usage.input_tokens + spec.usage.output_tokens
    lines += ["", "## Cost", "", f"{spec.usage.calls} model calls, {tokens} tokens, {cost}"]
    return "\n".join(lines) + "\n"
