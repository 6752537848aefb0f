"""Where every task of a running plan stands, by its local id, so that the plan can be changed."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from models.contracts.base import TaskId
    from models.contracts.task_facts import TaskMoved
    from models.contracts.tasks import TaskNode, TaskState

BAD = (TaskState.FAILED, TaskState.CANCELLED)


class Board:
    """States, rounds and notes of the tasks; a state of None has not started.

    ``extra`` are tasks that no plan holds, such as repairs.
    """

    def __init__(self) -> None:
        self.nodes: tuple[TaskNode, ...] = ()
        self.states: dict[str, TaskState | None] = {}
        self.rounds: dict[str, int] = {}
        self.notes: dict[str, str] = {}
        self.extra: set[str] = set()

    def lay(self, nodes: tuple[TaskNode, ...]) -> None:
        """Begin with a plan; what an earlier run merged stays merged."""
        self.rounds = {node.local_id: node.first_round for node in nodes}
        self.states = {node.local_id: TaskState.MERGED if node.merged else None for node in nodes}
        self.nodes = nodes

    def add(self, node: TaskNode) -> None:
        """One more task, which nothing depends on."""
        self.nodes = (*self.nodes, node)
        self.extra.add(node.local_id)
        self.states[node.local_id] = None
        self.rounds[node.local_id] = node.first_round

    def replan(self, nodes: tuple[TaskNode, ...]) -> None:
        """Go on with a changed plan: tasks that have begun stay, others are as planned now."""
        kept = {node.local_id: self.states.get(node.local_id) for node in nodes}
        self.rounds = {
            node.local_id: self.rounds.get(node.local_id, node.first_round) for node in nodes
        }
        self.states = {
            name: None if state == TaskState.BLOCKED else state for name, state in kept.items()
        }
        self.nodes = nodes

    def node(self, name: str) -> TaskNode:
        """The task with this local id."""
        return next(node for node in self.nodes if node.local_id == name)

    def name_of(self, task_id: TaskId) -> str | None:
        """The local id of a task; None when it is not in the plan."""
        return next((node.local_id for node in self.nodes if node.task_id == task_id), None)

    def listed(self) -> list[TaskState | None]:
        """The states in the order of the nodes."""
        return [self.states[node.local_id] for node in self.nodes]

    def failed(self) -> list[str]:
        """Local ids of tasks that ended badly, in plan order."""
        return [node.local_id for node in self.nodes if self.states[node.local_id] in BAD]

    def blocked(self) -> list[str]:
        """Local ids of tasks that wait for one that failed."""
        return [n.local_id for n in self.nodes if self.states[n.local_id] == TaskState.BLOCKED]

    def begun(self) -> tuple[str, ...]:
        """Local ids of tasks that have started, and so cannot be planned anew."""
        idle = {None, TaskState.BLOCKED}
        return tuple(name for name, state in self.states.items() if state not in idle)

    def fact(
        self, event: str, name: str, reason: str | None = None, commit: str | None = None
    ) -> TaskMoved:
        """A move of a task, as it goes on record."""
        return TaskMoved.model_validate(
            {
                "event_type": event,
                "task_id": self.node(name).task_id,
                "local_id": name,
                "round": self.rounds[name],
                "reason": reason,
                "commit": commit,
            }
        )
