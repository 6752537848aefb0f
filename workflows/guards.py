"""Work that may fail for good: then a person decides, and nothing dies silently."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.contracts.facts import PhaseFailed
    from models.contracts.gates import DecisionKind, GateDecision, GateKind
    from models.contracts.phases import Phase

    from workflows.budgets import Budgeter
    from workflows.context import SpecContext
    from workflows.failures import EndedByPerson, describe

T = TypeVar("T")
BUDGET_EXHAUSTED = "budget-exhausted"


class Guard:
    """Turns an activity's failure into a gate, and a spent budget into the one budget gate."""

    def __init__(self, context: SpecContext, budgeter: Budgeter) -> None:
        self._context = context
        self._budgeter = budgeter

    async def run(self, phase: Phase | None, call: Callable[[], Awaitable[T]]) -> T:
        """Do something until it is done, or a person ends the spec.

        Raises:
            EndedByPerson: the person ended it.
        """
        while True:
            # A cancel may have been lost in what was awaited before this (ADR 0004).
            self._context.cancellation.check()
            try:
                done = await call()
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                failure = describe(error)
                if failure.code == BUDGET_EXHAUSTED:
                    await self._budgeter.ask(failure.message)
                    continue
                if phase is not None:
                    await self._context.recorder.say(
                        PhaseFailed(phase=phase, reason=failure.code, error=failure.message)
                    )
                await self.ask_after_failure(phase, failure.message, failure.code)
            else:
                self._context.cancellation.check()
                return done

    async def ask_after_failure(
        self,
        phase: Phase | None,
        message: str,
        code: str,
        options: tuple[DecisionKind, ...] | None = None,
    ) -> GateDecision:
        """Ask what to do after a failure; returns any decision but to end it.

        Raises:
            EndedByPerson: the person cancels.
        """
        gate = await self._context.gates.ask(
            GateKind.FAILURE, message, phase=phase, reason_code=code, options=options
        )
        decision = gate.decision
        if decision is None or decision.kind == DecisionKind.CANCEL:
            by, note = (decision.by, decision.note) if decision else ("", "")
            raise EndedByPerson(by, note or message)
        return decision
