"""The typed way to Temporal: start, update, signal, query; nothing here waits longer than asked."""

from collections.abc import Awaitable
from typing import TypeVar
from uuid import uuid4

from temporalio.client import (
    Client,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowHistory,
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from api.calls import (
    AFTER_ANOTHER_SECONDS,
    ALREADY_RAN,
    SHORT,
    bounded,
    explained,
    failed,
    no_worker,
    reached,
    refusal,
    unknown,
)
from api.temporal_state import Live, read_system
from models import wire
from models.contracts.base import Payload, SpecId
from models.contracts.commands import (
    ANSWER_QUESTION_UPDATE,
    ANSWER_SIGNAL,
    COMMAND_SIGNAL,
    COMMANDS,
    DECIDE_GATE_UPDATE,
    PROPOSE_SIGNAL,
    PROPOSE_UPDATE,
    RECONCILE_WORKFLOW,
    SAVE_DOCUMENT_UPDATE,
    SPEC_WORKFLOW,
    STATE_QUERY,
    TASK_COMMANDS,
    TASK_SIGNAL,
    TASK_UPDATE,
    CommandAccepted,
    GateCommand,
    ProposeDocument,
    SavedDocument,
    SaveDocument,
    SpecCommand,
    TaskCommand,
    spec_workflow_id,
    task_workflow_id,
)
from models.contracts.forges import (
    FORGE_WORKFLOW,
    LOOKUP_WORKFLOW,
    ForgeRequest,
    ForgeResult,
    Lookup,
    LookupResult,
)
from models.contracts.gates import GateStatus
from models.contracts.questions import AnswerCommand, Question, QuestionStatus
from models.contracts.specs import SpecInput, SpecState, SpecStatus
from models.contracts.tasks import TaskState
from models.errors import Conflict

T = TypeVar("T")


async def connect_lazily() -> Client:
    """A client that connects on first use, so that the API starts while Temporal is down."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return await Client.connect(**config, data_converter=wire.DATA_CONVERTER, lazy=True)


class Gateway:
    """Commands for spec workflows, addressed by the names in ``contracts/commands.py``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def _handle(self, spec_id: SpecId) -> "WorkflowHandle[object, object]":
        return self._client.get_workflow_handle(spec_workflow_id(spec_id))

    async def start_spec(self, launch: SpecInput) -> None:
        """Start a spec's workflow; one that runs already is the same start.

        Raises:
            Unavailable: Temporal cannot be reached; the same launch may be sent again.
            Conflict: the workflow has ended before.
        """
        await self._start(
            launch,
            WorkflowIDConflictPolicy.USE_EXISTING,
            WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )

    async def start_again(self, launch: SpecInput) -> bool:
        """Start the next run of a spec that has ended; False when one runs by now.

        Raises:
            Unavailable: Temporal cannot be reached; the same command may be sent again.
        """
        try:
            await self._start(
                launch,
                WorkflowIDConflictPolicy.FAIL,
                WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            )
        except Conflict as error:
            if error.stable_code == ALREADY_RAN:
                return False
            raise
        return True

    async def _start(
        self,
        launch: SpecInput,
        conflict_policy: WorkflowIDConflictPolicy,
        reuse_policy: WorkflowIDReusePolicy,
    ) -> None:
        await reached(
            self._client.start_workflow(
                SPEC_WORKFLOW,
                launch,
                id=spec_workflow_id(launch.spec_id),
                task_queue=wire.WORKFLOW_QUEUE,
                id_conflict_policy=conflict_policy,
                id_reuse_policy=reuse_policy,
                search_attributes=wire.spec_attributes(launch.project_id),
                static_summary=launch.title,
                rpc_timeout=SHORT,
            )
        )

    async def reconcile(self) -> None:
        """Start a pass of upkeep now, in the place of one that runs: every step of it may be repeated.

        Raises:
            Unavailable: Temporal cannot be reached.
        """
        await reached(
            self._client.start_workflow(
                RECONCILE_WORKFLOW,
                id=f"{RECONCILE_WORKFLOW}-now",
                task_queue=wire.WORKFLOW_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
                rpc_timeout=SHORT,
            )
        )

    async def command(self, spec_id: SpecId, command: SpecCommand) -> CommandAccepted:
        """Give a command: as an Update, or as a signal when no worker answers.

        Raises:
            Conflict: the workflow refuses it, or has ended.
            Unavailable: Temporal cannot be reached.
        """
        signal = COMMAND_SIGNAL if COMMANDS[command.name].signal_without_worker else None
        handle = self._handle(spec_id)
        return await self._give(handle, command.name.value, signal, command.id, command, SpecStatus)

    async def command_task(self, spec_id: SpecId, command: TaskCommand) -> CommandAccepted:
        """Give a command on a task, to its own workflow or to its spec's as the table says.

        Raises:
            Conflict: the workflow refuses it, or has ended.
            Unavailable: Temporal cannot be reached.
        """
        handle = self._handle(spec_id)
        if TASK_COMMANDS[command.name].to_child:
            handle = self._client.get_workflow_handle(task_workflow_id(command.task_id))
        return await self._give(handle, TASK_UPDATE, TASK_SIGNAL, command.id, command, TaskState)

    async def answer_question(self, question: Question, command: AnswerCommand) -> CommandAccepted:
        """Answer a question of a spec or of a task's agent.

        Raises:
            Conflict: the question is not open, or the workflow has ended.
            Unavailable: Temporal cannot be reached.
        """
        handle = self._handle(question.spec_id)
        if question.task_id is not None:
            handle = self._client.get_workflow_handle(task_workflow_id(question.task_id))
        return await self._give(
            handle, ANSWER_QUESTION_UPDATE, ANSWER_SIGNAL, command.id, command, QuestionStatus
        )

    async def propose(self, spec_id: SpecId, command: ProposeDocument) -> CommandAccepted:
        """Hand a proposed document to the phase that is being written.

        Raises:
            Conflict: that phase is not being written, or the workflow has ended.
            Unavailable: Temporal cannot be reached.
        """
        handle = self._handle(spec_id)
        return await self._give(
            handle, PROPOSE_UPDATE, PROPOSE_SIGNAL, command.id, command, type(None)
        )

    async def _give(
        self,
        handle: "WorkflowHandle[object, object]",
        update: str,
        signal: str | None,
        command_id: str,
        command: Payload,
        result: type[object],
    ) -> CommandAccepted:
        """Send an Update; without a worker a signal that says the same, where there is one."""
        try:
            await self._update(handle, update, command_id, command, result)
        except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError, TimeoutError) as error:
            if not no_worker(error):
                raise explained(error) from error
            if signal is None:
                raise unknown() from error
            told = handle.signal(signal, command, rpc_timeout=SHORT)
            await reached(told, AFTER_ANOTHER_SECONDS)
            return CommandAccepted(id=command_id, status="pending")
        return CommandAccepted(id=command_id)

    async def save_document(self, spec_id: SpecId, command: SaveDocument) -> SavedDocument:
        """Hand a person's document to the workflow, which judges and stores it.

        Raises:
            Conflict: it breaks a hard rule, is based on an older one, or the spec has ended.
            Unavailable: no worker or no Temporal; the outcome is unknown, and the same key is safe.
        """
        try:
            return await self._update(
                self._handle(spec_id), SAVE_DOCUMENT_UPDATE, command.id, command, SavedDocument
            )
        except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError, TimeoutError) as error:
            if no_worker(error):
                raise unknown() from error
            raise explained(error) from error

    async def _update(
        self,
        handle: "WorkflowHandle[object, object]",
        name: str,
        update_id: str,
        command: Payload,
        result: type[T],
    ) -> T:
        """Send an Update and wait for its result, bounded.

        Raises:
            Conflict: the workflow refuses it.
        """
        try:
            # The SDK leaves types of its overloads open.
            update: Awaitable[T] = handle.execute_update(  # pyright: ignore[reportUnknownMemberType]
                name, command, id=update_id, result_type=result, rpc_timeout=SHORT
            )
            return await bounded(update)
        except WorkflowUpdateFailedError as error:
            raise refusal(error) from error

    async def decide_gate(self, spec_id: SpecId, command: GateCommand) -> CommandAccepted:
        """Decide a gate.

        Raises:
            Conflict: closed or unknown gate, a stale document, or the workflow has ended.
            Unavailable: no worker or no Temporal; the outcome is unknown, and the same key is safe.
        """
        try:
            await self._update(
                self._handle(spec_id), DECIDE_GATE_UPDATE, command.id, command, GateStatus
            )
        except (WorkflowUpdateRPCTimeoutOrCancelledError, RPCError, TimeoutError) as error:
            if no_worker(error):
                raise unknown() from error
            raise explained(error) from error
        return CommandAccepted(id=command.id)

    async def state(self, spec_id: SpecId) -> SpecState | None:
        """Live state; None when no worker answers within 2 s or the run is gone."""
        try:
            query: Awaitable[SpecState] = self._handle(spec_id).query(
                STATE_QUERY, result_type=SpecState, rpc_timeout=SHORT
            )
            return await bounded(query)
        except (RPCError, WorkflowQueryFailedError, RuntimeError, TimeoutError):
            return None

    async def look_up(self, request: Lookup) -> LookupResult:
        """Ask a worker one thing about a repository.

        Raises:
            AppError: what the lookup failed with.
            Unavailable: no worker answers in time, or Temporal cannot be reached.
        """
        return await self._errand(LOOKUP_WORKFLOW, f"lookup-{uuid4()}", request, LookupResult)

    async def errand(self, request: ForgeRequest) -> ForgeResult:
        """Have one thing done on the forge; who asks again while it is done gets the same answer.

        Raises:
            AppError: what it failed with.
            Unavailable: it is not done in time, and goes on; or Temporal cannot be reached.
        """
        workflow_id = f"forge-{request.spec_id}-{request.kind}"
        return await self._errand(FORGE_WORKFLOW, workflow_id, request, ForgeResult)

    async def _errand(self, name: str, workflow_id: str, request: Payload, result: type[T]) -> T:
        handle = await reached(
            self._client.start_workflow(
                name,
                request,
                id=workflow_id,
                task_queue=wire.WORKFLOW_QUEUE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                result_type=result,
                rpc_timeout=SHORT,
            )
        )
        try:
            answer: Awaitable[T] = handle.result(rpc_timeout=SHORT)
            return await bounded(answer)
        except WorkflowFailureError as error:
            raise failed(error) from error
        except (RPCError, TimeoutError) as error:
            raise unknown() if no_worker(error) else explained(error) from error

    @property
    def namespace(self) -> str:
        """The namespace that specs run in."""
        return self._client.namespace

    async def history(self, spec_id: SpecId) -> WorkflowHistory | None:
        """The event history of the spec's latest run; None when Temporal does not keep it.

        Raises:
            Unavailable: Temporal cannot be reached.
        """
        try:
            return await bounded(self._handle(spec_id).fetch_history(rpc_timeout=SHORT))
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return None
            raise explained(error) from error
        except (RuntimeError, TimeoutError) as error:
            raise explained(error) from error

    async def system(self) -> Live | None:
        """Queues and schedules; None when Temporal does not answer in time."""
        try:
            return await bounded(read_system(self._client))
        except (RPCError, RuntimeError, TimeoutError):
            return None

    async def reachable(self) -> bool:
        """True when Temporal's frontend answers."""
        try:
            return await bounded(self._client.service_client.check_health(timeout=SHORT))
        except (RPCError, RuntimeError, TimeoutError):
            return False
