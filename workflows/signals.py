"""Signals between workflows."""

from temporalio import workflow
from temporalio.exceptions import FailureError


async def tell(workflow_id: str, signal: str, *arguments: object) -> None:
    """Signal another workflow; one that has ended needs no telling."""
    try:
        handle = workflow.get_external_workflow_handle(workflow_id)
        await handle.signal(signal, args=list(arguments))
    except FailureError:
        workflow.logger.info("the workflow to tell has ended", extra={"target": workflow_id})
