"""Facts about the layout that no linter checks."""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from workflows.specs import SpecWorkflow

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("models", "activities", "workflows", "workers", "api")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_resolves_inside_the_repository(room: str) -> None:
    spec = importlib.util.find_spec(room)
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).is_relative_to(ROOT)


def test_no_dependency_ships_a_package_named_like_a_room() -> None:
    shipped = importlib.metadata.packages_distributions()
    assert not set(ROOMS) & set(shipped)


def test_importing_a_contract_loads_no_sql_no_temporal_and_no_web() -> None:
    code = (
        "import sys; import models.contracts.events, models.rules.fold, models.errors; "
        "heavy = {'sqlalchemy', 'sqlmodel', 'temporalio', 'fastapi', 'anthropic'}; "
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_python_file_is_longer_than_400_lines() -> None:
    long = [
        str(path.relative_to(ROOT))
        for room in (*ROOMS, "tests")
        for path in (ROOT / room).rglob("*.py")
        if "versions" not in path.parts and len(path.read_text(encoding="utf-8").splitlines()) > 400
    ]
    assert long == []


def test_the_workflow_class_documents_its_protocol() -> None:
    words = SpecWorkflow.__doc__ or ""
    assert all(word in words for word in ("spec-{spec_id}", "decide_gate", "state", "Ends"))
