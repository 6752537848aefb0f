"""The board: tickets keep step with their work, and people move only what they may."""

import asyncio
from collections import Counter
from typing import Any

from models.contracts.base import SpecId
from models.contracts.projects import Project
from models.contracts.tickets import Board, Column, TicketCard
from tests.integration.test_revision import code, read
from tests.support.scenario import Job, ask, finish, making, play, write
from tests.support.stack import RunningStack


async def project_of(stack: RunningStack, job: Job) -> Project:
    _, settings = play(stack, [job])
    return await stack.project(stack.remote(), settings, is_demo=False)


async def ticket(stack: RunningStack, project: Project, title: str, **more: Any) -> dict[str, Any]:
    body = {"project_id": str(project.id), "title": title, "start": False, **more}
    answer = await stack.post("/tickets", body)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def columns(stack: RunningStack, project: Project) -> dict[Column, list[str]]:
    board = Board.model_validate(await read(stack, f"/projects/{project.id}/board"))
    return {column.name: [card.title for card in column.tickets] for column in board.columns}


async def test_a_ticket_goes_over_the_board_with_its_work(stack: RunningStack) -> None:
    project = await project_of(stack, making("TSK-001", "note.txt", "note\n"))
    low = await ticket(stack, project, "Later", priority="low")
    high = await ticket(stack, project, "Now", priority="high")
    assert (await columns(stack, project))[Column.BACKLOG] == ["Now", "Later"]
    path = f"/tickets/{high['ticket']['id']}"
    moved = TicketCard.model_validate(
        (await stack.post(f"{path}/move", {"column": "ready"})).json()
    )
    assert moved.allowed_moves == (Column.BACKLOG, Column.IN_PROGRESS)
    for wrong in ("review", "done"):
        refused = await stack.post(f"{path}/move", {"column": wrong})
        assert code(refused) == (409, "move-not-allowed")
    begun = await stack.post(f"{path}/move", {"column": "in_progress"})
    assert begun.status_code == 200, begun.text
    await stack.until_closed(SpecId(high["run_id"]))
    assert (await columns(stack, project))[Column.DONE] == ["Now"]
    events = await stack.events(SpecId(high["run_id"]))
    moves = [(e.data["before"], e.data["column"]) for e in events if e.event_type == "ticket.moved"]
    assert moves[0] == ("backlog", "ready")
    assert moves[-1][1] == "done"
    assert all(before != after for before, after in moves)
    again = await stack.post(f"{path}/move", {"column": "backlog"})
    assert code(again) == (409, "move-not-allowed")
    assert code(await stack.http.patch(f"/api/v1{path}", json={"title": "x"})) == (
        409, "ticket-begun",
    )  # fmt: skip
    commits = await read(stack, f"{path}/commits")
    assert len(commits) == 1
    reasoning = await read(stack, f"{path}/reasoning")
    assert "agent.turn" in {e["event_type"] for e in reasoning["items"]}
    gone = await stack.http.delete(f"/api/v1/tickets/{low['ticket']['id']}")
    assert gone.status_code == 204
    assert code(await stack.http.get(f"/api/v1/tickets/{low['ticket']['id']}"))[0] == 404


async def test_a_column_takes_no_more_than_its_limit(stack: RunningStack) -> None:
    rounds = [[[ask("Which?")], [write("a.txt", "a\n")], [finish()]]]
    project = await project_of(stack, Job("TSK-001", rounds, files=["a.txt"]))
    made = [await ticket(stack, project, f"Ticket {n}") for n in range(3)]
    board = f"/projects/{project.id}/board"
    limited = await stack.http.put(
        f"/api/v1{board}/columns/in_progress", json={"title": "Doing", "wip_limit": 1}
    )
    assert [c["title"] for c in limited.json()["columns"] if c["wip_limit"] == 1] == ["Doing"]
    preview = (await stack.post(f"{board}/start-processing", {"dry_run": True})).json()
    assert [item["started"] for item in preview["items"]] == [True, False, False]
    assert preview["items"][1]["reason"] == "The column in progress is full."
    assert len((await columns(stack, project))[Column.BACKLOG]) == 3, "a preview starts nothing"
    started = (await stack.post(f"{board}/start-processing", {})).json()
    assert [item["started"] for item in started["items"]] == [True, False, False]
    run = SpecId(made[0]["run_id"])
    asked: Any = (await stack.until(run, lambda e: e.event_type == "question.asked")).data
    assert (await columns(stack, project))[Column.IN_PROGRESS] == ["Ticket 0"]
    refused = await stack.post(
        f"/tickets/{made[1]['ticket']['id']}/move", {"column": "in_progress"}
    )
    assert code(refused) == (409, "wip-limit-reached")
    await stack.post(f"/questions/{asked['question']['id']}/answer", {"answer": "This."})
    await stack.until_closed(run)
    named = {"ticket_ids": [made[2]["ticket"]["id"]]}
    third = (await stack.post(f"{board}/start-processing", named)).json()
    assert [item["started"] for item in third["items"]] == [True]
    await stack.post(f"/specs/{made[2]['run_id']}/commands/cancel")
    await stack.until_closed(SpecId(made[2]["run_id"]))
    other = await project_of(stack, making("TSK-001", "b.txt", "b\n"))
    foreign = await stack.post(f"/projects/{other.id}/board/start-processing", named)
    assert code(foreign) == (404, "ticket-not-found")


async def test_comments_are_told_and_kept(stack: RunningStack) -> None:
    project = await project_of(stack, making("TSK-001", "a.txt", "a\n"))
    made = await ticket(stack, project, "Talk")
    path = f"/tickets/{made['ticket']['id']}/comments"
    key = {"Idempotency-Key": "one"}
    first = await stack.post(path, {"text": "<b>bold</b>"}, **key)
    again = await stack.post(path, {"text": "<b>bold</b>"}, **key)
    assert first.json() == again.json()
    changed = await stack.http.patch(f"/api/v1{path}/{first.json()['id']}", json={"text": "calm"})
    assert changed.json()["text"] == "calm"
    assert [c["text"] for c in await read(stack, path)] == ["calm"]
    assert (await stack.http.delete(f"/api/v1{path}/{first.json()['id']}")).status_code == 204
    assert await read(stack, path) == []
    events = await stack.events(SpecId(made["run_id"]))
    told = Counter(e.event_type for e in events)
    assert told["ticket.commented"] >= 1


async def test_the_inbox_shows_what_waits_until_it_is_done(stack: RunningStack) -> None:
    rounds = [[[ask("Which colour?")], [write("a.txt", "a\n")], [finish()]]]
    project = await project_of(stack, Job("TSK-001", rounds, files=["a.txt"]))
    made = await ticket(stack, project, "Paint it", start=True)
    run = SpecId(made["run_id"])
    asked: Any = (await stack.until(run, lambda e: e.event_type == "question.asked")).data

    async def kinds() -> list[str]:
        page = await read(stack, f"/inbox?project_id={project.id}")
        return [item["kind"] for item in page["items"]]

    assert await kinds() == ["question"]
    found = await read(stack, "/search?query=Paint")
    assert str(run) in str(found)
    await stack.post(f"/questions/{asked['question']['id']}/answer", {"answer": "Red."})
    await stack.until_closed(run)
    assert await kinds() == ["pull_request"]
    await stack.post(f"/specs/{run}/pull-request/merge")
    assert await kinds() == []


async def test_two_boards_of_two_projects_do_not_mix(stack: RunningStack) -> None:
    projects = [await project_of(stack, making("TSK-001", "a.txt", "a\n")) for _ in range(2)]
    await asyncio.gather(*(ticket(stack, p, f"of {p.id}") for p in projects))
    for project in projects:
        assert (await columns(stack, project))[Column.BACKLOG] == [f"of {project.id}"]
