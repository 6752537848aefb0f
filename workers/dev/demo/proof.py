"""Proves from outside that the demo's run did what it says."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from models.contracts.specs import SpecDetail, SpecStatus
from models.contracts.tasks import TaskList, TaskState
from models.rules.markdown import spec_folder
from workers.dev.demo.documents import CHECK_COMMAND
from workers.dev.demo.remote import git


@dataclass
class Proof:
    """What was seen in a fresh clone; ``faults`` is empty when all of it holds."""

    merges: list[str] = field(default_factory=list[str])
    test_output: str = ""
    faults: list[str] = field(default_factory=list[str])

    def expect(self, holds: bool, fault: str) -> None:
        """Note a fault unless it holds."""
        if not holds:
            self.faults.append(fault)


def prove(remote: Path, spec: SpecDetail, tasks: TaskList) -> Proof:
    """Clone the branch anew, look at its merges and documents, and run the tests."""
    proof = Proof()
    proof.expect(spec.status == SpecStatus.COMPLETED, f"the spec is {spec.status.value}")
    unmerged = [t.local_id for t in tasks.items if t.state != TaskState.MERGED]
    proof.expect(not unmerged, f"not merged: {', '.join(unmerged)}")
    proof.expect(spec.pull_request_number is not None, "there is no pull request")
    if spec.branch_name is None:
        proof.expect(holds=False, fault="there is no branch")
        return proof
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        git(Path(scratch), "clone", "--quiet", "--branch", spec.branch_name, str(remote), "clone")
        log = git(clone, "log", "--first-parent", "--merges", "--format=%h %s")
        proof.merges = log.splitlines()
        for task in tasks.items:
            count = len([line for line in proof.merges if f"Merge {task.local_id}:" in line])
            proof.expect(count == 1, f"{task.local_id} has {count} merges")
        folder = clone / spec_folder(spec.title, spec.id)
        for name in ("requirements.md", "design.md", "tasks.md"):
            proof.expect((folder / name).is_file(), f"{folder.name}/{name} is not in the branch")
        _run_tests(clone, proof)
    return proof


def _run_tests(clone: Path, proof: Proof) -> None:
    command = [sys.executable, *CHECK_COMMAND.split()[1:]]
    done = subprocess.run(  # noqa: S603 - our own sample's tests
        command, cwd=clone, capture_output=True, text=True, check=False, timeout=120
    )
    proof.test_output = (done.stdout + done.stderr).strip()
    proof.expect(done.returncode == 0, "the tests on the merged branch are red")
