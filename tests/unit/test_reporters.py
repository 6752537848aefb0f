from pathlib import Path
from uuid import UUID

from activities.reporters import ArrayReporter, JSONLReporter, Reporter
from models.contracts.base import ProjectId, SpecId
from models.contracts.events import NewEvent
from models.contracts.facts import Progress

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
