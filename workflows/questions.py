"""Questions that explore asks: answered while they are open, assumed when their time is over."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.documents import DocumentActivities
    from models.contracts.artifacts import ArtifactRef
    from models.contracts.attempts import ReadQuestions
    from models.contracts.facts import QuestionMoved
    from models.contracts.questions import (
        AnswerCommand,
        Question,
        QuestionId,
        QuestionStatus,
        SettledAnswer,
    )

    from workflows import options
    from workflows.context import SpecContext

_ASSUMED_BY = "policy"


class QuestionDesk:
    """The questions of a run; their answers are told to every later phase."""

    def __init__(self, context: SpecContext) -> None:
        self._context = context
        self._questions: dict[QuestionId, Question] = {}
        start = context.launch.start
        self._kept = start.answers if start is not None else ()

    @property
    def open(self) -> tuple[Question, ...]:
        """Questions that wait for an answer."""
        return tuple(q for q in self._questions.values() if q.status == QuestionStatus.OPEN)

    def answers(self) -> tuple[SettledAnswer, ...]:
        """What stands: answers given at launch, and those to questions."""
        return (*self._context.launch.answers, *self.settled())

    def settled(self) -> tuple[SettledAnswer, ...]:
        """The answers to questions, of an earlier run where this one asked none."""
        settled = tuple(
            SettledAnswer(
                category=q.category,
                question=q.text,
                answer=q.answer or q.assumed_answer,
                assumed=q.status == QuestionStatus.ASSUMED,
            )
            for q in self._questions.values()
            if q.status != QuestionStatus.OPEN
        )
        return settled or self._kept

    async def ask(self, attempt: int, document: ArtifactRef) -> None:
        """Ask what an accepted exploration leaves open; questions of an older one are dropped."""
        await self._assume()
        launch = self._context.launch
        now = workflow.now()
        pause = launch.settings.question_deadline
        found = await workflow.execute_activity_method(
            DocumentActivities.read_questions,
            ReadQuestions(
                spec_id=launch.spec_id,
                attempt=attempt,
                document=document,
                asked_at=now,
                deadline=now + pause if pause else None,
            ),
            **options.record(launch.timings),
        )
        self._questions = {question.id: question for question in found}
        if found:
            await self._context.recorder.say(
                *(QuestionMoved(event_type="question.asked", question=q) for q in found)
            )

    def validate(self, command: AnswerCommand) -> None:
        """Refuse an answer to a question that is not open.

        Raises:
            ApplicationError: with ``question-not-open`` as type.
        """
        question = self._questions.get(command.question_id)
        if question is None or question.status != QuestionStatus.OPEN:
            msg = "This question is not open; its answer stands."
            raise ApplicationError(msg, type="question-not-open", non_retryable=True)

    async def answer(self, command: AnswerCommand) -> None:
        """Take a person's answer."""
        self.validate(command)
        answered = self._questions[command.question_id].model_copy(
            update={
                "status": QuestionStatus.ANSWERED,
                "answer": command.answer,
                "by": command.by,
                "settled_at": workflow.now(),
            }
        )
        self._questions[command.question_id] = answered
        await self._context.recorder.say(
            QuestionMoved(event_type="question.answered", question=answered)
        )

    async def settle(self) -> None:
        """Wait for answers until the deadline, if there is one; the rest is assumed."""
        deadline = max((q.deadline for q in self.open if q.deadline), default=None)
        if deadline is not None and deadline > workflow.now():
            try:
                await self._context.cancellation.wait(
                    lambda: not self.open, deadline - workflow.now()
                )
            except TimeoutError:
                workflow.logger.info("questions are assumed at their deadline")
        await self._assume()

    async def _assume(self) -> None:
        assumed = [
            question.model_copy(
                update={
                    "status": QuestionStatus.ASSUMED,
                    "answer": question.assumed_answer,
                    "by": _ASSUMED_BY,
                    "settled_at": workflow.now(),
                }
            )
            for question in self.open
        ]
        self._questions.update({question.id: question for question in assumed})
        if assumed:
            await self._context.recorder.say(
                *(QuestionMoved(event_type="question.assumed", question=q) for q in assumed)
            )
