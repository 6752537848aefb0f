"""Calls to Temporal: bounded, and what their failures mean."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio.client import (
    WorkflowFailureError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ActivityError, ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from models.errors import AppError, Conflict, Unavailable

ALREADY_RAN: Final = "spec-already-ran"
NOT_RUNNING: Final = "spec-not-running"
SHORT: Final = timedelta(seconds=2)
# What the server says of an update whose workflow ended while the handler was at work.
_ENDED_MEANWHILE: Final = "AcceptedUpdateCompletedWorkflow"
_LONGEST_SECONDS: Final = 2.4
AFTER_ANOTHER_SECONDS: Final = 0.5  # so that two calls of one request end within three seconds
T = TypeVar("T")


def unknown() -> Unavailable:
    """What came of a call is not known; the same key is safe."""
    msg = "No worker answered in time; send the same again with the same Idempotency-Key."
    return Unavailable(msg, code="outcome-unknown", retry_after=SHORT)


def failed(error: WorkflowFailureError) -> AppError:
    """What an errand failed with, by the class that its code had before Temporal."""
    cause = error.cause
    if isinstance(cause, ActivityError) and cause.cause is not None:
        cause = cause.cause
    if isinstance(cause, ApplicationError):
        return Conflict(cause.message, code=cause.type or "errand-failed")
    return Unavailable("This did not work; try again shortly.", code="errand-failed")


def no_worker(error: Exception) -> bool:
    """True when the server took the call, but no worker answered it in time."""
    if isinstance(error, WorkflowUpdateRPCTimeoutOrCancelledError | TimeoutError):
        return True
    slow = {RPCStatusCode.CANCELLED, RPCStatusCode.DEADLINE_EXCEEDED}
    return isinstance(error, RPCError) and error.status in slow


def refusal(error: WorkflowUpdateFailedError) -> AppError:
    """What an update was refused with."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == _ENDED_MEANWHILE:
        return Conflict("This spec is not running.", code=NOT_RUNNING)
    if isinstance(cause, ApplicationError):
        return Conflict(cause.message, code=cause.type or "command-not-allowed")
    return Conflict("The workflow refused this.", code="command-not-allowed")


def explained(error: Exception) -> AppError:
    """What a failed call to Temporal means."""
    if isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
        return Conflict("This spec is not running.", code=NOT_RUNNING)
    msg = "Temporal cannot be reached; try again shortly."
    return Unavailable(msg, code="temporal-unavailable", retry_after=SHORT)


async def bounded(call: "Awaitable[T]", seconds: float = _LONGEST_SECONDS) -> T:
    """Await a call, but never longer than the bound: connecting is not in an RPC's own time-out."""
    async with asyncio.timeout(seconds):
        return await call


async def reached(call: "Awaitable[T]", seconds: float = _LONGEST_SECONDS) -> T:
    """Await a call to Temporal, bounded, with its failures explained."""
    try:
        return await bounded(call, seconds)
    except WorkflowAlreadyStartedError as error:
        msg = "This spec has run before."
        raise Conflict(msg, code=ALREADY_RAN) from error
    except (RPCError, RuntimeError, TimeoutError) as error:
        raise explained(error) from error
