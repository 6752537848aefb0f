"""The API at the wire: errors with stable codes, limits, headers, streams."""

import asyncio
import json
from pathlib import Path
from uuid import UUID, uuid4

import httpx2
import pytest

from models.contracts.base import SpecId
from tests.support.model import free_port
from tests.support.stack import FEATURE, PLANTED_KEY, RunningStack

JSON = {"content-type": "application/json"}


def code(answer: httpx2.Response) -> tuple[int, str]:
    problem = answer.json()
    assert set(problem) == {"code", "detail", "context", "request_id"}
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status_code, problem["code"]


async def test_health_and_readiness(stack: RunningStack) -> None:
    assert (await stack.http.get("/healthz")).json() == {"status": "ok"}
    ready = await stack.http.get("/readyz")
    assert ready.json() == {
        "ready": True, "database": True, "schema_current": True, "temporal": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("repository", "status", "told"),
    [
        ({"kind": "git", "url": "--upload-pack=touch x"}, 400, "invalid-repository-address"),
        ({"kind": "git", "url": "ext::sh -c id"}, 400, "invalid-repository-address"),
        ({"kind": "git", "url": "file:///etc"}, 400, "invalid-repository-address"),
        ({"kind": "git", "path": "relative"}, 400, "invalid-repository-address"),
        ({"kind": "svn"}, 422, "validation-failed"),
        ({"kind": "github", "owner": "-x", "name": "y"}, 422, "validation-failed"),
    ],
)
async def test_a_bad_repository_makes_no_project(
    stack: RunningStack, repository: dict[str, str], status: int, told: str
) -> None:
    answer = await stack.post("/projects", {"name": "p", "repository": repository})
    assert code(answer) == (status, told)


async def test_a_project_comes_back_and_pages(stack: RunningStack) -> None:
    body = {"name": " p ", "repository": {"kind": "git", "url": "https://example.com/a.git"}}
    made = [(await stack.post("/projects", body)).json()["id"] for _ in range(3)]
    project = (await stack.http.get(f"/api/v1/projects/{made[0]}")).json()
    assert (project["name"], project["is_demo"]) == ("p", False)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await stack.http.get("/api/v1/projects", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"project_id": str(uuid4())}, 404, "project-not-found"),
        ({"description": ""}, 400, "empty-description"),
        ({"description": "  \n "}, 400, "empty-description"),
        ({"description": "x" * 33_000}, 413, "description-too-large"),
        ({"description": "a\u0000b"}, 400, "invalid-text"),
        ({"base_branch": "-x"}, 400, "invalid-branch"),
        ({"working_directory": "../.."}, 400, "invalid-working-directory"),
        ({"surprise": 1}, 422, "validation-failed"),
        ({"project_id": "no-uuid"}, 422, "validation-failed"),
    ],
    ids=str,
)
async def test_a_bad_launch_makes_no_spec(
    stack: RunningStack, change: dict[str, object], status: int, told: str
) -> None:
    project = await stack.project(Path("/srv/none"))
    body = {"project_id": str(project.id), "description": "d", **change}
    assert code(await stack.post("/specs/launch", body)) == (status, told)
    specs = (await stack.http.get(f"/api/v1/projects/{project.id}/specs")).json()
    assert specs["items"] == []


async def test_unknown_things_are_404_with_their_code(stack: RunningStack) -> None:
    missing = uuid4()
    for path, told in (
        (f"/projects/{missing}", "project-not-found"),
        (f"/specs/{missing}", "spec-not-found"),
        (f"/specs/{missing}/state", "spec-not-found"),
        (f"/specs/{missing}/events", "spec-not-found"),
        (f"/specs/{missing}/stream", "spec-not-found"),
        (f"/specs/{missing}/tasks", "spec-not-found"),
        (f"/specs/{missing}/gates", "spec-not-found"),
        (f"/specs/{missing}/versions", "spec-not-found"),
        (f"/specs/{missing}/versions/design/1", "spec-not-found"),
        (f"/specs/{missing}/versions/design/1/content", "spec-not-found"),
        (f"/specs/{missing}/diff?phase=design&from=1&to=2", "spec-not-found"),
        (f"/specs/{missing}/documents/design", "spec-not-found"),
        (f"/specs/{missing}/requirements", "spec-not-found"),
        (f"/specs/{missing}/questions", "spec-not-found"),
        (f"/specs/{missing}/usage", "spec-not-found"),
        (f"/specs/{missing}/export", "spec-not-found"),
        (f"/specs/{missing}/attempts", "spec-not-found"),
        (f"/specs/{missing}/attempts/{missing}", "attempt-not-found"),
        (f"/specs/{missing}/attempts/{missing}/prompt", "attempt-not-found"),
        (f"/specs/{missing}/attempts/{missing}/transcript", "attempt-not-found"),
        (f"/projects/{missing}/steering", "project-not-found"),
        (f"/tasks/{missing}", "task-not-found"),
        (f"/artifacts/{'0' * 64}", "artifact-not-found"),
        ("/nothing", "not-found"),
    ):
        assert code(await stack.http.get(f"/api/v1{path}")) == (404, told)
    refused = await stack.http.get("/api/v1/specs", params={"cursor": "%%%"})
    assert code(refused) == (400, "invalid-cursor")
    refused = await stack.http.get("/api/v1/specs", params={"limit": 501})
    assert code(refused) == (422, "validation-failed")


async def test_a_draft_spec_has_no_documents_and_takes_few_commands(stack: RunningStack) -> None:
    project = await stack.project(Path("/srv/none"))
    body = {"project_id": str(project.id), "description": "d", "auto_execute": False}
    spec = (await stack.post("/specs/launch", body)).json()["spec_id"]
    for path, told in (
        (f"/specs/{spec}/documents/design", "version-not-found"),
        (f"/specs/{spec}/versions/design/1", "version-not-found"),
    ):
        assert code(await stack.http.get(f"/api/v1{path}")) == (404, told)
    for path, sent, status, told in (
        (f"/specs/{spec}/commands/rerun_from", {}, 400, "phase-missing"),
        (f"/specs/{spec}/commands/rerun_from", {"from_phase": "design"}, 409, "spec-not-running"),
        (f"/specs/{spec}/commands/retry_phase", {}, 409, "spec-not-running"),
        (f"/specs/{spec}/commands/dance", {}, 422, "validation-failed"),
        (f"/specs/{spec}/commands/set_budget", {"budget": {"usd": -1}}, 422, "validation-failed"),
        (f"/specs/{spec}/fork", {"from_phase": "design"}, 409, "phase-not-reached"),
        (f"/specs/{spec}/versions/design/1/restore", None, 404, "version-not-found"),
        ("/specs/estimate", {"project_id": str(uuid4())}, 404, "project-not-found"),
    ):
        assert code(await stack.post(path, sent)) == (status, told), path
    rules = (await stack.http.get("/api/v1/rules")).json()
    assert [table["phase"] for table in rules] == ["explore", "requirements", "design", "tasks"]
    assert rules[1]["rules"][0] == {
        "id": "schema", "hard": True, "weight": 0,
        "says": "the document must have the phase's shape: no field missing, odd or unknown",
    }  # fmt: skip


async def test_a_projects_settings_change_one_by_one(stack: RunningStack) -> None:
    project = await stack.project(Path("/srv/none"))
    url = f"/api/v1/projects/{project.id}"
    changed = await stack.http.patch(url, json={"name": "renamed", "settings": {"threshold": 0.8}})
    settings = changed.json()["settings"]
    assert (changed.json()["name"], settings["threshold"]) == ("renamed", 0.8)
    assert settings["planner_model"] == project.settings.planner_model
    refused = await stack.http.patch(url, json={"default_branch": "-x"})
    assert code(refused) == (400, "invalid-branch")
    refused = await stack.http.patch(url, json={"settings": {"max_attempts": 99}})
    assert code(refused) == (422, "validation-failed")


async def test_an_idempotency_key_launches_once(stack: RunningStack) -> None:
    project = await stack.project(Path("/srv/none"))
    body = {"project_id": str(project.id), "description": "d", "auto_execute": False}
    key = {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(*(stack.post("/specs/launch", body, **key) for _ in range(5)))
    assert len({answer.json()["spec_id"] for answer in answers}) == 1
    other = await stack.post("/specs/launch", {**body, "description": "other"}, **key)
    assert code(other) == (422, "idempotency-key-reused")


async def test_a_launch_sent_again_after_its_end_is_the_same_launch(stack: RunningStack) -> None:
    project = await stack.project(stack.remote())
    body = {"project_id": str(project.id), "description": FEATURE}
    key = {"Idempotency-Key": str(uuid4())}
    first = (await stack.post("/specs/launch", body, **key)).json()
    spec_id = SpecId(UUID(first["spec_id"]))
    await stack.post(f"/specs/{spec_id}/commands/cancel")
    await stack.until_closed(spec_id)
    again = await stack.post("/specs/launch", body, **key)
    assert (again.status_code, again.json()["spec_id"]) == (202, str(spec_id))


async def test_the_edge_refuses_strangers_and_floods(stack: RunningStack) -> None:
    foreign = await stack.http.get("/api/v1/meta", headers={"host": "evil.example"})
    assert code(foreign) == (403, "host-not-allowed")
    origin = {"origin": "http://evil.example"}
    written = await stack.http.post("/api/v1/projects", json={}, headers=origin)
    assert code(written) == (403, "origin-not-allowed")
    flood = await stack.http.post("/api/v1/projects", content=b"x" * 1_100_000, headers=JSON)
    assert code(flood) == (413, "too-large")
    deep = await stack.http.post("/api/v1/projects", content=b"[" * 100_000, headers=JSON)
    assert code(deep) == (400, "invalid-body")


async def test_pages_carry_a_policy_and_a_fresh_nonce(stack: RunningStack) -> None:
    one, two = [await stack.http.get("/projects/x/specs/y") for _ in range(2)]
    assert one.headers["content-security-policy"] != two.headers["content-security-policy"]
    assert "script-src 'self'" in one.headers["content-security-policy"]
    assert "__CSP_NONCE__" not in one.text


async def test_without_a_key_only_the_demo_has_a_model(stack: RunningStack) -> None:
    port = free_port()
    other = await stack.project(Path("/srv/none"), is_demo=False)
    demo = await stack.project(Path("/srv/none"))
    async with (
        stack.another_api(port, ANTHROPIC_API_KEY=""),
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        for project, expected in ((other, 409), (demo, 202)):
            body = {"project_id": str(project.id), "description": "d", "auto_execute": False}
            answer = await http.post("/api/v1/specs/launch", json=body)
            assert answer.status_code == expected
            if expected == 409:
                assert answer.json()["code"] == "model-not-configured"


async def test_a_stream_resumes_after_the_last_event_seen(stack: RunningStack) -> None:
    project = await stack.project(stack.remote())
    spec_id = await stack.launch(project)
    await stack.until_closed(spec_id)
    total = len(await stack.events(spec_id))
    seen: list[int] = []
    while len(seen) < total:
        last = str(seen[-1]) if seen else "0"
        headers = {"Last-Event-ID": last}
        url = f"/api/v1/specs/{spec_id}/stream"
        taken = 0
        async with stack.http.stream("GET", url, headers=headers) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("id: "):
                    seen.append(int(line.removeprefix("id: ")))
                    taken += 1
                if taken == 7 or len(seen) == total:
                    break
    assert seen == list(range(1, total + 1))


async def test_a_malformed_last_event_id_is_told(stack: RunningStack) -> None:
    project = await stack.project(Path("/srv/none"))
    answer = await stack.post(
        "/specs/launch", {"project_id": str(project.id), "description": "d", "auto_execute": False}
    )
    spec_id = SpecId(answer.json()["spec_id"])
    url = f"/api/v1/specs/{spec_id}/stream"
    assert code(await stack.http.get(url, headers={"Last-Event-ID": "x"})) == (
        400,
        "invalid-last-event-id",
    )


async def test_no_secret_is_in_any_answer_log_or_event(stack: RunningStack) -> None:
    project = await stack.project(stack.remote())
    spec_id = await stack.launch(project, FEATURE)
    await stack.until_closed(spec_id)
    told = json.dumps([event.model_dump(mode="json") for event in await stack.events(spec_id)])
    told += (await stack.http.get(f"/api/v1/specs/{spec_id}")).text
    told += (await stack.http.get("/api/v1/meta")).text
    for log in (stack.data / "logs").iterdir():
        told += log.read_text(encoding="utf-8", errors="replace")
    assert PLANTED_KEY not in told
