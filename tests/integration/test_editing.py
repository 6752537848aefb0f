"""People edit documents through the API: drafts, saves, re-opened gates, a running plan."""

from typing import Any

from models.contracts.base import SpecId
from models.contracts.phases import Phase
from models.contracts.specs import SpecStatus
from tests.integration.test_revision import asking, code, end, launched, read
from tests.support.stack import RunningStack


async def draft_of(stack: RunningStack, spec_id: SpecId, phase: str) -> tuple[Any, str]:
    answer = await stack.http.get(f"/api/v1/specs/{spec_id}/documents/{phase}")
    return answer.json(), answer.headers["etag"]


async def test_edits_collect_in_a_draft_and_make_one_version(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.DESIGN))
    gate, seq = await stack.gate(spec_id)
    base = f"/api/v1/specs/{spec_id}"
    view, etag = await draft_of(stack, spec_id, "requirements")
    item = view["document"]["requirements"][1]
    changed = {**item, "title": "Warn at once"}
    missing = await stack.http.put(f"{base}/requirements/REQ-002", json=changed)
    assert code(missing) == (428, "if-match-required")
    headers = {"If-Match": etag}
    first = await stack.http.put(f"{base}/requirements/REQ-002", json=changed, headers=headers)
    assert first.status_code == 200
    stale = await stack.http.put(f"{base}/requirements/REQ-002", json=changed, headers=headers)
    assert code(stale) == (412, "stale-draft")
    headers = {"If-Match": first.headers["etag"]}
    added = await stack.http.post(
        f"{base}/requirements",
        json={**item, "id": "", "title": "Silence", "priority": "could"},
        headers=headers,
    )
    assert added.status_code == 201
    assert added.json()["document"]["requirements"][-1]["id"] == "REQ-005"
    evaluation = added.json()["evaluation"]
    assert not evaluation["passed"], "its criteria carry another requirement's ids"
    refused = await stack.http.post(
        f"{base}/documents/requirements/draft/save",
        headers={"If-Match": added.headers["etag"]},
    )
    assert code(refused) == (409, "evaluation-failed")
    gone = await stack.http.delete(
        f"{base}/requirements/REQ-005", headers={"If-Match": added.headers["etag"]}
    )
    assert gone.json()["evaluation"]["passed"]
    criterion = {"id": "", "text": "The warning names the category.", "verified_by": "test"}
    grown = await stack.http.post(
        f"{base}/requirements/REQ-002/criteria",
        json=criterion,
        headers={"If-Match": gone.headers["etag"]},
    )
    assert grown.json()["document"]["requirements"][1]["acceptance_criteria"][2]["id"] == "AC-002.3"
    saved = await stack.http.post(
        f"{base}/documents/requirements/draft/save",
        json={"reason": "clearer"},
        headers={"If-Match": grown.headers["etag"]},
    )
    assert saved.status_code == 202, saved.text
    assert (saved.json()["version"], saved.json()["in_force"]) == (2, True)
    spec = await stack.api.spec(spec_id)
    assert spec.phase_view(Phase.DESIGN).stale
    assert not spec.phase_view(Phase.EXPLORE).stale
    after, _ = await draft_of(stack, spec_id, "requirements")
    assert (after["is_draft"], after["version"]) == (False, 2)
    restored = await stack.post(f"/specs/{spec_id}/versions/requirements/1/restore")
    assert restored.status_code == 202, restored.text
    versions = (await read(stack, f"/specs/{spec_id}/versions?phase=requirements"))["items"]
    assert [v["reason"] for v in versions] == ["restores version 1", "clearer", ""]
    assert versions[0]["document"]["sha256"] == versions[2]["document"]["sha256"]
    assert (await stack.api.spec(spec_id)).open_gate is not None
    assert (gate.phase, seq > 0) == (Phase.DESIGN, True)
    await end(stack, spec_id)


async def test_a_saved_edit_at_the_gate_makes_older_hashes_stale(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS))
    gate, seq = await stack.gate(spec_id)
    view, etag = await draft_of(stack, spec_id, "requirements")
    document = {**view["document"], "assumptions": ["Months are calendar months."]}
    url = f"/api/v1/specs/{spec_id}/documents/requirements/draft"
    put = await stack.http.put(url, json={"document": document}, headers={"If-Match": etag})
    saved = await stack.http.post(f"{url}/save", headers={"If-Match": put.headers["etag"]})
    assert saved.json()["in_force"] is False
    shown, _ = await stack.gate(spec_id, after=seq)
    assert shown.id == gate.id
    assert code(await stack.decide(gate, "approve")) == (409, "stale-document")
    assert (await stack.decide(shown, "approve")).status_code == 202
    await end(stack, spec_id)


async def test_editing_an_approved_document_reopens_its_gate(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.REQUIREMENTS, Phase.DESIGN))
    gate, seq = await stack.gate(spec_id)
    await stack.decide(gate, "approve")
    design, seq = await stack.gate(spec_id, after=seq)
    view, etag = await draft_of(stack, spec_id, "requirements")
    document = {**view["document"], "assumptions": ["Months are calendar months."]}
    url = f"/api/v1/specs/{spec_id}/documents/requirements/draft"
    put = await stack.http.put(url, json={"document": document}, headers={"If-Match": etag})
    saved = await stack.http.post(f"{url}/save", headers={"If-Match": put.headers["etag"]})
    assert saved.json()["in_force"] is False
    await stack.decide(design, "approve")
    again, _ = await stack.gate(spec_id, after=seq)
    assert (again.phase, again.reason_code) == (Phase.REQUIREMENTS, "edited")
    assert again.brief is not None
    assert "assumptions" in again.brief.changed
    await stack.decide(again, "approve")
    edited = await stack.until(spec_id, lambda e: e.event_type == "spec.document_edited")
    assert (edited.data["version"], edited.data["by"]) == (2, "owner")
    await end(stack, spec_id)


async def test_a_running_plan_is_edited(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking())
    await stack.until(spec_id, lambda e: e.event_type == "sandbox.spawned")
    await stack.post(f"/specs/{spec_id}/commands/pause")
    base = f"/api/v1/specs/{spec_id}"
    view, etag = await draft_of(stack, spec_id, "tasks")
    begun = {**view["document"]["tasks"][0], "title": "Another title"}
    put = await stack.http.put(f"{base}/plan/tasks/TSK-001", json=begun, headers={"If-Match": etag})
    refused = await stack.http.post(
        f"{base}/documents/tasks/draft/save", headers={"If-Match": put.headers["etag"]}
    )
    assert code(refused) == (409, "plan-edit-refused")
    assert "TSK-001 has begun" in refused.json()["detail"]
    dropped = await stack.http.delete(
        f"{base}/documents/tasks/draft", headers={"If-Match": put.headers["etag"]}
    )
    assert dropped.status_code == 204
    reworded = {**view["document"]["tasks"][3], "title": "Show budgets in the monthly report"}
    put = await stack.http.put(
        f"{base}/plan/tasks/TSK-004", json=reworded, headers={"If-Match": etag}
    )
    put = await stack.http.delete(
        f"{base}/plan/tasks/TSK-005", headers={"If-Match": put.headers["etag"]}
    )
    saved = await stack.http.post(
        f"{base}/documents/tasks/draft/save", headers={"If-Match": put.headers["etag"]}
    )
    assert saved.status_code == 202, saved.text
    await stack.post(f"/specs/{spec_id}/commands/resume")
    spec = await stack.until_closed(spec_id)
    assert (spec.status, spec.tasks_merged, spec.tasks_total) == (SpecStatus.COMPLETED, 4, 4)
    tasks = {t.local_id: t for t in (await stack.api.tasks(spec_id)).items}
    assert tasks["TSK-004"].title == "Show budgets in the monthly report"
    assert "TSK-005" not in tasks
    edited = next(e for e in await stack.events(spec_id) if e.event_type == "spec.plan_edited")
    assert (edited.data["changed"], edited.data["dropped"]) == (["TSK-004"], ["TSK-005"])


async def test_an_ended_spec_runs_again_with_the_persons_draft(stack: RunningStack) -> None:
    spec_id = await launched(stack, asking(Phase.TASKS))
    await stack.gate(spec_id)
    await end(stack, spec_id)
    view, etag = await draft_of(stack, spec_id, "requirements")
    url = f"/api/v1/specs/{spec_id}/documents/requirements/draft"
    broken = await stack.http.put(url, json={"document": {"x": 1}}, headers={"If-Match": etag})
    body = {"from_phase": "requirements", "use_draft": True}
    refused = await stack.post(f"/specs/{spec_id}/commands/rerun_from", body)
    assert code(refused) == (409, "evaluation-failed")
    document = {**view["document"], "assumptions": ["Months are calendar months."]}
    etag = broken.headers["etag"]  # a refused command has left the draft as it was
    put = await stack.http.put(url, json={"document": document}, headers={"If-Match": etag})
    assert put.status_code == 200
    since = (await stack.api.spec(spec_id)).as_of_seq
    assert (await stack.post(f"/specs/{spec_id}/commands/rerun_from", body)).status_code == 202
    done = await stack.until(spec_id, lambda e: e.event_type == "spec.phase_completed", since=since)
    assert done.phase == "requirements"
    versions = (await read(stack, f"/specs/{spec_id}/versions?phase=requirements"))["items"]
    assert (versions[0]["author"], versions[0]["version"]) == ("owner", 2)
    assert not (await draft_of(stack, spec_id, "requirements"))[0]["is_draft"]
    await end(stack, spec_id)
