"""SpecWorkflow: from a sentence to a pull request."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from models.contracts.specs import SpecInput, SpecResult, SpecStatus

    from workflows.attempts import Drafting
    from workflows.baselines import Baseline
    from workflows.budgets import Budgeter
    from workflows.cancellation import Cancellation
    from workflows.commands import CommandDesk
    from workflows.context import SpecContext
    from workflows.course import Course
    from workflows.failures import EndedByPerson
    from workflows.gates import Gatekeeper
    from workflows.guards import Guard
    from workflows.messages import SpecMessages
    from workflows.panel import Panel
    from workflows.phases import PhaseRunner
    from workflows.questions import QuestionDesk
    from workflows.recorder import Recorder
    from workflows.reruns import next_run
    from workflows.revisions import Revisions
    from workflows.schedule import Scheduler
    from workflows.slots import SlotHolder


@workflow.defn
class SpecWorkflow(SpecMessages):
    """Takes a feature request through its phases and tasks to a pull request.

    Id ``spec-{spec_id}``. Updates, each with a validator and idempotent by its command id:
    ``decide_gate``, ``answer_question``, ``save_document``, ``pause``, ``resume``, ``cancel``,
    ``retry_phase``, ``rerun_from``, ``set_budget``, ``set_limits``, ``propose_document``,
    ``command_task``. Signals: ``accept_command``, ``accept_answer``, ``accept_proposal`` and
    ``accept_task_command`` take the same when no worker was up; ``budget_hit`` and the merge turns come
    from tasks. Query: ``state``. Ends completed when the pull request exists, or cancelled by a
    person; ``rerun_from`` continues as a new run that keeps the earlier phases. Every failure in
    between opens a gate.
    """

    @workflow.init
    def __init__(self, launch: SpecInput) -> None:
        """Build the state that handlers may touch before ``run``."""
        self._launch = launch
        self._panel = Panel(launch)
        self._recorder = Recorder(
            launch.project_id, launch.spec_id, launch.timings, after=self._show
        )
        self._cancellation = Cancellation()
        self._place = SlotHolder(launch.timings, self._recorder, self._cancellation)
        self._gates = Gatekeeper(launch, self._recorder, self._cancellation, self._place)
        context = SpecContext(
            launch,
            self._recorder,
            self._gates,
            self._cancellation,
            held=lambda: self._commands.paused or self._budgeter.over,
            stop=self._stop,
        )
        self._budgeter = Budgeter(context)
        guard = Guard(context, self._budgeter)
        self._questions = QuestionDesk(context)
        self._baseline = Baseline(context, guard)
        self._drafting = Drafting(context, guard, self._baseline, self._questions)
        self._phases = PhaseRunner(context, guard, self._drafting, self._baseline, self._questions)
        self._schedule = Scheduler(context, self._budgeter, self._baseline)
        self._course = Course(
            context,
            self._place,
            guard,
            self._drafting,
            self._phases,
            self._baseline,
            self._schedule,
        )
        self._revisions = Revisions(
            context, self._drafting, self._phases, self._baseline, self._schedule, self._course
        )
        self._commands = CommandDesk(
            context, self._budgeter, self._drafting, self._schedule, self._course
        )

    # The process

    @workflow.run
    async def run(self, launch: SpecInput) -> SpecResult:
        """Run to the pull request, unless a person or an operator ends it before."""
        flow = asyncio.create_task(self._course.run())
        clock = asyncio.create_task(self._budgeter.watch())
        result = None
        try:
            await workflow.wait_condition(lambda: flow.done() or self._is_ending())
            if self._is_ending():
                flow.cancel()
            result = await flow
            self._ended = SpecStatus.COMPLETED
        except (asyncio.CancelledError, FailureError) as error:
            if not is_cancelled_exception(error):
                raise
            flow.cancel()
            await _ended(flow)
        except EndedByPerson as ended:
            self._commands.stop(ended.by, ended.reason)
        clock.cancel()
        self._revisions.close()
        rerun = self._course.rerun
        if rerun is not None and self._commands.cancel is None and not self._is_cancelled():
            await workflow.wait_condition(workflow.all_handlers_finished)
            workflow.continue_as_new(
                next_run(
                    self._launch,
                    rerun,
                    self._drafting,
                    self._phases,
                    self._baseline,
                    self._questions,
                    self._commands.accepted,
                )
            )
        await self._place.give_back()
        if result is None:
            result = await self._end_cancelled()
        self._show()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    @staticmethod
    def _is_cancelled() -> bool:
        """True when an operator cancels the run in Temporal."""
        return workflow.cancellation_reason() is not None

    def _is_ending(self) -> bool:
        return self._commands.cancel is not None or self._course.rerun is not None

    async def _end_cancelled(self) -> SpecResult:
        told = self._commands.cancel
        by, reason = "an operator", "cancelled in Temporal"
        if told is not None:
            by, reason = told.by, told.reason
        self._cancellation.closed = True
        self._ended = SpecStatus.CANCELLED
        await self._commands.say("spec.cancelled", by, reason)
        return SpecResult(status=SpecStatus.CANCELLED, reason=reason)


async def _ended(flow: "asyncio.Task[SpecResult]") -> None:
    """Wait until a cancelled flow, and every child of it, has cleaned up."""
    try:
        await flow
    except EndedByPerson:
        return
    except (
        asyncio.CancelledError,
        FailureError,
    ) as error:  # an activity's cancel is a FailureError
        if not is_cancelled_exception(error):
            raise
