"""Questions of explore and of agents: answered by a person, or assumed and marked so."""

from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from pydantic import Field

from models.contracts.base import Payload, Request, SpecId, TaskId
from models.contracts.documents import QuestionCategory
from models.contracts.phases import Phase

QuestionId = NewType("QuestionId", UUID)
ANSWER_LIMIT = 2_000


class QuestionStatus(StrEnum):
    """States of a question."""

    OPEN = "open"
    ANSWERED = "answered"
    ASSUMED = "assumed"


class Question(Payload):
    """A question; ``answer`` is the person's, or the assumed one once it stands.

    ``phase`` is set on those of explore, ``task_id`` on those of a task's agent, who may offer
    ``options``.
    ``deadline`` is when the assumed answer takes its place; None while it is the gate's decision
    that settles it.
    """

    id: QuestionId
    spec_id: SpecId
    phase: Phase | None = None
    task_id: TaskId | None = None
    category: QuestionCategory
    options: tuple[str, ...] = ()
    text: str
    assumed_answer: str
    status: QuestionStatus = QuestionStatus.OPEN
    answer: str | None = None
    by: str | None = None
    asked_at: datetime
    deadline: datetime | None = None
    settled_at: datetime | None = None


class QuestionList(Payload):
    """The questions of a spec, in the order they were asked."""

    items: tuple[Question, ...]


class AnswerQuestion(Request):
    """A person's answer."""

    answer: str = Field(min_length=1, max_length=ANSWER_LIMIT)


class LaunchAnswer(Request):
    """What a person says before anyone asks; every phase reads it."""

    category: QuestionCategory
    answer: str = Field(min_length=1, max_length=ANSWER_LIMIT)


class AnswerCommand(Payload):
    """An answer as the workflow takes it; ``id`` makes it idempotent."""

    id: str
    question_id: QuestionId
    answer: str
    by: str


class SettledAnswer(Payload):
    """A question with the answer that stands, as later phases read it."""

    category: QuestionCategory
    question: str
    answer: str
    assumed: bool


class QuestionPage(Payload):
    """One page of questions, oldest first; ``next_cursor`` is None on the last."""

    items: tuple[Question, ...]
    next_cursor: str | None = None
