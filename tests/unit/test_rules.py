from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contracts.budgets import BudgetLimits
from models.contracts.commands import CommandName, GateCommand
from models.contracts.gates import DecisionKind, Gate, GateStatus
from models.contracts.phases import Phase
from models.contracts.projects import (
    Environment,
    GatePolicy,
    GitRepository,
    ProjectSettings,
)
from models.contracts.specs import SpecStatus
from models.contracts.usage import Price
from models.errors import InvalidInput
from models.rules.actions import command_refusal
from models.rules.addresses import check_branch, read_address
from models.rules.gates import decision_refusal, expiry, gate_opens
from models.rules.launch import rerun_branch
from models.rules.markdown import slug, spec_branch, to_markdown
from models.rules.paths import is_inside
from models.rules.prices import is_bounded, price_table, worst_case
from models.rules.test_reports import read_output
from tests.support.documents import good_plan, good_requirements
from tests.unit.test_fold import GATE


@pytest.mark.parametrize(
    "repository",
    [
        GitRepository(url="--upload-pack=touch /tmp/x"),
        GitRepository(url="ext::sh -c 'touch /tmp/x'"),
        GitRepository(url="file:///etc"),
        GitRepository(url="git://example.com/a.git"),
        GitRepository(url="http://example.com/a.git"),
        GitRepository(url="https://user:secret@example.com/a.git"),
        GitRepository(url="https://-oProxyCommand=x/a"),
        GitRepository(url="https://example.com"),
        GitRepository(url="-oProxyCommand=x@example.com:a"),
        GitRepository(url="https://example.com/a\nb"),
        GitRepository(path="relative/path"),
        GitRepository(path="/srv/../etc"),
        GitRepository(),
        GitRepository(url="https://example.com/a", path="/srv/a"),
    ],
)
def test_addresses_that_are_refused(repository: GitRepository) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_address(repository)
    assert caught.value.stable_code == "invalid-repository-address"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.com/a/b.git", "example.com"),
        ("ssh://git@example.com:2222/a.git", "example.com"),
        ("git@example.com:a/b.git", "example.com"),
    ],
)
def test_addresses_that_are_taken(url: str, host: str) -> None:
    assert read_address(GitRepository(url=url)).host == host


@pytest.mark.parametrize("name", ["-f", "a..b", "a b", "a.lock", "/a", "a/", "a~1", "", "a//b"])
def test_odd_branch_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_branch(name)


@given(st.text(max_size=40))
def test_a_path_inside_never_leaves_the_repository(path: str) -> None:
    if is_inside(path):
        assert not path.startswith("/")
        assert ".." not in path.split("/")
        assert "\0" not in path


@given(st.text(max_size=200))
def test_every_title_makes_a_branch_that_git_takes(title: str) -> None:
    assert check_branch(spec_branch(title, "0" * 32))
    assert slug(title)


def decide(kind: str, sha256: str | None = None) -> GateCommand:
    return GateCommand(
        id="c", gate_id=GATE.id, kind=DecisionKind(kind), by="p", artifact_sha256=sha256
    )


def test_a_decision_needs_the_hash_that_is_shown() -> None:
    shown = "a" * 64
    with_document = Gate.model_validate(
        {
            **GATE.model_dump(),
            "document": {
                "sha256": shown,
                "size_bytes": 1,
                "media_type": "application/json",
                "kind": "document",
            },
        }
    )
    refusal = decision_refusal(with_document, decide("approve", "b" * 64))
    assert refusal is not None
    assert refusal[0] == "stale-document"
    assert decision_refusal(with_document, decide("approve")) is not None
    assert decision_refusal(with_document, decide("approve", shown)) is None


def test_closed_unknown_and_foreign_decisions_are_refused() -> None:
    closed = GATE.model_copy(update={"status": GateStatus.DECIDED})
    for gate, kind in ((None, "approve"), (closed, "approve"), (GATE, "skip")):
        assert decision_refusal(gate, decide(kind)) is not None


def test_the_explore_gate_opens_under_every_policy_until_commands_are_confirmed() -> None:
    auto = GatePolicy(mode="auto")
    assert gate_opens(Phase.EXPLORE, auto, 1.0, Environment())
    assert not gate_opens(Phase.EXPLORE, auto, 1.0, Environment(confirmed=True))
    below = GatePolicy(mode="auto_if_score", at_least=0.9)
    assert gate_opens(Phase.DESIGN, below, 0.8, Environment())
    assert not gate_opens(Phase.DESIGN, below, 0.95, Environment())


@pytest.mark.parametrize(
    ("name", "status", "allowed"),
    [
        (CommandName.EXECUTE, SpecStatus.DRAFT, True),
        (CommandName.EXECUTE, SpecStatus.EXECUTING, False),
        (CommandName.PAUSE, SpecStatus.EXECUTING, True),
        (CommandName.PAUSE, SpecStatus.WAITING, True),
        (CommandName.PAUSE, SpecStatus.PAUSED, False),
        (CommandName.RESUME, SpecStatus.PAUSED, True),
        (CommandName.RESUME, SpecStatus.EXECUTING, False),
        (CommandName.CANCEL, SpecStatus.WAITING, True),
        (CommandName.CANCEL, SpecStatus.COMPLETED, False),
    ],
)
def test_which_commands_are_allowed(name: CommandName, status: SpecStatus, allowed: bool) -> None:
    assert (command_refusal(name, status, None) is None) == allowed


@pytest.mark.parametrize(
    ("output", "count"),
    [
        ("Ran 14 tests in 0.007s\n\nOK", 14),
        ("==== 3 failed, 7 passed in 1s ====", 10),
        ("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured", 6),
        ("# tests 9", 9),
        ("all good", None),
    ],
)
def test_tests_are_counted_as_the_tool_says(output: str, count: int | None) -> None:
    assert read_output(output).tests == count


def test_markdown_keeps_hostile_titles_inside_the_front_matter() -> None:
    text = to_markdown(
        good_requirements(),
        phase=Phase.REQUIREMENTS,
        title='x"\n---\n<script>alert(1)</script>',
        spec_id="1",
    )
    head = text.split("---\n")[1]
    assert "\\n---\\n" in head
    assert text.count("\n---\n") == 1


def test_the_plan_names_every_task_in_markdown() -> None:
    text = to_markdown(good_plan(), phase=Phase.TASKS, title="t", spec_id="1")
    assert all(f"### {task.id}: {task.title}" in text for task in good_plan().tasks)


@pytest.mark.parametrize(
    ("options", "policy", "expected"),
    [
        (("approve", "reject"), "approve", "approve"),
        (("approve", "reject"), "reject", "reject"),
        (("approve", "reject"), "remind", None),
        (("retry", "cancel"), "approve", None),  # a failure is never passed by time
        (("retry", "cancel"), "reject", "cancel"),
        (("raise", "stop"), "reject", "stop"),
    ],
)
def test_a_deadline_decides_only_what_a_gate_offers(
    options: tuple[str, ...], policy: str, expected: str | None
) -> None:
    gate = Gate.model_validate({**GATE.model_dump(), "options": options, "on_deadline": policy})
    assert expiry(gate) == expected


def test_settings_of_a_spec_override_only_what_they_name() -> None:
    project = ProjectSettings(max_attempts=5, gates={Phase.DESIGN: GatePolicy(mode="auto")})
    other = ProjectSettings.model_validate({"threshold": 0.9})
    merged = project.overridden_by(other)
    assert (merged.max_attempts, merged.threshold) == (5, 0.9)
    assert merged.gates[Phase.DESIGN].mode == "auto"
    assert project.overridden_by(None) is project


def test_a_later_run_has_a_branch_of_its_own() -> None:
    assert rerun_branch("spec/a-1234", 2) == "spec/a-1234-r2"
    assert rerun_branch("spec/a-1234-r2", 3) == "spec/a-1234-r3"


def test_a_price_bounds_every_way_to_spend() -> None:
    table = price_table({"own": Price.model_validate(dict.fromkeys(Price.model_fields, "2"))})
    assert table.version.endswith("+own")
    worst = worst_case(table, "claude-sonnet-4-5", 1_000_000, 1_000_000)
    assert worst.usd == Decimal("3.75") + 15
    assert worst_case(table, "nobody", 10, 5).usd is None
    assert is_bounded(table, "nobody", BudgetLimits(tokens=1))
    assert not is_bounded(table, "nobody", BudgetLimits())
