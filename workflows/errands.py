"""Short workflows beside a spec's: reads of Git, errands to the forge, and notifications."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.forges import ForgeActivities
    from activities.lookups import LookupActivities
    from activities.notifier import NotifierActivities
    from models.contracts.base import ProjectId, Timings
    from models.contracts.forges import ForgeRequest, ForgeResult, Lookup, LookupResult

    from workflows import options


@workflow.defn
class LookupWorkflow:
    """One short read of Git for the API; id ``lookup-{uuid}``; takes no message."""

    @workflow.run
    async def run(self, request: Lookup) -> LookupResult:
        """Look once."""
        return await workflow.execute_activity_method(
            LookupActivities.look_up, request, **options.lookup(Timings(), request.kind)
        )


@workflow.defn
class ForgeWorkflow:
    """One errand to the forge for a spec; id ``forge-{spec_id}-{kind}``; takes no message."""

    @workflow.run
    async def run(self, request: ForgeRequest) -> ForgeResult:
        """Do it; it may be repeated, because it looks before it acts."""
        return await workflow.execute_activity_method(
            ForgeActivities.act_on_forge, request, **options.repository(Timings(), request.kind)
        )


@workflow.defn
class NotifyWorkflow:
    """Sends what waits of a project; id ``notify-{project_id}``.

    Signal ``wake``: there is more. Ends when nothing waits.
    """

    def __init__(self) -> None:
        self._woken = True

    @workflow.signal
    def wake(self) -> None:
        """Look again before the end."""
        self._woken = True

    @workflow.run
    async def run(self, project_id: ProjectId) -> None:
        """Send until nothing waits."""
        while self._woken:
            self._woken = False
            await workflow.execute_activity_method(
                NotifierActivities.send_notifications,
                project_id,
                **options.notify(Timings(), "notify"),
            )
