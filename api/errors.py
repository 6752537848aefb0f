"""Errors to HTTP, in one place: problem details with a stable code (after RFC 9457)."""

import logging
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import JsonValue
from sqlalchemy.exc import DBAPIError, OperationalError
from starlette.exceptions import HTTPException

from api.openapi_document import methods_of
from models.contracts.problems import Problem
from models.errors import (
    AppError,
    Conflict,
    InvalidInput,
    KeyReused,
    NotAllowed,
    NotFound,
    PreconditionMissing,
    RateLimited,
    RetryableError,
    Stale,
    TooLarge,
    Unauthenticated,
    Unavailable,
)

_LOGGER = logging.getLogger(__name__)
_STATUS: Final[tuple[tuple[type[AppError], int], ...]] = (
    (InvalidInput, 400),
    (Unauthenticated, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (Conflict, 409),
    (PreconditionMissing, 428),
    (Stale, 412),
    (TooLarge, 413),
    (KeyReused, 422),
    (RateLimited, 429),
    (Unavailable, 503),
)
_CODES: Final = {
    400: "invalid-body",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
}
_RETRY_SECONDS: Final = 2


def status_of(error: AppError) -> int:
    """The HTTP status of one of our errors."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem_response(
    request: Request,
    status: int,
    code: str,
    detail: str,
    context: dict[str, JsonValue] | None = None,
    retry_after: int | None = None,
) -> JSONResponse:
    """A problem as it is sent."""
    problem = Problem(
        code=code,
        detail=detail,
        context=context or {},
        request_id=str(request.scope.get("request_id", "")),
    )
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else None
    return JSONResponse(
        problem.model_dump(mode="json"),
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )


def _retry(error: AppError) -> int | None:
    """After how many seconds one may try again; ``None`` where that would not help."""
    if not isinstance(error, RetryableError):
        return None
    return int(error.retry_after.total_seconds()) if error.retry_after else _RETRY_SECONDS


def _no_route(request: Request, detail: str, methods: list[str]) -> JSONResponse:
    if not methods or request.method in methods:
        return problem_response(request, 404, "not-found", detail)
    answer = problem_response(request, 405, "method-not-allowed", "This path has other methods.")
    answer.headers["Allow"] = ", ".join(methods)
    return answer


def install_error_handlers(app: FastAPI) -> None:
    """Map every error that may reach the edge."""

    @app.exception_handler(AppError)
    async def on_app_error(request: Request, error: AppError) -> JSONResponse:
        context: dict[str, JsonValue] = dict(error.context)
        return problem_response(
            request, status_of(error), error.stable_code, error.detail, context, _retry(error)
        )

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        found: list[JsonValue] = [
            {"where": ".".join(map(str, entry["loc"])), "message": str(entry["msg"])}
            for entry in error.errors()[:50]
        ]
        detail = "The request does not have the documented shape."
        return problem_response(request, 422, "validation-failed", detail, {"errors": found})

    @app.exception_handler(OperationalError)
    @app.exception_handler(DBAPIError)
    async def on_database(request: Request, error: DBAPIError) -> JSONResponse:
        _LOGGER.warning("database is away", extra={"error": str(error.orig)[:300]})
        detail = "The database cannot be reached; try again shortly."
        return problem_response(
            request, 503, "database-unavailable", detail, retry_after=_RETRY_SECONDS
        )

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        path = request.url.path
        methods = methods_of(app, path)  # the router knows a path's methods one at a time
        if error.status_code in (404, 405) and (methods or path.startswith("/api/")):
            return _no_route(request, str(error.detail), methods)
        code = _CODES.get(error.status_code, "http-error")
        return problem_response(request, error.status_code, code, str(error.detail))

    @app.exception_handler(Exception)
    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        _LOGGER.error("unexpected error", exc_info=error)
        detail = "Something went wrong on our side; the request id helps to find it."
        return problem_response(request, 500, "internal-error", detail)

    for handler in (on_app_error, on_invalid, on_database, on_http, on_bug):
        _LOGGER.debug("error handler installed", extra={"handler": handler.__name__})
