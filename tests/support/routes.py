"""The API's own document as a test reads it: its operations, and which were called with what."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from starlette.routing import compile_path

from models.contracts.phases import Phase
from tests.support.evaluations import good

_DOCUMENT = Path(__file__).resolve().parents[2] / "api" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(_DOCUMENT.read_text(encoding="utf-8"))
NOBODY = {
    "phase": "design",
    "version": "1",
    "seq": "1",
    "column": "backlog",
    "item_id": "REQ-001",
    "criterion_id": "AC-001.1",
    "sha256": "0" * 64,
    "sandbox_id": f"task-{uuid4()}",
}


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    document: dict[str, Any] = field(compare=False, repr=False)

    @property
    def names(self) -> list[str]:
        """Its path's parameters, in order."""
        return [p["name"] for p in self._parameters("path")]

    @property
    def queries(self) -> list[str]:
        return [p["name"] for p in self._parameters("query")]

    @property
    def has_body(self) -> bool:
        return "requestBody" in self.document

    def _parameters(self, place: str) -> list[dict[str, Any]]:
        return [p for p in self.document.get("parameters", []) if p["in"] == place]

    def url(self, **values: str) -> str:
        """Its path with these values, and ids of nothing for the others."""
        known = {name: NOBODY.get(name) or str(uuid4()) for name in self.names}
        if "commands" in self.path:
            known["name"] = "pause" if "specs" in self.path else "retry"
        return self.path.format(**{**known, **values})


def operations() -> Iterator[Operation]:
    """Every operation, streams left out: they do not end."""
    for path, methods in DOCUMENT["paths"].items():
        if not path.endswith("/stream"):
            for method, document in methods.items():
                yield Operation(method.upper(), path, document)


class CallLog:
    """Which operation answered with which status."""

    def __init__(self) -> None:
        self._patterns = [(o, compile_path(o.path)[0]) for o in operations()]
        self._patterns.sort(key=lambda pair: len(pair[0].names))
        self.seen: dict[Operation, set[int]] = {}

    async def __call__(self, response: httpx2.Response) -> None:
        """Take an answer; a hook of the client."""
        asked = response.request
        for operation, pattern in self._patterns:
            if operation.method == asked.method and pattern.match(asked.url.path):
                self.seen.setdefault(operation, set()).add(response.status_code)
                return

    def without_success(self) -> list[str]:
        """Operations that never succeeded."""
        return sorted(
            f"{o.method} {o.path}"
            for o, _ in self._patterns
            if not any(200 <= status < 300 for status in self.seen.get(o, ()))
        )


_CRITERION = {"id": "", "text": "It is so.", "verified_by": "test"}


def _bodies() -> dict[str, Any]:
    """A body that each route understands, by the end of its path."""
    requirement = good(Phase.REQUIREMENTS)["requirements"][0]
    planned = good(Phase.TASKS)["tasks"][0]
    return {
        "/steering": {"text": "x"},
        "/fork": {"from_phase": "design"},
        "/launch": {"project_id": str(uuid4()), "description": "x"},
        "/estimate": {"project_id": str(uuid4())},
        "/specs": {"project_id": str(uuid4()), "description": "x"},
        "/tickets": {"project_id": str(uuid4()), "title": "x"},
        "/draft": {"document": {}},
        "/requirements": requirement,
        "/requirements/{item_id}": requirement,
        "/criteria": _CRITERION,
        "/criteria/{criterion_id}": _CRITERION,
        "/design": good(Phase.DESIGN),
        "/plan/tasks": planned,
        "/plan/tasks/{item_id}": planned,
        "/decision": {"kind": "approve", "artifact_sha256": "0" * 64},
        "/approve-requirements": {"artifact_sha256": "0" * 64},
        "/approve-design": {"artifact_sha256": "0" * 64},
        "/answer": {"answer": "Yes."},
        "/dependencies": {"depends_on": []},
        "/messages": {"text": "x"},
        "/move": {"column": "ready"},
        "/comments": {"text": "x"},
        "/comments/{comment_id}": {"text": "x"},
        "/columns/{column}": {"title": "x"},
        "/webhook": {"url": "http://127.0.0.1:9/hook"},
        "/events": {"event_type": "spec.progress", "data": {"message": "x"}},
    }


def body_of(operation: Operation) -> Any:
    """A body that it understands; None where it takes none."""
    if not operation.has_body:
        return None
    found = _bodies()
    fitting = [end for end in found if operation.path.endswith(end)]
    return found[max(fitting, key=len)] if fitting else {}
