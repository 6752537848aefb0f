from itertools import pairwise
from typing import get_args
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from models.contracts.base import TaskId
from models.contracts.plans import Priority
from models.contracts.tasks import TaskNode, TaskState
from models.rules.dag import (
    blocked_by,
    critical_path,
    find_cycle,
    find_waves,
    ready_tasks,
    remaining_minutes,
    topological_order,
)

PRIORITIES: st.SearchStrategy[Priority] = st.sampled_from(get_args(Priority))


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Acyclic graphs: an id depends on earlier ones only; keys come shuffled."""
    size = draw(st.integers(1, 12))
    ids = [f"T{n}" for n in range(size)]
    found = {
        name: tuple(draw(st.lists(st.sampled_from(ids[:n]), unique=True, max_size=4)) if n else ())
        for n, name in enumerate(ids)
    }
    return {name: found[name] for name in draw(st.permutations(ids))}


@st.composite
def plans(draw: st.DrawFn) -> tuple[TaskNode, ...]:
    size = draw(st.integers(1, 10))
    return tuple(
        TaskNode(
            task_id=TaskId(UUID(int=n)),
            local_id=f"TSK-{n:03d}",
            title="t",
            priority=draw(PRIORITIES),
            minutes=draw(st.integers(15, 240)),
            depends_on=tuple(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else (),
        )
        for n in range(size)
    )


@given(graphs())
def test_an_acyclic_graph_has_no_cycle_and_waves_hold_each_id_once(
    graph: dict[str, tuple[str, ...]],
) -> None:
    assert find_cycle(graph) == ()
    waves = find_waves(graph)
    assert sorted(i for wave in waves for i in wave) == sorted(graph)
    wave_of = {i: n for n, wave in enumerate(waves) for i in wave}
    assert all(wave_of[d] < wave_of[i] for i, needs in graph.items() for d in needs)


@given(graphs(), st.data())
def test_a_closed_ring_is_found_and_named(
    graph: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    order = topological_order(graph)
    first, last = data.draw(st.sampled_from(order)), data.draw(st.sampled_from(order))
    ring = {**graph, first: (*graph[first], last), last: (*graph[last], first)}
    cycle = find_cycle(ring)
    assert cycle
    assert cycle[0] == cycle[-1]
    assert all(after in ring[before] for before, after in pairwise(cycle))


@given(graphs(), st.data())
def test_the_critical_path_is_a_chain_no_shorter_than_any_task(
    graph: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    minutes = {i: data.draw(st.integers(1, 100)) for i in graph}
    path = critical_path(graph, minutes)
    assert path.minutes == sum(minutes[i] for i in path.task_ids)
    assert path.minutes >= max(minutes.values())
    chain = pairwise(path.task_ids)
    assert all(before in graph[after] for before, after in chain)


@given(plans())
def test_running_what_is_ready_finishes_every_plan_in_order(nodes: tuple[TaskNode, ...]) -> None:
    states: list[TaskState | None] = [None] * len(nodes)
    while ready := ready_tasks(nodes, states):
        first = ready[0]
        assert all(states[d] == TaskState.MERGED for d in nodes[first].depends_on)
        states[first] = TaskState.MERGED
    assert all(state == TaskState.MERGED for state in states)


@given(plans())
def test_ready_tasks_come_by_priority_then_longest_chain(nodes: tuple[TaskNode, ...]) -> None:
    order = ["critical", "high", "medium", "low"]
    remaining = remaining_minutes(nodes)
    ready = ready_tasks(nodes, [None] * len(nodes))
    keys = [(order.index(nodes[i].priority), -remaining[i], nodes[i].local_id) for i in ready]
    assert keys == sorted(keys)


@given(plans(), st.data())
def test_a_failure_blocks_exactly_its_descendants(
    nodes: tuple[TaskNode, ...], data: st.DataObject
) -> None:
    failed = data.draw(st.integers(0, len(nodes) - 1))
    states: list[TaskState | None] = [None] * len(nodes)
    states[failed] = TaskState.FAILED
    descendants: set[int] = set()
    for index, node in enumerate(nodes):
        if any(d == failed or d in descendants for d in node.depends_on):
            descendants.add(index)
    assert set(blocked_by(nodes, states)) == descendants
    assert all(failed in causes for causes in blocked_by(nodes, states).values())
