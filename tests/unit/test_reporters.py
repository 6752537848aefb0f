import asyncio
import json
import random
from pathlib import Path
from uuid import UUID

import pytest

from activities.posting import HTTPReporter
from activities.reporters import ArrayReporter, JSONLReporter, Reporter
from models.contracts.base import ProjectId, SpecId
from models.contracts.events import NewEvent
from models.contracts.facts import Progress
from models.errors import NotAllowed
from tests.support.model import Receiver, free_port, serving

FACTS = [NewEvent(dedup_key=str(n), fact=Progress(message=f"line {n}")) for n in range(5)]


async def report(reporter: Reporter) -> None:
    for fact in FACTS:
        await reporter.report(ProjectId(UUID(int=1)), SpecId(UUID(int=2)), [fact])
    await reporter.flush()


async def test_the_array_keeps_facts_in_order() -> None:
    reporter = ArrayReporter()
    await report(reporter)
    assert reporter.facts == FACTS


async def test_the_file_has_one_fact_a_line_that_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "events.jsonl"
    await report(JSONLReporter(path))
    await report(JSONLReporter(path))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [NewEvent.model_validate_json(line) for line in lines] == FACTS + FACTS


SANDBOX = "plan-00000000-0000-0000-0000-000000000002"


def poster(url: str, spool: Path, **more: float) -> HTTPReporter:
    return HTTPReporter(url, SANDBOX, "swx_token", spool, **more)  # pyright: ignore[reportArgumentType]


async def say(reporter: Reporter, first: int, last: int) -> None:
    for number in range(first, last):
        fact = NewEvent(dedup_key=str(number), fact=Progress(message=f"line {number}"))
        await reporter.report(ProjectId(UUID(int=1)), SpecId(UUID(int=2)), [fact])


def heard(receiver: Receiver) -> list[list[int]]:
    """The numbers of the events of each post."""
    return [[int(e["dedup_key"]) for e in json.loads(body)["events"]] for _, body in receiver.posts]


async def test_posting_goes_out_by_size_and_by_time(tmp_path: Path) -> None:
    receiver = Receiver(201)
    with serving(receiver.app()) as url:
        async with poster(url, tmp_path / "spool", size=4, seconds=0.05) as reporter:
            await say(reporter, 0, 9)
            await receiver.until(3)
            assert heard(receiver) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
            await reporter.flush()
    headers, body = receiver.posts[0]
    assert headers["authorization"] == "Bearer swx_token"
    assert json.loads(body)["events"][0] | {"timestamp": ""} == {
        "event_type": "spec.progress", "timestamp": "", "dedup_key": "0",
        "spec_id": str(UUID(int=2)), "data": {"message": "line 0"},
    }  # fmt: skip
    assert not (tmp_path / "spool").exists()


async def test_posting_tries_again_in_order_while_the_api_is_away(tmp_path: Path) -> None:
    receiver = Receiver(503, 500, 429, 201)
    port = free_port()
    async with poster(f"http://127.0.0.1:{port}", tmp_path / "spool", size=5, most=12) as reporter:
        await say(reporter, 0, 40)  # 12 in memory, the others on disk
        assert len((tmp_path / "spool").read_text(encoding="utf-8").splitlines()) == 28
        with serving(receiver.app(), port):
            async with asyncio.timeout(30):
                await reporter.flush()
            await say(reporter, 40, 45)
            await reporter.flush()
    posts = heard(receiver)
    assert posts[0] == posts[1] == posts[2] == posts[3], "the same ones until they are taken"
    assert [number for post in posts[3:] for number in post] == list(range(45))
    assert not (tmp_path / "spool").exists()


async def test_what_could_not_be_posted_is_sent_first_the_next_time(tmp_path: Path) -> None:
    spool = tmp_path / "folder" / "spool"
    nobody = f"http://127.0.0.1:{free_port()}"
    async with poster(nobody, spool, size=100, seconds=60, most=7) as reporter:
        await say(reporter, 0, 20)
    async with poster(nobody, spool, size=100, seconds=60, most=7) as reporter:
        await say(reporter, 20, 25)
    with spool.open("a", encoding="utf-8") as file:
        file.write('{"torn')  # a crash in the middle of a line
    receiver = Receiver(201)
    with serving(receiver.app()) as url:
        async with poster(url, spool, most=7) as reporter:
            async with asyncio.timeout(30):
                await reporter.flush()
    assert [number for post in heard(receiver) for number in post] == list(range(25))


async def test_an_event_that_is_refused_is_set_aside_and_the_others_go(tmp_path: Path) -> None:
    receiver = Receiver(422, 201, 422, 201, 201)  # the batch, then one by one
    with serving(receiver.app()) as url:
        async with poster(url, tmp_path / "spool", size=3, seconds=60) as reporter:
            await say(reporter, 0, 4)
            await reporter.flush()
    assert heard(receiver) == [[0, 1, 2], [0], [1], [2], [3]]
    aside = (tmp_path / "spool.refused").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["dedup_key"] for line in aside] == ["1"]


@pytest.mark.parametrize("status", [401, 403, 404, 409])
async def test_a_sandbox_that_is_not_heard_keeps_its_events(tmp_path: Path, status: int) -> None:
    with serving(Receiver(status).app()) as url:
        async with poster(url, tmp_path / "spool", size=3) as reporter:
            await say(reporter, 0, 4)
            with pytest.raises(NotAllowed, match="takes no events"):
                await reporter.flush()
    kept = (tmp_path / "spool").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["dedup_key"] for line in kept] == ["0", "1", "2", "3"]


async def test_order_holds_whatever_the_api_answers(tmp_path: Path) -> None:
    chance = random.Random(3)
    answers = [chance.choice([201, 201, 201, 503]) for _ in range(12)]
    receiver = Receiver(*answers, 201)
    with serving(receiver.app()) as url:
        async with poster(url, tmp_path / "spool", size=7, seconds=0.01, most=20) as reporter:
            await say(reporter, 0, 100)
            async with asyncio.timeout(60):
                await reporter.flush()
    seen: list[int] = []
    for status, post in zip([*answers, *[201] * 100], heard(receiver), strict=False):
        seen += post if status == 201 else []
    assert seen == list(range(100))
