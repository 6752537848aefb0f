"""A round of a task's agent: its slices, and every wait between them."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.agents import AgentActivities
    from activities.tasks import TaskActivities
    from models.contracts.commands import BUDGET_HIT_SIGNAL, spec_workflow_id
    from models.contracts.tasks import AgentResult, RunAgent, SandboxRequest, TaskInput

    from workflows import options
    from workflows.cancellation import Cancellation
    from workflows.conversations import AgentDesk
    from workflows.failures import Failure, TaskFailed, describe
    from workflows.signals import tell
    from workflows.slots import SlotHolder

Say = Callable[[str, str | None], Awaitable[None]]


_EXTENSION = timedelta(minutes=30)


class Rounds:
    """Runs an agent until it finishes a round; no wait for anybody holds a slot.

    ``say(event, reason)`` puts a move of the task on record.
    """

    def __init__(
        self,
        task: TaskInput,
        slot: SlotHolder,
        desk: AgentDesk,
        cancellation: Cancellation,
        say: Say,
    ) -> None:
        self._task = task
        self._slot = slot
        self._desk = desk
        self._cancellation = cancellation
        self._say = say
        self._resumed = 0
        self._extensions = 0
        self._generation = 0
        self._gave_sandbox_up = False

    def resume(self) -> None:
        """The spec is not paused any more, or has money again."""
        self._resumed += 1

    def extend(self) -> None:
        """Keep the sandbox of a task that waits for 30 more minutes."""
        self._extensions += 1

    def sandbox(self) -> SandboxRequest:
        """The task's sandbox, under its deterministic name."""
        task = self._task
        return SandboxRequest(
            name=f"task-{task.task_id}-g{task.first_round}",
            project_id=task.project_id,
            spec_id=task.spec_id,
            task_id=task.task_id,
            branch=task.branch,
            generation=self._generation,
        )

    async def run(self, number: int, base: str, feedback: str, *, restart: bool) -> AgentResult:
        """Slices of one round until the agent finishes.

        Raises:
            TaskFailed: it is out of turns.
        """
        task = self._task
        request = RunAgent(
            task_id=task.task_id,
            spec_id=task.spec_id,
            project_id=task.project_id,
            local_id=task.local_id,
            round=number,
            branch=task.branch,
            sandbox=self.sandbox().name,
            base_commit=base,
            model=task.settings.agent_model or "",
            max_turns=task.settings.max_turns,
            feedback=feedback,
            restart_workspace=restart,
            working_directory=task.working_directory,
            environment=task.settings.environment,
            provider_wait=task.timings.provider_wait,
            checkpoint_every=task.timings.checkpoint,
            context_from=task.context_from,
            first_round=task.first_round,
        )
        await self._say("task.working", feedback[:300] or None)
        while True:
            seen = self._resumed
            result = await self._slice(request)
            self._gave_sandbox_up = False
            self._cancellation.check()
            match result.outcome:
                case "finished":
                    return result
                case "yielded":
                    continue
                case "paused":
                    await self._wait(
                        "The spec is paused.",
                        lambda seen=seen: self._resumed > seen,
                        task.timings.pause_recheck,
                    )
                case "waiting":
                    await self._wait_for_provider(result)
                case "asked":
                    request = await self._ask(request, result)
                case "out_of_turns":
                    told = f"The agent used all of its {task.settings.max_turns} turns."
                    raise TaskFailed(Failure(code="out-of-turns", message=told))

    async def _slice(self, request: RunAgent) -> AgentResult:
        """One slice; while the budget is used up it waits, without a slot, for more of it."""
        while True:
            seen = self._resumed
            try:
                return await workflow.execute_activity_method(
                    AgentActivities.run_agent,
                    request.model_copy(
                        update={
                            "gave_sandbox_up": self._gave_sandbox_up,
                            "generation": self._generation,
                        }
                    ),
                    **options.agent(
                        self._task.timings, f"{self._task.local_id} round {request.round}"
                    ),
                )
            except ActivityError as error:
                failure = describe(error)
                if is_cancelled_exception(error) or failure.code != "budget-exhausted":
                    raise
                await tell(spec_workflow_id(self._task.spec_id), BUDGET_HIT_SIGNAL, failure.message)
                await self._wait(
                    "The budget is used up.", lambda seen=seen: self._resumed > seen, None
                )

    async def _ask(self, request: RunAgent, result: AgentResult) -> RunAgent:
        """Wait for the answer to an agent's question; returns the request that carries it."""
        if result.question is None:
            return request
        await self._desk.ask(result.question)
        await self._wait(
            f"Asks: {result.question.question[:200]}",
            lambda: self._desk.answered,
            self._desk.longest_wait(),
        )
        answer = await self._desk.settled()
        return request.model_copy(update={"answered": result.question.call_id, "answer": answer})

    async def _wait_for_provider(self, result: AgentResult) -> None:
        pause = (result.until or workflow.now()) - workflow.now()
        told = f"The model provider asks to wait until {result.until:%H:%M:%S} UTC."
        await self._wait(told, lambda: False, max(pause, timedelta(0)))

    async def wait_for(self, reason: str, done: Callable[[], bool]) -> None:
        """Wait for a person without a slot, for as long as it takes."""
        await self._wait(reason, done, None)

    async def _wait(self, reason: str, done: Callable[[], bool], longest: timedelta | None) -> None:
        """Hold no slot, and after a while no sandbox, until ``done`` or the time is over."""
        await self._say("task.waiting", reason)
        await self._slot.give_back()
        idle = self._task.timings.sandbox_idle
        patience = idle if longest is None else min(idle, longest)
        if not await self._patient(done, patience) and (longest is None or longest > idle):
            await self._give_sandbox_up()
            await self._waited(done, None if longest is None else longest - idle)
        await self._slot.take()
        await self._say("task.working", None)

    async def _patient(self, done: Callable[[], bool], patience: timedelta) -> bool:
        """True when it came true before the sandbox's time was over, which people may extend."""
        while True:
            seen = self._extensions
            if not await self._waited(
                lambda seen=seen: done() or self._extensions > seen, patience
            ):
                return False
            if done():
                return True
            patience = _EXTENSION

    async def _waited(self, done: Callable[[], bool], longest: timedelta | None) -> bool:
        """True when it came true in time."""
        try:
            await self._cancellation.wait(done, longest)
        except TimeoutError:
            return False
        return True

    async def _give_sandbox_up(self) -> None:
        """Destroy the sandbox of a task that waits; its workspace is kept as a checkpoint."""
        request = self.sandbox().model_copy(update={"idle": True})
        await workflow.execute_activity_method(
            TaskActivities.destroy_sandbox,
            request,
            **options.destroy(self._task.timings, self._task.local_id),
        )
        self._generation += 1
        self._gave_sandbox_up = True
