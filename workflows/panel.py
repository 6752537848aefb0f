"""What operators see of a spec in Temporal's own tools: search attributes and a panel."""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

with workflow.unsafe.imports_passed_through():
    from models import wire
    from models.contracts.phases import PHASES
    from models.contracts.specs import SpecInput, SpecState

    from workflows.phases import PhaseRunner


class Panel:
    """Brings Temporal's view of a run up to date; search attributes only when they change."""

    def __init__(self, launch: SpecInput) -> None:
        self._launch = launch
        self._shown = ""

    def show(self, state: SpecState, phases: PhaseRunner, cost_usd: float | None) -> None:
        """Show where the run stands."""
        phase = state.current_phase.value if state.current_phase else "none"
        needs_decision = state.gate is not None or bool(state.questions)
        if (shown := f"{state.status} {phase} {needs_decision}") != self._shown:
            self._shown = shown
            updates: list[SearchAttributeUpdate[Any]] = [
                wire.SPEC_STATUS.value_set(state.status.value),
                wire.SPEC_PHASE.value_set(phase),
                wire.NEEDS_DECISION.value_set(needs_decision),
            ]
            if cost_usd is not None:
                updates.append(wire.COST_USD.value_set(cost_usd))
            # The SDK leaves the value type of an update open.
            workflow.upsert_search_attributes(updates)  # pyright: ignore[reportUnknownMemberType]
        rows = [
            f"| {p.value} | {phases.attempt_of(p)} | {phases.scores.get(p, '—')} |" for p in PHASES
        ]
        page = f"/projects/{self._launch.project_id}/specs/{self._launch.spec_id}"
        lines: Sequence[str] = [
            self._launch.title,
            f"**{state.status.value}** in *{phase}*",
            state.waiting_reason or "",
            "| phase | attempt | score |\n|---|---|---|\n" + "\n".join(rows),
            "\n".join(f"- {name}: {task}" for name, task in state.tasks.items()),
            f"Spec page: `{page}`",
        ]
        workflow.set_current_details("\n\n".join(line for line in lines if line))
