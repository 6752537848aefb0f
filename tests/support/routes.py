"""The API's own document as a test reads it: its operations, and which were called with what."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
from starlette.routing import compile_path

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
