"""What client, workers and replayer share: converter, error translation, sandbox passthrough."""

from temporalio.plugin import SimplePlugin
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.errors import ErrorInterceptor
from models.wire import DATA_CONVERTER


def _runner(existing: WorkflowRunner | None) -> WorkflowRunner:
    del existing
    restrictions = SandboxRestrictions.default.with_passthrough_modules("models", "activities")
    return SandboxedWorkflowRunner(restrictions=restrictions)


class SpecPlugin(SimplePlugin):
    """Given to the client; workers made from it inherit it."""

    def __init__(self) -> None:
        # The SDK leaves the activities' types open in this signature.
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            "specwright.SpecPlugin",
            data_converter=DATA_CONVERTER,
            interceptors=[ErrorInterceptor()],
            workflow_runner=_runner,
        )
