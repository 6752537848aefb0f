from hypothesis import given
from hypothesis import strategies as st

from models.contracts.plans import PlannedTask
from models.rules.dag import find_cycle, find_waves
from models.rules.sync import compute_sync, serialise_overlaps
from tests.support.documents import good_plan, good_requirements


@st.composite
def tasks_with_files(draw: st.DrawFn) -> tuple[PlannedTask, ...]:
    size = draw(st.integers(1, 9))
    files = st.lists(st.sampled_from(["a.py", "b.py", "c.py"]), unique=True, max_size=3)
    return tuple(
        PlannedTask(
            id=f"TSK-{n:03d}",
            ticket_id="TKT-001",
            title="t",
            description="d",
            kind="implementation",
            priority=draw(st.sampled_from(["critical", "high", "medium", "low"])),
            estimate_minutes=30,
            files_to_modify=tuple(draw(files)),
            depends_on=tuple(
                f"TSK-{d:03d}" for d in draw(st.sets(st.integers(0, n - 1), max_size=2))
            )
            if n
            else (),
        )
        for n in range(size)
    )


@given(tasks_with_files())
def test_no_two_tasks_of_one_wave_touch_one_file(tasks: tuple[PlannedTask, ...]) -> None:
    _, edges = serialise_overlaps(tasks, {t.id: t.depends_on for t in tasks})
    assert find_cycle(edges) == ()
    by_id = {t.id: t for t in tasks}
    for wave in find_waves(edges):
        touched = [path for task_id in wave for path in by_id[task_id].files]
        assert len(touched) == len(set(touched))


@given(tasks_with_files())
def test_dependencies_of_the_plan_are_kept(tasks: tuple[PlannedTask, ...]) -> None:
    _, edges = serialise_overlaps(tasks, {t.id: t.depends_on for t in tasks})
    assert all(set(task.depends_on) <= set(edges[task.id]) for task in tasks)


def test_the_good_plan_has_no_blockers_and_its_waves() -> None:
    report = compute_sync(good_requirements(), good_plan())
    assert report.blockers == ()
    assert report.waves[0] == ("TSK-001", "TSK-002")
    assert all(row.status == "covered" for row in report.coverage)


def test_an_uncovered_must_requirement_blocks() -> None:
    plan = good_plan()
    without = plan.model_copy(
        update={"tasks": tuple(t for t in plan.tasks if "REQ-004" not in t.requirement_ids)}
    )
    blockers = " ".join(compute_sync(good_requirements(), without).blockers)
    assert "REQ-004 has no task" in blockers
    assert "TSK-003 waits for TSK-002, which does not exist" in blockers


def test_a_cycle_blocks_and_is_named() -> None:
    plan = good_plan()
    first = plan.tasks[0].model_copy(update={"depends_on": ("TSK-005",)})
    report = compute_sync(
        good_requirements(), plan.model_copy(update={"tasks": (first, *plan.tasks[1:])})
    )
    assert "can never start" in report.blockers[0]
    assert report.waves == ()
