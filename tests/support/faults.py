"""What a model can do wrong, as data: what it answers, what a person sees, retries and pays.

One row is one test at the loop and one through the API; the fake server answers by these rows too.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

Shape = Literal["status", "cut", "cut-late", "error-in-stream", "message", "bad-json"]


@dataclass(frozen=True)
class ModelFault:
    """One fault.

    ``paid``: ``no`` when it cannot have cost anything, ``at-most`` when it may have, ``yes`` when
    an answer came. ``sees``: the gate's reason code, or ``waits``. ``ends``: how a talk of at most
    three turns ends: the error's code, or ``out-of-turns``. ``waits_seconds``: as told by the
    server, None when we choose. ``told_back`` is what the model is told in the next turn.
    """

    name: str
    shape: Shape
    ends: str
    sees: str
    retried: bool
    paid: Literal["no", "at-most", "yes"]
    status: int = 200
    kind: str = ""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    waits_seconds: int | None = None
    content: tuple[dict[str, Any], ...] = ()
    stop_reason: str = "end_turn"
    told_back: str = ""


def _status(name: str, status: int, kind: str, code: str) -> ModelFault:
    return ModelFault(name, "status", code, code, False, "no", status, kind)


def _away(
    name: str, status: int, kind: str, code: str, retry_after: int | None = None
) -> ModelFault:
    headers = {"retry-after": str(retry_after)} if retry_after is not None else {}
    return ModelFault(name, "status", code, "waits", True, "no", status, kind, headers, retry_after)


_TOOL: Final[dict[str, Any]] = {"type": "tool_use", "id": "toolu_x", "name": "submit", "input": {}}

FAULTS: Final = (
    _status("answer-400", 400, "invalid_request_error", "model-bad-request"),
    _status("answer-401", 401, "authentication_error", "model-unauthenticated"),
    _status("answer-403", 403, "permission_error", "model-not-allowed"),
    _status("answer-404", 404, "not_found_error", "model-not-found"),
    _status("answer-413", 413, "request_too_large", "model-request-too-large"),
    _away("answer-429", 429, "rate_limit_error", "model-rate-limited", 7),
    _away("answer-429-plain", 429, "rate_limit_error", "model-rate-limited"),
    _away("answer-429-long", 429, "rate_limit_error", "model-rate-limited", 900),
    _away("answer-500", 500, "api_error", "model-unavailable"),
    _away("answer-503", 503, "api_error", "model-unavailable"),
    _away("answer-529", 529, "overloaded_error", "model-unavailable"),
    _away("answer-529-told", 529, "overloaded_error", "model-unavailable", 30),
    ModelFault("cut-stream", "cut", "model-unavailable", "waits", True, "at-most"),
    ModelFault("cut-late", "cut-late", "model-unavailable", "waits", True, "at-most"),
    ModelFault(
        "overloaded-in-stream", "error-in-stream", "model-unavailable", "waits", True, "at-most"
    ),
    ModelFault("invalid-json", "bad-json", "model-unavailable", "waits", True, "at-most"),
    ModelFault(
        "refuses", "message", "model-refused", "model-refused", False, "yes",
        content=({"type": "text", "text": "No."},), stop_reason="refusal",
    ),
    ModelFault(
        "only-talks", "message", "out-of-turns", "out-of-turns", False, "yes",
        content=({"type": "text", "text": "Hm."},), told_back="submit",
    ),
    ModelFault(
        "says-nothing", "message", "out-of-turns", "out-of-turns", False, "yes",
        told_back="submit",
    ),
    ModelFault(
        "cut-at-max-tokens", "message", "out-of-turns", "out-of-turns", False, "yes",
        content=(_TOOL,), stop_reason="max_tokens", told_back="smaller parts",
    ),
    ModelFault(
        "unknown-tool", "message", "out-of-turns", "out-of-turns", False, "yes",
        content=({**_TOOL, "name": "rm_rf"},), stop_reason="tool_use", told_back="no tool",
    ),
    ModelFault(
        "invalid-document", "message", "out-of-turns", "out-of-turns", False, "yes",
        content=(_TOOL,), stop_reason="tool_use", told_back="not valid",
    ),
)  # fmt: skip
BY_NAME: Final = {fault.name: fault for fault in FAULTS}
