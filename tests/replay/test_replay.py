"""Every stored history replays on today's workflows; a changed one is caught."""

import json
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from models.contracts.tasks import TaskInput, TaskResult, TaskState
from workers.plugin import SpecPlugin
from workers.registry import WORKFLOWS

FOLDER = Path(__file__).parent / "histories"
HISTORIES = sorted(FOLDER.glob("*/*.json"))


def history(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(path.stem, path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_a_stored_history_replays(path: Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, plugins=[SpecPlugin()])
    await replayer.replay_workflow(history(path))


@pytest.mark.parametrize("kind", WORKFLOWS)
def test_each_workflow_has_a_history(kind: type) -> None:
    assert list((FOLDER / kind.__name__).glob("*.json"))


@workflow.defn(name="TaskWorkflow")
class ChangedTaskWorkflow:
    """Another order of commands under the same name."""

    @workflow.run
    async def run(self, task: TaskInput) -> TaskResult:
        del task
        await workflow.sleep(1)
        return TaskResult(state=TaskState.MERGED, rounds=1)


async def test_a_changed_workflow_is_caught() -> None:
    path = next(path for path in HISTORIES if path.parent.name == "TaskWorkflow")
    replayer = Replayer(workflows=[ChangedTaskWorkflow], plugins=[SpecPlugin()])
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history(path))


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_payload_of_a_history_is_large(path: Path) -> None:
    """Inputs and results stay under 64 kB: documents, bundles and logs travel as references."""
    text = path.read_text(encoding="utf-8")
    longest = max(len(part) for part in text.split('"data": "')) if '"data": "' in text else 0
    assert longest < 64 * 1024 * 4 // 3
    assert json.loads(text)["events"]
