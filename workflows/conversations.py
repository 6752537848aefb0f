"""What a task's agent and people say to each other: questions, answers and messages."""

from datetime import timedelta
from uuid import uuid5

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.records import RecordActivities
    from models.contracts.agents import AskedQuestion, PostMessage
    from models.contracts.commands import TaskCommand
    from models.contracts.facts import QuestionMoved
    from models.contracts.questions import (
        AnswerCommand,
        Question,
        QuestionId,
        QuestionStatus,
    )
    from models.contracts.tasks import TaskInput

    from workflows import options
    from workflows.recorder import Recorder


class AgentDesk:
    """The question that an agent waits for, and the messages on their way to it."""

    def __init__(self, task: TaskInput, recorder: Recorder) -> None:
        self._task = task
        self._recorder = recorder
        self._question: Question | None = None

    @property
    def answered(self) -> bool:
        """True when the open question has its answer."""
        return self._question is not None and self._question.status != QuestionStatus.OPEN

    async def ask(self, asked: AskedQuestion) -> None:
        """Put an agent's question before people."""
        now, pause = workflow.now(), self._task.settings.question_deadline
        self._question = Question(
            id=QuestionId(uuid5(self._task.task_id, asked.call_id)),
            spec_id=self._task.spec_id,
            task_id=self._task.task_id,
            category="technical",
            text=asked.question,
            options=asked.options,
            assumed_answer=asked.assumed_answer,
            asked_at=now,
            deadline=now + pause if pause else None,
        )
        await self._recorder.say(
            QuestionMoved(event_type="question.asked", question=self._question)
        )

    def longest_wait(self) -> timedelta | None:
        """How long the answer is waited for; None for ever."""
        deadline = self._question.deadline if self._question is not None else None
        return max(deadline - workflow.now(), timedelta(0)) if deadline is not None else None

    def validate(self, command: AnswerCommand) -> None:
        """Refuse an answer to a question that is not open.

        Raises:
            ApplicationError: with ``question-not-open`` as type.
        """
        question = self._question
        if question is None or question.id != command.question_id or self.answered:
            msg = "This question is not open; its answer stands."
            raise ApplicationError(msg, type="question-not-open", non_retryable=True)

    async def answer(self, command: AnswerCommand) -> None:
        """Take a person's answer."""
        self.validate(command)
        await self._settle(QuestionStatus.ANSWERED, command.answer, command.by)

    async def settled(self) -> str:
        """The answer that stands; nobody's in time is the assumed one."""
        if self._question is None:
            return ""
        if not self.answered:
            await self._settle(QuestionStatus.ASSUMED, self._question.assumed_answer, "policy")
        who = "Nobody answered in time; what you assumed stands" if self._is_assumed() else "Answer"
        return f"{who}: {self._question.answer}"

    def _is_assumed(self) -> bool:
        return self._question is not None and self._question.status == QuestionStatus.ASSUMED

    async def _settle(self, status: QuestionStatus, answer: str, by: str) -> None:
        if self._question is None:
            return
        self._question = self._question.model_copy(
            update={"status": status, "answer": answer, "by": by, "settled_at": workflow.now()}
        )
        event = "question.assumed" if status == QuestionStatus.ASSUMED else "question.answered"
        await self._recorder.say(
            QuestionMoved.model_validate({"event_type": event, "question": self._question})
        )

    async def post(self, command: TaskCommand) -> None:
        """Put a person's message into the agent's inbox; it is read between two turns."""
        task = self._task
        await workflow.execute_activity_method(
            RecordActivities.post_message,
            PostMessage(
                id=command.id,
                project_id=task.project_id,
                spec_id=task.spec_id,
                task_id=task.task_id,
                local_id=task.local_id,
                text=command.text,
                by=command.by,
            ),
            **options.record(task.timings, "message"),
        )
