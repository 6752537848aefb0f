"""Every route succeeds at least once, in the ways that people use it, against the real stack."""

import asyncio
from typing import Any

import httpx2

from models.contracts.base import SpecId
from models.contracts.events import Event
from models.contracts.gates import Gate
from models.contracts.phases import Phase
from tests.integration.test_revision import asking
from tests.support.evaluations import good
from tests.support.routes import CallLog
from tests.support.scenario import Job, ask, finish, making, play, write
from tests.support.stack import RunningStack, quick_settings

_CRITERION = {"id": "", "text": "It names the category.", "verified_by": "test"}


class Caller:
    """A client whose every answer must be a success."""

    def __init__(self, stack: RunningStack, http: httpx2.AsyncClient) -> None:
        self.stack = stack
        self._http = http

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        etag: str = "",
        bearer: str = "",
        **query: str,
    ) -> Any:
        url = path if path in {"/healthz", "/readyz", "/system"} else f"/api/v1{path}"
        headers = {"If-Match": etag} if etag else {}
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        answer = await self._http.request(
            method, url, json=body, headers=headers, params=query or None
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text[:500]}"
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return answer.json() if is_json and answer.content else answer.text


async def test_every_route_succeeds(stack: RunningStack) -> None:
    log = CallLog()
    async with httpx2.AsyncClient(
        base_url=stack.http.base_url, timeout=60, event_hooks={"response": [log]}
    ) as http:
        call = Caller(stack, http)
        await asyncio.gather(
            _installation(call), _projects(call), _drafts(call), _editing(call), _agent(call),
            _tickets(call), _forge(call),
        )  # fmt: skip
    assert log.without_success() == []


async def _installation(call: Caller) -> None:
    for path in ("/healthz", "/readyz", "/system", "/meta", "/rules", "/settings", "/inbox",
                 "/insights", "/repositories", "/questions", "/specs", "/tasks", "/tickets",
                 "/sandboxes"):  # fmt: skip
        await call("GET", path)
    assert (await call("PATCH", "/settings", {}))["orchestrator_enabled"] is True
    await call("GET", "/search", query="budget")


async def _projects(call: Caller) -> None:
    remote = {"kind": "git", "path": str(call.stack.remote())}
    made = await call("POST", "/projects", {"name": "routes", "repository": remote})
    path = f"/projects/{made['id']}"
    assert (await call("GET", path))["name"] == "routes"
    assert (await call("PATCH", path, {"name": "ways"}))["name"] == "ways"
    assert made["id"] in {p["id"] for p in (await call("GET", "/projects"))["items"]}
    probed = await call("POST", f"{path}/repository/probe")
    assert (probed["reachable"], probed["default_branch"], probed["can_push"]) == (
        True,
        "main",
        True,
    )
    branches = await call("GET", f"{path}/branches")
    assert "main" in str(branches)
    await call("PUT", f"{path}/steering", {"text": "Be brief."})
    assert (await call("GET", f"{path}/steering"))["text"] == "Be brief."
    for end in ("stats", "specs", "slots", "notifications"):
        await call("GET", f"{path}/{end}")
    await call("GET", "/activity", project_id=made["id"])
    hook = {"url": "http://127.0.0.1:9/hook"}
    assert (await call("PUT", f"{path}/webhook", hook))["secret"]
    assert (await call("GET", f"{path}/webhook")).get("secret") is None
    await call("DELETE", f"{path}/webhook")
    await call("DELETE", path)


async def _drafts(call: Caller) -> None:
    project = await call.stack.project(call.stack.remote(), quick_settings())
    asked = {"project_id": str(project.id), "description": "Let me set a budget."}
    await call("POST", "/specs/estimate", {"project_id": str(project.id)})
    made = await call("POST", "/specs", asked)
    path = f"/specs/{made['spec_id']}"
    assert (await call("PATCH", path, {"title": "A budget"}))["title"] == "A budget"
    await call("POST", f"{path}/execute")
    await call.stack.until_closed(SpecId(made["spec_id"]))
    forked = await call("POST", f"{path}/fork", {"from_phase": "design"})
    await call.stack.until_closed(SpecId(forked["spec_id"]))
    launched = await call("POST", "/specs/launch", {**asked, "auto_execute": False})
    await call("DELETE", f"/specs/{launched['spec_id']}")


async def _editing(call: Caller) -> None:
    stack = call.stack
    settings = asking(Phase.REQUIREMENTS, Phase.DESIGN, Phase.TASKS)
    spec_id = await stack.launch(await stack.project(stack.remote(), settings))
    path = f"/specs/{spec_id}"
    await stack.gate(spec_id)
    sha256 = await _requirements(call, path)
    await call("POST", f"{path}/approve-requirements", {"artifact_sha256": sha256})
    gate = await _gate_of(stack, spec_id, Phase.DESIGN)
    etag = (await call("GET", f"{path}/documents/design"))["etag"]
    await call("PUT", f"{path}/design", good(Phase.DESIGN), etag)
    assert gate.document is not None
    await call("POST", f"{path}/approve-design", {"artifact_sha256": gate.document.sha256})
    gate = await _gate_of(stack, spec_id, Phase.TASKS)
    await _plan(call, path)
    assert gate.document is not None
    decision = {"kind": "approve", "artifact_sha256": gate.document.sha256}
    await call("GET", f"{path}/gates")
    await call("GET", f"{path}/gates/{gate.id}")
    await call("POST", f"{path}/gates/{gate.id}/decision", decision)
    await stack.until_closed(spec_id)
    await _reading(call, path)


async def _gate_of(stack: RunningStack, spec_id: SpecId, phase: Phase) -> Gate:
    seq, gate = 0, None
    while gate is None or gate.phase != phase:
        gate, seq = await stack.gate(spec_id, after=seq)
    return gate


async def _requirements(call: Caller, path: str) -> str:
    """Edit in every way and save; the hash of what is asked about then."""
    view = await call("GET", f"{path}/documents/requirements")
    item = view["document"]["requirements"][1]
    made = await call(
        "POST", f"{path}/requirements", {**item, "id": "", "title": "Silence"}, view["etag"]
    )
    there = f"{path}/requirements/REQ-002"
    put = await call("PUT", there, {**item, "title": "Warn at once"}, made["etag"])
    gone = await call("DELETE", f"{path}/requirements/REQ-005", etag=put["etag"])
    grown = await call("POST", f"{there}/criteria", _CRITERION, gone["etag"])
    criterion = {**_CRITERION, "id": "AC-002.3", "text": "It names the sum."}
    changed = await call("PUT", f"{there}/criteria/AC-002.3", criterion, grown["etag"])
    less = await call("DELETE", f"{there}/criteria/AC-002.3", etag=changed["etag"])
    await call("DELETE", f"{path}/documents/requirements/draft", etag=less["etag"])
    put = {"document": {**view["document"], "assumptions": ["A month is a calendar month."]}}
    draft = await call("PUT", f"{path}/documents/requirements/draft", put, view["etag"])
    await call("POST", f"{path}/documents/requirements/draft/save", {}, draft["etag"])
    await call("POST", f"{path}/versions/requirements/1/restore")
    versions = (await call("GET", f"{path}/versions", phase="requirements"))["items"]
    await call("GET", f"{path}/versions/requirements/1")
    await call("GET", f"{path}/versions/requirements/1/content")
    query = {"phase": "requirements", "from": "1", "to": "2"}
    assert "calendar" in str(await call("GET", f"{path}/diff", **query))
    return str(versions[0]["document"]["sha256"])


async def _plan(call: Caller, path: str) -> None:
    view = await call("GET", f"{path}/documents/tasks")
    first = view["document"]["tasks"][0]
    more = {**first, "id": "TSK-090", "title": "One more thing to do"}
    made = await call("POST", f"{path}/plan/tasks", more, view["etag"])
    item = f"{path}/plan/tasks/{made['document']['tasks'][-1]['id']}"
    put = await call("PUT", item, {**more, "title": "Something else to do"}, made["etag"])
    gone = await call("DELETE", item, etag=put["etag"])
    await call("DELETE", f"{path}/documents/tasks/draft", etag=gone["etag"])


async def _reading(call: Caller, path: str) -> None:
    """Everything that can be read of a spec that has ended."""
    for end in ("", "/state", "/documents", "/trace", "/execution-status", "/criteria-status",
                "/graph", "/changes", "/pull-request", "/usage", "/history", "/at/3", "/export",
                "/requirements", "/questions", "/tasks", "/events"):  # fmt: skip
        await call("GET", f"{path}{end}")
    for attempt in (await call("GET", f"{path}/attempts"))[:1]:
        for end in ("", "/prompt", "/transcript"):
            await call("GET", f"{path}/attempts/{attempt['id']}{end}")
    document = (await call("GET", path))["phases"][1]["document"]
    await call("GET", f"/artifacts/{document['sha256']}")
    task = (await call("GET", f"{path}/tasks"))["items"][0]
    for end in ("", "/dependencies", "/rounds", "/transcript", "/messages"):
        await call("GET", f"/tasks/{task['id']}{end}")
    for end in ("", "/tasks", "/commits", "/blocking", "/reasoning", "/comments"):
        await call("GET", f"/tickets/{task['ticket_id']}{end}")
    etag = (await call("GET", f"{path}/documents/tasks"))["etag"]
    drafted = await call("PATCH", f"/tasks/{task['id']}", {"priority": "low"}, etag)
    order = {"depends_on": list(task["depends_on"])}
    await call("PUT", f"/tasks/{task['id']}/dependencies", order, drafted["etag"])


async def _agent(call: Caller) -> None:
    """A task whose agent asks: its sandbox, what it says and is told, and its commands."""
    stack = call.stack
    first = [write("a.txt", "a\n")]
    rounds = [[first, [ask("Which?")], [finish()]], [first, [finish()]]]
    scenario, settings = play(stack, [Job("TSK-001", rounds, files=["a.txt"])], latency=1.0)
    spec_id = await stack.launch(await stack.project(stack.remote(), settings, is_demo=False))
    ready = await stack.until(spec_id, lambda e: e.event_type == "sandbox.spawned")
    task = (await call("GET", f"/specs/{spec_id}/tasks"))["items"][0]
    sandbox = f"/sandboxes/{ready.sandbox_id}"
    await call("GET", sandbox)
    token = (await call("POST", f"{sandbox}/token", {"minutes": 5}))["token"]
    said = {"event_type": "spec.progress", "data": {"message": "well"}}
    await call("POST", f"{sandbox}/events", said, bearer=token)
    await call("GET", f"{sandbox}/events")
    await call("POST", f"{sandbox}/messages", {"text": "Be quick."})
    await call("POST", f"/tasks/{task['id']}/messages", {"text": "Be brief."})
    asked: Any = (await stack.until(spec_id, lambda e: e.event_type == "question.asked")).data
    await stack.until(spec_id, lambda e: e.event_type == "sandbox.idle")
    await call("POST", f"{sandbox}/extend")
    await call("POST", f"/questions/{asked['question']['id']}/answer", {"answer": "This."})
    await scenario.asked(task["id"], 3)
    await call("POST", f"{sandbox}/stop")
    await stack.until(spec_id, lambda e: e.event_type == "task.cancelled")
    await call("POST", f"/tasks/{task['id']}/start")
    for number, again in enumerate(("retry", "commands/retry"), 1):
        await scenario.called(len(scenario.calls) + 1)
        await call("POST", f"/tasks/{task['id']}/cancel")
        await _ended(stack, spec_id, number + 1)
        await call("POST", f"/tasks/{task['id']}/{again}")
    await stack.until_closed(spec_id)
    await call("POST", f"/specs/{spec_id}/commands/archive")


async def _ended(stack: RunningStack, spec_id: SpecId, times: int) -> None:
    """Until a task of the spec was cancelled so often."""
    seen: set[int] = set()

    def happens(event: Event) -> bool:
        if event.event_type == "task.cancelled":
            seen.add(event.seq)
        return len(seen) >= times

    await stack.until(spec_id, happens)


async def _tickets(call: Caller) -> None:
    stack = call.stack
    _, settings = play(stack, [making("TSK-001", "note.txt", "note\n")])
    project = await stack.project(stack.remote(), settings, is_demo=False)
    asked = {"project_id": str(project.id), "title": "Write a note", "start": False}
    made = await call("POST", "/tickets", asked)
    path = f"/tickets/{made['ticket']['id']}"
    assert (await call("PATCH", path, {"priority": "low"}))["priority"] == "low"
    assert (await call("POST", f"{path}/move", {"column": "ready"}))["column"] == "ready"
    comment = await call("POST", f"{path}/comments", {"text": "first"})
    there = f"{path}/comments/{comment['id']}"
    assert (await call("PATCH", there, {"text": "second"}))["text"] == "second"
    await call("DELETE", there)
    board = f"/projects/{project.id}/board"
    await call("PUT", f"{board}/columns/in_progress", {"wip_limit": 1})
    shown = await call("POST", f"{board}/start-processing", {"dry_run": True})
    assert [item["started"] for item in shown["items"]] == [True]
    await call("GET", board)
    other = await call("POST", "/tickets", asked)
    await call("DELETE", f"/tickets/{other['ticket']['id']}")
    begun = await call("POST", f"{board}/start-processing", {})
    assert [item["ticket_id"] for item in begun["items"]] == [made["ticket"]["id"]]
    await stack.until_closed(SpecId(made["run_id"]))


async def _forge(call: Caller) -> None:
    stack = call.stack
    spec_id = await stack.launch(await stack.project(stack.remote(), quick_settings()))
    path = f"/specs/{spec_id}"
    await stack.until(spec_id, lambda e: e.event_type == "spec.phase_completed")
    branch = await call("POST", f"{path}/create-branch")
    done = await stack.until_closed(spec_id)
    assert branch == {"success": True, "branch_name": done.branch_name, "error": None}
    found = await call("POST", f"{path}/create-pr")
    assert (found["success"], found["already_exists"], found["pr_number"]) == (True, True, 1)
    await call("POST", f"{path}/pull-request/close")
    other = await stack.launch(await stack.project(stack.remote(), quick_settings()))
    await stack.until_closed(other)
    merged = await call("POST", f"/specs/{other}/pull-request/merge")
    assert merged["state"] == "merged"
    await _start_tasks(call)


async def _start_tasks(call: Caller) -> None:
    stack = call.stack
    _, settings = play(stack, [making("TSK-001", "a.txt", "a\n")], latency=0.3)
    spec_id = await stack.launch(await stack.project(stack.remote(), settings, is_demo=False))
    await stack.until(spec_id, lambda e: e.event_type == "task.working")
    await call("POST", f"/specs/{spec_id}/commands/pause")
    await stack.until(spec_id, lambda e: e.event_type == "spec.paused")
    started = await call("POST", f"/specs/{spec_id}/execute-tasks", {})
    assert started["resumed"] is True
    await stack.until_closed(spec_id)
