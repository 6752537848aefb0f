"""AppError to Temporal's ApplicationError, in one place: an interceptor around every activity."""

from typing import Any, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from models.errors import (
    AppError,
    Conflict,
    InvalidInput,
    KeyReused,
    NotAllowed,
    NotFound,
    RetryableError,
    Stale,
    Superseded,
    TooLarge,
    Unauthenticated,
)

_NEVER_RETRIED: Final = (
    InvalidInput,
    Unauthenticated,
    NotAllowed,
    NotFound,
    Conflict,
    Stale,
    TooLarge,
    KeyReused,
)
_EXPECTED: Final = (RetryableError, Superseded)


def to_application_error(error: AppError) -> ApplicationError:
    """The Temporal failure of one of our errors: its code as type, its context as detail."""
    benign = isinstance(error, _EXPECTED)
    return ApplicationError(
        error.detail,
        {"context": error.context},
        type=error.stable_code,
        non_retryable=isinstance(error, _NEVER_RETRIED),
        next_retry_delay=error.retry_after if isinstance(error, RetryableError) else None,
        category=(
            ApplicationErrorCategory.BENIGN if benign else ApplicationErrorCategory.UNSPECIFIED
        ),
    )


class _Inbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await self.next.execute_activity(input)
        except AppError as error:
            activity.logger.info(
                "activity refused", extra={"code": error.stable_code, "detail": error.detail}
            )
            raise to_application_error(error) from error


class ErrorInterceptor(Interceptor):
    """Translates what activities raise; anything unmapped is a bug and may be retried."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        """Wrap the next interceptor."""
        return _Inbound(next)
