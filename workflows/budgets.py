"""Budgets: one gate however many hit the limit, and a wall clock that stands still at gates."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.records import RecordActivities
    from models.contracts.budgets import BudgetLimits, SetBudget
    from models.contracts.commands import GateCommand, SpecCommand
    from models.contracts.facts import BudgetSet
    from models.contracts.gates import DecisionKind, GateDecision, GateKind

    from workflows import options
    from workflows.context import SpecContext


class Budgeter:
    """Holds the limits of a run; ``over`` is True while the wall clock is used up.

    The launch puts the first limits into the database; changes go through here.
    """

    def __init__(self, context: SpecContext) -> None:
        self._context = context
        self._limits = context.launch.settings.budget
        self._raised = 0
        self._asking = False
        self._began = workflow.now()
        self.over = False

    async def _put(self, limits: BudgetLimits) -> None:
        launch = self._context.launch
        await workflow.execute_activity_method(
            RecordActivities.set_budget,
            SetBudget(project_id=launch.project_id, spec_id=launch.spec_id, limits=limits),
            **options.record(launch.timings),
        )
        self._limits = limits

    async def ask(self, summary: str) -> None:
        """Ask a person to raise the budget or to stop; returns when it is raised.

        Raises:
            asyncio.CancelledError: the person stops the spec.
        """
        seen = self._raised
        if self._asking:
            await self._context.cancellation.wait(lambda: self._raised > seen)
            return
        self._asking = True
        try:
            gate = await self._context.gates.ask(
                GateKind.BUDGET, summary, reason_code="budget-exhausted", by_person=True
            )
            decision = gate.decision
            if decision is None or decision.kind == DecisionKind.STOP:
                by, note = (decision.by, decision.note) if decision else ("", "")
                await self._context.end(by, note or "the budget is used up")
            else:
                await self._raise(decision)
        finally:
            self._asking = False

    async def _raise(self, decision: GateDecision) -> None:
        await self.put(decision.budget or self._limits, decision.by)

    async def put(self, limits: BudgetLimits, by: str) -> None:
        """Put new limits in force and let everything that waited for them go on."""
        await self._put(limits)
        self._raised += 1
        await self._context.recorder.say(BudgetSet(limits=limits, by=by))

    async def take(self, command: SpecCommand) -> None:
        """Set the budget by command; an open budget gate is decided by it."""
        limits = command.budget or self._limits
        gate = self._context.gates.open
        if gate is None or gate.kind != GateKind.BUDGET or gate.decision is not None:
            await self.put(limits, command.by)
            return
        self._context.gates.decide(
            GateCommand(
                id=command.id,
                gate_id=gate.id,
                kind=DecisionKind.RAISE,
                by=command.by,
                note=command.reason,
                budget=limits,
            )
        )

    async def watch(self) -> None:
        """Hold the run when its wall clock is used up; time at gates does not count."""
        context = self._context
        while True:
            seen = self._raised
            wall = self._limits.wall_clock
            if wall is None:
                await context.cancellation.wait(lambda seen=seen: self._raised > seen)
                continue
            left = self._began + wall + context.gates.waited - workflow.now()
            try:
                await context.cancellation.wait(
                    lambda seen=seen: self._raised > seen, max(left, left * 0)
                )
            except TimeoutError:
                if context.gates.open is not None:
                    await context.cancellation.wait(lambda: context.gates.open is None)
                    continue
                self.over = True
                await self.ask(f"The wall clock of {wall} is used up")
                self.over = False
