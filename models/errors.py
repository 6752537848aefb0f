"""The error taxonomy; domain errors know no HTTP and no Temporal.

    AppError
    ├── InvalidInput      the caller must change the request     never retried
    ├── Unauthenticated   who is calling is not known            never retried
    ├── NotAllowed        the caller may not do this             never retried
    ├── NotFound          no such thing                          never retried
    ├── Conflict          the state forbids it now               never retried
    │   └── Superseded    another try of the same work took over
    ├── Stale             made against an older version          never retried
    │   └── PreconditionMissing  does not say against which
    ├── TooLarge          over a limit                           never retried
    ├── KeyReused         same Idempotency-Key, another body     never retried
    ├── RateLimited       slow down until ``retry_after``        retried
    └── Unavailable       an outside system failed or is away    retried

Two tables translate it: ``api/errors.py`` to HTTP, ``activities/errors.py`` to Temporal.
"""

from datetime import timedelta
from typing import ClassVar


class AppError(Exception):
    """Base of every expected error.

    Attributes:
        code: stable kebab-case identifier, what clients match on.
        detail: what happened and what to do, one or two sentences.
        context: plain values that help a person or a program; never a secret.
    """

    code: ClassVar[str] = "error"

    def __init__(
        self, detail: str, *, code: str | None = None, **context: str | int | None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.stable_code = code or self.code
        self.context = context


class InvalidInput(AppError):
    """The request can never succeed as it stands."""

    code = "invalid-input"


class Unauthenticated(AppError):
    """The caller, or we before an outside system, could not be identified."""

    code = "unauthenticated"


class NotAllowed(AppError):
    """The caller is known and may not do this."""

    code = "not-allowed"


class NotFound(AppError):
    """The thing named does not exist."""

    code = "not-found"


class Conflict(AppError):
    """The present state forbids it; another state may not."""

    code = "conflict"


class Superseded(Conflict):
    """A newer try of the same work holds the fence token; this one must stop."""

    code = "superseded"


class Stale(AppError):
    """Made against a version that is not the current one."""

    code = "stale-document"


class PreconditionMissing(Stale):
    """A change must say which version it was made against, and does not."""

    code = "if-match-required"


class TooLarge(AppError):
    """Over a documented limit."""

    code = "too-large"


class KeyReused(AppError):
    """The same Idempotency-Key came with another body."""

    code = "idempotency-key-reused"


class RetryableError(AppError):
    """Base of what may succeed later; ``retry_after`` is None when nobody said when."""

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        retry_after: timedelta | None = None,
        **context: str | int | None,
    ) -> None:
        super().__init__(detail, code=code, **context)
        self.retry_after = retry_after


class RateLimited(RetryableError):
    """An outside system, or we, asked to slow down."""

    code = "rate-limited"


class Unavailable(RetryableError):
    """An outside system failed or cannot be reached."""

    code = "unavailable"
