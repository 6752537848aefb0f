"""The DAG of tasks: cycles, readiness, waves, critical path and what a failure blocks."""

from collections.abc import Mapping, Sequence
from typing import Final

from models.contracts.plans import CriticalPath, Priority
from models.contracts.tasks import TaskNode, TaskState

PRIORITY_ORDER: Final[dict[Priority, int]] = {"critical": 0, "high": 1, "medium": 2, "low": 3}
DONE: Final = frozenset({TaskState.MERGED, TaskState.SKIPPED})


def find_cycle(dependencies: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """One cycle as ids in order, the first repeated at the end; empty when there is none.

    Ids that are not keys are ignored.
    """
    state: dict[str, int] = {}
    for root in dependencies:
        if state.get(root):
            continue
        path: list[str] = []
        stack: list[tuple[str, int]] = [(root, 0)]
        while stack:
            node, index = stack.pop()
            if index == 0:
                state[node] = 1
                path.append(node)
            following = [d for d in dependencies[node] if d in dependencies]
            if index == len(following):
                state[node] = 2
                path.pop()
                continue
            stack.append((node, index + 1))
            child = following[index]
            if state.get(child) == 1:
                return (*path[path.index(child) :], child)
            if not state.get(child):
                stack.append((child, 0))
    return ()


def topological_order(dependencies: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Ids with every dependency before its dependents, else in the order given.

    Raises:
        ValueError: when there is a cycle.
    """
    waves = find_waves(dependencies)
    return tuple(task_id for wave in waves for task_id in wave)


def find_waves(dependencies: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Lists of ids that may run together, each after all before it.

    Raises:
        ValueError: when there is a cycle.
    """
    needs = {key: {d for d in value if d in dependencies} for key, value in dependencies.items()}
    waiting = {key: len(before) for key, before in needs.items()}
    dependents: dict[str, list[str]] = {key: [] for key in dependencies}
    for key, before in needs.items():
        for dependency in before:
            dependents[dependency].append(key)
    order = {key: position for position, key in enumerate(dependencies)}
    wave = [key for key, count in waiting.items() if count == 0]
    waves: list[tuple[str, ...]] = []
    while wave:
        waves.append(tuple(wave))
        following: list[str] = []
        for done in wave:
            for key in dependents[done]:
                waiting[key] -= 1
                if waiting[key] == 0:
                    following.append(key)
        wave = sorted(following, key=order.__getitem__)
    if any(waiting.values()):
        msg = "the dependencies have a cycle"
        raise ValueError(msg)
    return tuple(waves)


def critical_path(
    dependencies: Mapping[str, Sequence[str]], minutes: Mapping[str, int]
) -> CriticalPath:
    """The chain with the most minutes.

    Raises:
        ValueError: when there is a cycle.
    """
    best: dict[str, tuple[int, tuple[str, ...]]] = {}
    for task_id in topological_order(dependencies):
        before = [best[d] for d in dependencies[task_id] if d in best]
        length, path = max(before, key=lambda found: found[0], default=(0, ()))
        best[task_id] = (length + minutes[task_id], (*path, task_id))
    total, path = max(best.values(), key=lambda found: found[0], default=(0, ()))
    return CriticalPath(task_ids=path, minutes=total)


def remaining_minutes(nodes: Sequence[TaskNode]) -> list[int]:
    """For each node the minutes of the longest chain that begins with it."""
    dependents: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for before in node.depends_on:
            dependents[before].append(index)
    graph = {str(i): [str(d) for d in node.depends_on] for i, node in enumerate(nodes)}
    longest = [0] * len(nodes)
    for key in reversed(topological_order(graph)):
        index = int(key)
        after = max((longest[d] for d in dependents[index]), default=0)
        longest[index] = nodes[index].minutes + after
    return longest


def ready_tasks(nodes: Sequence[TaskNode], states: Sequence[TaskState | None]) -> list[int]:
    """Indices that may start now, in order: priority, longest remaining chain, id.

    A state of None means not started. A task is ready when all it depends on are merged or skipped.
    """
    remaining = remaining_minutes(nodes)
    ready = [
        index
        for index, node in enumerate(nodes)
        if states[index] is None and all(states[d] in DONE for d in node.depends_on)
    ]
    return sorted(
        ready,
        key=lambda i: (PRIORITY_ORDER[nodes[i].priority], -remaining[i], nodes[i].local_id),
    )


def blocked_by(
    nodes: Sequence[TaskNode], states: Sequence[TaskState | None]
) -> dict[int, tuple[int, ...]]:
    """Unstarted nodes that can never start as things are, with the failed ones behind it."""
    bad = {TaskState.FAILED, TaskState.CANCELLED}
    reasons: dict[int, tuple[int, ...]] = {}
    graph = {str(i): [str(d) for d in node.depends_on] for i, node in enumerate(nodes)}
    for key in topological_order(graph):
        index = int(key)
        if states[index] not in {None, TaskState.BLOCKED}:
            continue
        causes: list[int] = []
        for before in nodes[index].depends_on:
            if states[before] in bad:
                causes.append(before)
            causes.extend(c for c in reasons.get(before, ()) if c not in causes)
        if causes:
            reasons[index] = tuple(causes)
    return reasons
