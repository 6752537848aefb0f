"""Hostile requests, and requests that come twice."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.integration.test_revision import code, read
from tests.support.stack import RunningStack

_JSON = {"content-type": "application/json"}


_BODIES: list[tuple[str, Any]] = [
    ("/projects", {"name": "x" * 10_000, "repository": {"kind": "git", "path": "/x"}}),
    ("/projects", {"name": 7, "repository": {"kind": "git", "path": "/x"}}),
    ("/projects", [1, 2, 3]),
    ("/projects", "text"),
    ("/projects", None),
    ("/specs/launch", {"project_id": str(uuid4()), "description": ["x"] * 10_000}),
    (
        "/specs/launch",
        {"project_id": str(uuid4()), "description": "x", "answers": [{}] * 10_000},
    ),
    ("/tickets", {"project_id": str(uuid4()), "title": "x", "start": "yes"}),
    (f"/tasks/{uuid4()}/messages", {"text": "x" * 900_000}),
    (f"/projects/{uuid4()}/board/start-processing", {"ticket_ids": [str(uuid4())] * 10_000}),
    (f"/specs/{uuid4()}/execute-tasks", {"task_ids": [str(uuid4())] * 10_000}),
    (f"/specs/{uuid4()}/commands/set_budget", {"budget": {"usd": "NaN"}}),
    (f"/specs/{uuid4()}/commands/set_budget", {"budget": {"usd": -1}}),
    (f"/specs/{uuid4()}/commands/set_budget", {"budget": {"tokens": 1e400}}),
]


@pytest.mark.parametrize(("path", "body"), _BODIES, ids=lambda value: ascii(value)[:50])
async def test_a_body_of_another_shape_is_refused(
    stack: RunningStack, path: str, body: Any
) -> None:
    sent = json.dumps(body).encode()
    answer = await stack.http.post(f"/api/v1{path}", content=sent, headers=_JSON)
    assert code(answer) == (422, "validation-failed")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"name": NaN}', b"[" * 50_000 + b"]" * 50_000], ids=range(5)
)
async def test_what_is_no_json_is_refused(stack: RunningStack, body: bytes) -> None:
    answer = await stack.http.post("/api/v1/projects", content=body, headers=_JSON)
    assert answer.status_code in {400, 422}, answer.text
    assert code(answer)[1] in {"invalid-body", "validation-failed"}


async def test_a_form_is_no_json(stack: RunningStack) -> None:
    answer = await stack.http.post("/api/v1/projects", data={"name": "x"})
    assert code(answer)[0] == 422


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"host": "evil.example"}, "host-not-allowed"),
        ({"host": "127.0.0.1:1"}, "host-not-allowed"),
        ({"host": "127.0.0.1.evil.example"}, "host-not-allowed"),
        ({"host": "["}, "host-not-allowed"),
        ({"origin": "http://evil.example"}, "origin-not-allowed"),
        ({"origin": "null"}, "origin-not-allowed"),
        ({"origin": "http://127.0.0.1:1"}, "origin-not-allowed"),
    ],
    ids=str,
)
async def test_a_foreign_host_or_origin_is_refused(
    stack: RunningStack, headers: dict[str, str], told: str
) -> None:
    body = {"orchestrator_enabled": False}
    answer = await stack.http.patch("/api/v1/settings", json=body, headers=headers)
    assert code(answer) == (403, told)
    assert (await read(stack, "/settings"))["orchestrator_enabled"] is True


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}])
async def test_a_foreign_page_gets_no_socket(stack: RunningStack, headers: dict[str, str]) -> None:
    url = str(stack.http.base_url).replace("http", "ws", 1) + "/api/v1/ws/events"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url, additional_headers=headers):
            pass
    assert refused.value.response.status_code in {400, 403}


async def test_a_write_with_a_key_happens_once(stack: RunningStack) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    body = {"name": "once", "repository": {"kind": "git", "url": "https://example.com/a.git"}}
    answers = await asyncio.gather(*(stack.post("/projects", body, **key) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = await stack.post("/projects", {**body, "name": "other"}, **key)
    assert code(other) == (422, "idempotency-key-reused")
    elsewhere = await stack.post("/specs/estimate", {"project_id": answers[0].json()["id"]}, **key)
    assert elsewhere.status_code == 200, "a key belongs to its route"


async def test_what_failed_may_be_sent_again_with_its_key(stack: RunningStack) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    bad = {"name": "x", "repository": {"kind": "git", "url": "--upload-pack=x"}}
    assert code(await stack.post("/projects", bad, **key))[0] == 400
    good = {"name": "x", "repository": {"kind": "git", "url": "https://example.com/a.git"}}
    assert (await stack.post("/projects", good, **key)).status_code == 201
    assert (await stack.post("/projects", good, **key)).status_code == 201


async def test_a_key_that_is_too_long_is_refused(stack: RunningStack) -> None:
    answer = await stack.post("/projects", {}, **{"Idempotency-Key": "k" * 201})
    assert code(answer) == (422, "validation-failed")


async def test_a_cursor_of_ones_own_making_is_refused(stack: RunningStack) -> None:
    for path in ("/projects", "/specs", "/tickets", "/inbox", "/questions", "/tasks", "/sandboxes"):
        for cursor in ("x", "bnVsbA==", "W10=", "eyJhIjogMX0=", "'; DROP TABLE specs; --"):
            answer = await stack.http.get(f"/api/v1{path}", params={"cursor": cursor})
            assert code(answer) == (400, "invalid-cursor"), (path, cursor)
