"""Puts a workflow's facts on record, each under a key that a replay repeats."""

from collections.abc import Callable

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records import RecordActivities
    from models.contracts.base import ProjectId, SpecId, Timings
    from models.contracts.events import AppendEvents, Fact, NewEvent

    from workflows import options


class Recorder:
    """Appends facts of one workflow run; ``last_seq`` and ``cost_usd`` are as last told."""

    def __init__(
        self,
        project_id: ProjectId,
        spec_id: SpecId,
        timings: Timings,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._project_id = project_id
        self._spec_id = spec_id
        self._timings = timings
        self._after = after
        self._count = 0
        self.last_seq = 0
        self.cost_usd: float | None = None

    async def say(self, *facts: Fact) -> None:
        """Append facts in order; returns when they are stored."""
        info = workflow.info()
        told: list[NewEvent] = []
        for fact in facts:
            self._count += 1
            key = f"{info.workflow_id}/{info.run_id}/{self._count}"
            told.append(NewEvent(dedup_key=key, fact=fact, occurred_at=workflow.now()))
        appended = await workflow.execute_activity_method(
            RecordActivities.append_events,
            AppendEvents(project_id=self._project_id, spec_id=self._spec_id, events=tuple(told)),
            **options.record(self._timings, facts[0].event_type),
        )
        self.last_seq = max(self.last_seq, appended.last_seq)
        self.cost_usd = appended.cost_usd
        self._after()
