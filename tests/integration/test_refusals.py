"""Every route refuses what is not there and what it does not understand, with a code."""

import json
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.support.routes import Operation, body_of, operations
from tests.support.stack import RunningStack


async def _send(
    stack: RunningStack, operation: Operation, url: str, body: Any, **query: str
) -> httpx2.Response:
    return await stack.http.request(
        operation.method, url, json=body, params=query or None, headers={"If-Match": '"1"'}
    )


def _code(answer: httpx2.Response) -> str:
    problem = answer.json()
    assert set(problem) == {"code", "detail", "context", "request_id"}, problem
    assert answer.headers["content-type"] == "application/problem+json"
    return problem["code"]


_NAMED = [o for o in operations() if o.names]
_OF_A_PROJECT = frozenset(
    f"/api/v1/{end}" for end in ("specs", "specs/launch", "specs/estimate", "tickets")
)
_REFERRING = [o for o in operations() if o.method == "POST" and o.path in _OF_A_PROJECT]


@pytest.mark.parametrize("operation", [*_NAMED, *_REFERRING], ids=lambda o: f"{o.method} {o.path}")
async def test_what_is_not_there(stack: RunningStack, operation: Operation) -> None:
    url = operation.url()
    if url.endswith("/diff"):
        url += "?phase=design&from=1&to=2"
    answer = await _send(stack, operation, url, body_of(operation))
    if operation.path.endswith("/sandboxes/{sandbox_id}/events") and operation.method == "POST":
        assert (answer.status_code, _code(answer)) == (401, "sandbox-token-invalid")
        return
    assert answer.status_code == 404, answer.text
    assert _code(answer).endswith("-not-found")


@pytest.mark.parametrize("operation", list(operations()), ids=lambda o: f"{o.method} {o.path}")
async def test_what_is_not_understood(stack: RunningStack, operation: Operation) -> None:
    refused: list[int] = []
    if operation.names:
        url = operation.url(**{operation.names[0]: "%00;--"})
        refused.append((await _send(stack, operation, url, body_of(operation))).status_code)
    if operation.has_body:
        body = {"surprise": 1}
        answer = await _send(stack, operation, operation.url(), body)
        assert _code(answer)
        refused.append(answer.status_code)
    for name in operation.queries:
        answer = await _send(
            stack, operation, operation.url(), body_of(operation), **{name: "\x00"}
        )
        assert _code(answer)
        refused.append(answer.status_code)
    if not refused:  # it takes nothing that could be wrong but its method
        answer = await stack.http.request("PROPFIND", operation.url())
        assert _code(answer) == "method-not-allowed"
        refused.append(answer.status_code)
    assert set(refused) <= {400, 404, 405, 422}, refused


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"], ids=ascii)
async def test_text_that_cannot_be_stored(stack: RunningStack, text: str) -> None:
    spec = f"/specs/{uuid4()}"
    for path, body in (
        ("/projects", {"name": text, "repository": {"kind": "git", "url": "https://a.example/b"}}),
        ("/specs/launch", {"project_id": str(uuid4()), "description": text}),
        ("/tickets", {"project_id": str(uuid4()), "title": text}),
        (f"{spec}/commands/pause", {"reason": text}),
        (f"{spec}/gates/{uuid4()}/decision", {"kind": "approve", "note": text}),
        (f"/questions/{uuid4()}/answer", {"answer": text}),
        (f"/tasks/{uuid4()}/messages", {"text": text}),
        (f"/sandboxes/task-{uuid4()}/events", {"event_type": "x", "data": {"deep": [{text: 1}]}}),
    ):
        sent = json.dumps(body).encode()  # as escapes, which is how they come
        answer = await stack.http.post(
            f"/api/v1{path}", content=sent, headers={"content-type": "application/json"}
        )
        assert (answer.status_code, _code(answer)) == (400, "invalid-text"), path
