"""What follows when tasks failed: what they block, and what people decide."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.repositories import RepositoryActivities
    from models.contracts.commands import GateCommand, TaskCommand, TaskCommandName
    from models.contracts.gates import DecisionKind, GateKind
    from models.contracts.repositories import FindCommit
    from models.contracts.specs import SpecStatus
    from models.contracts.task_facts import TaskMoved
    from models.contracts.tasks import TaskState
    from models.rules.actions import task_command_refusal
    from models.rules.dag import blocked_by

    from workflows import options
    from workflows.board import Board
    from workflows.context import SpecContext
    from workflows.failures import EndedByPerson, describe

_DECIDES = {
    TaskCommandName.RETRY: DecisionKind.RETRY,
    TaskCommandName.START: DecisionKind.RETRY,
    TaskCommandName.SKIP: DecisionKind.SKIP,
    TaskCommandName.COMPLETE: DecisionKind.SKIP,
}


class Setbacks:
    """The failure gate of a plan, and a person's commands on single tasks."""

    def __init__(self, context: SpecContext, board: Board) -> None:
        self._context = context
        self._board = board
        self._taken: set[str] = set()

    async def settle(self) -> bool:
        """Nothing runs: True when some tasks were sent back, False when all is done.

        Raises:
            EndedByPerson: a person ended the spec.
        """
        failed = self._board.failed()
        if not failed:
            return False
        blocked = await self._block()
        names = ", ".join(failed)
        gate = await self._context.gates.ask(
            GateKind.FAILURE,
            f"{names} failed; {len(blocked)} more cannot start",
            reason_code="task-failed",
            task_ids=tuple(failed),
            options=(DecisionKind.RETRY, DecisionKind.SKIP, DecisionKind.CANCEL),
        )
        decision = gate.decision
        if decision is None or decision.kind == DecisionKind.CANCEL:
            by, note = (decision.by, decision.note) if decision else ("", "")
            raise EndedByPerson(by, note or f"{names} failed")
        if self._taken:  # a command on one task decided the gate, and was carried out
            self._taken.clear()
            return True
        retry = decision.kind == DecisionKind.RETRY
        self._board.notes = dict.fromkeys(failed, decision.note) if retry else {}
        await self._send_back(failed, retry=retry)
        return True

    async def _block(self) -> list[str]:
        """Say which tasks cannot start; returns their local ids."""
        board = self._board
        reasons = blocked_by(board.nodes, board.listed())
        facts: list[TaskMoved] = []
        for index, causes in reasons.items():
            name = board.nodes[index].local_id
            if board.states[name] is None:
                board.states[name] = TaskState.BLOCKED
                told = ", ".join(board.nodes[cause].local_id for cause in causes)
                facts.append(board.fact("task.blocked", name, f"Waits for {told}, which failed"))
        if facts:
            await self._context.recorder.say(*facts)
        return [board.nodes[index].local_id for index in reasons]

    async def _send_back(self, failed: list[str], *, retry: bool) -> None:
        """Retry or leave out tasks; what they blocked may start again, or be blocked anew."""
        board = self._board
        facts: list[TaskMoved] = []
        for name in (name for name in failed if name in board.states):
            board.states[name] = None if retry else TaskState.SKIPPED
            board.rounds[name] += 1
            facts.append(board.fact("task.retried" if retry else "task.skipped", name))
        facts += self._unblock()
        if facts:
            await self._context.recorder.say(*facts)

    def _unblock(self) -> list[TaskMoved]:
        facts: list[TaskMoved] = []
        for name in self._board.blocked():
            self._board.states[name] = None
            facts.append(self._board.fact("task.retried", name))
        return facts

    # A person's commands on one task

    def validate(self, command: TaskCommand, status: SpecStatus) -> None:
        """Refuse a command that is not allowed now.

        Raises:
            ApplicationError: ``command-not-allowed`` or ``commit-missing``, with the reason.
        """
        name = self._board.name_of(command.task_id)
        state = self._board.states.get(name) if name is not None else None
        reason = task_command_refusal(command.name, state or TaskState.QUEUED, status)
        if name is None:
            reason = "The task is not in the plan that runs."
        elif name in self._board.extra:
            reason = "A repair that failed is followed by another, or by a question to you."
        if reason is not None:
            raise ApplicationError(reason, type="command-not-allowed", non_retryable=True)
        if command.name == TaskCommandName.COMPLETE and command.commit is None:
            msg = "Say the commit on the spec's branch that did the task."
            raise ApplicationError(msg, type="commit-missing", non_retryable=True)

    async def take(self, command: TaskCommand, status: SpecStatus) -> TaskState:
        """Carry a command out; a failure gate that is open is decided by it.

        Raises:
            ApplicationError: the commit is not on the branch.
        """
        self.validate(command, status)
        board, name = self._board, self._board.name_of(command.task_id) or ""
        if command.name == TaskCommandName.COMPLETE:
            await self._find(command)
            self.validate(command, status)
            board.states[name] = TaskState.MERGED
            told = f"Marked complete by {command.by}"
            facts = [board.fact("task.merged", name, told, command.commit)]
        elif command.name == TaskCommandName.SKIP:
            board.states[name] = TaskState.SKIPPED
            facts = [board.fact("task.skipped", name, command.text or None)]
        else:
            board.states[name] = None
            board.rounds[name] += 1
            board.notes[name] = command.text
            facts = [board.fact("task.retried", name, command.text or None)]
        facts += self._unblock()
        await self._context.recorder.say(*facts)
        self._decide_gate(command)
        return board.states.get(name) or TaskState.QUEUED

    async def _find(self, command: TaskCommand) -> None:
        """See that the commit is on the spec's branch.

        Raises:
            ApplicationError: ``commit-not-found``.
        """
        launch = self._context.launch
        try:
            await workflow.execute_activity_method(
                RepositoryActivities.find_commit,
                FindCommit(
                    project_id=launch.project_id,
                    branch=launch.branch,
                    commit=command.commit or "",
                ),
                **options.repository(launch.timings, "find commit"),
            )
        except ActivityError as error:
            failure = describe(error)
            raise ApplicationError(
                failure.message, type=failure.code, non_retryable=True
            ) from error

    def _decide_gate(self, command: TaskCommand) -> None:
        gate = self._context.gates.open
        if gate is None or gate.reason_code != "task-failed":
            return
        self._taken.add(command.id)
        self._context.gates.decide(
            GateCommand(
                id=command.id,
                gate_id=gate.id,
                kind=_DECIDES[command.name],
                by=command.by,
                note=command.text or f"{command.name.value} one task",
            )
        )
