"""Upkeep on Temporal schedules: what no running workflow looks after any more."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.temporal import TemporalActivities
    from models.contracts.base import Timings
    from models.contracts.upkeep import Reaped, Reconciled
    from models.wire import AGENT_QUEUE

    from workflows import options


@workflow.defn
class ReconcileWorkflow:
    """One pass over slots and specs; started by a schedule, and when a limit was changed.

    Ends when the pass is done; takes no message.
    """

    @workflow.run
    async def run(self) -> Reconciled:
        """Look once."""
        return await workflow.execute_activity_method(
            TemporalActivities.reconcile, **options.upkeep(Timings(), "reconcile")
        )


@workflow.defn
class SandboxReaperWorkflow:
    """One pass over the sandboxes of this installation; started by a schedule.

    Ends when the pass is done; takes no message.
    """

    @workflow.run
    async def run(self) -> Reaped:
        """Look once."""
        return await workflow.execute_activity_method(
            TemporalActivities.reap_sandboxes,
            **options.upkeep(Timings(), "reap", queue=AGENT_QUEUE),
        )
