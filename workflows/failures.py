"""What an activity's failure says to a person: a stable code and a sentence."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError  # noqa: A004 - Temporal's own

with workflow.unsafe.imports_passed_through():
    from models.contracts.base import Payload


class Failure(Payload):
    """A failure as it is shown."""

    code: str
    message: str


class EndedByPerson(Exception):
    """A person ended the spec at a gate; ``run`` turns it into ``cancelled``."""

    def __init__(self, by: str, reason: str) -> None:
        super().__init__(reason)
        self.by = by
        self.reason = reason


class TaskFailed(Exception):
    """The task cannot be done as it stands; the parent decides what follows."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def describe(error: ActivityError) -> Failure:
    """The code and the words of what made an activity fail for good."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return Failure(code=cause.type or "error", message=cause.message[:1_000])
    if isinstance(cause, TimeoutError):
        return Failure(code="timed-out", message=f"{error.activity_type} ran out of time.")
    return Failure(code="error", message=str(cause or error)[:1_000])
