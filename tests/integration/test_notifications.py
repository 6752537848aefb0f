"""The outgoing webhook: signed, tried again, each once."""

import hashlib
import hmac
import json
from collections import Counter
from typing import Any

from models.contracts.phases import Phase
from tests.integration.test_revision import asking, read
from tests.support.model import Receiver, serving
from tests.support.stack import RunningStack


def signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    parts = dict(part.split("=", 1) for part in headers["x-specwright-signature"].split(","))
    told = hmac.new(secret.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(told, parts["v1"])


async def test_a_webhook_is_told_each_thing_once(stack: RunningStack) -> None:
    receiver = Receiver(503, 200)
    with serving(receiver.app()) as url:
        project = await stack.project(stack.remote(), asking(Phase.REQUIREMENTS))
        path = f"/api/v1/projects/{project.id}/webhook"
        wanted = {"url": f"{url}/hook", "kinds": ["gate", "completion"]}
        made = (await stack.http.put(path, json=wanted)).json()
        again = (await stack.http.put(path, json=wanted)).json()
        assert again["secret"] is None, "shown once"
        spec_id = await stack.launch(project, "Budget <script>alert(1)</script>")
        gate, _ = await stack.gate(spec_id)
        await stack.decide(gate, "approve")
        await stack.until_closed(spec_id)
        await receiver.until(3)
    assert all(signed(made["secret"], *post) for post in receiver.posts)
    bodies: list[dict[str, Any]] = [json.loads(body) for _, body in receiver.posts]
    assert [b["kind"] for b in bodies] == ["gate", "gate", "completion"]
    assert bodies[0]["id"] == bodies[1]["id"], "the same one, after 503"
    assert bodies[0]["id"] == receiver.posts[0][0]["x-specwright-delivery"]
    assert bodies[0]["text"].startswith("Budget <script>")
    assert bodies[2]["path"] == f"/projects/{project.id}/specs/{spec_id}"
    page = await read(stack, f"/projects/{project.id}/notifications")
    states = [(i["notification"]["kind"], i["tries"], i["error"]) for i in page["items"]]
    assert states == [("completion", 1, None), ("gate", 2, None)]


async def test_only_the_kinds_that_are_wanted_and_a_refusal_is_not_repeated(
    stack: RunningStack,
) -> None:
    receiver = Receiver(410)
    with serving(receiver.app()) as url:
        project = await stack.project(stack.remote(), asking(Phase.REQUIREMENTS))
        body = {"url": f"{url}/hook", "kinds": ["completion"]}
        await stack.http.put(f"/api/v1/projects/{project.id}/webhook", json=body)
        spec_id = await stack.launch(project)
        gate, _ = await stack.gate(spec_id)
        await stack.decide(gate, "approve")
        await stack.until_closed(spec_id)
        await receiver.until(1)
        other = await stack.launch(project)
        gate, _ = await stack.gate(other)
        await stack.decide(gate, "approve")
        await stack.until_closed(other)
        await receiver.until(2)
    kinds = Counter(json.loads(body)["kind"] for _, body in receiver.posts)
    assert kinds == {"completion": 2}
    page = await read(stack, f"/projects/{project.id}/notifications")
    assert {i["error"] for i in page["items"]} <= {"refused with 410", None}
