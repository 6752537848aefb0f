"""The tools of a coding agent: shell, editor, a question to a person, and the end."""

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field, JsonValue, ValidationError

from activities.language.schemas import tool_definition
from activities.language.talks import Reply, ToolUse
from activities.sandboxes.tools import ToolOutcome, ToolRunner, complaint
from models.contracts.agents import AskedQuestion
from models.contracts.checks import CriterionClaim
from models.contracts.questions import ANSWER_LIMIT

_BASH: Final = "bash"
_EDITOR: Final = "str_replace_based_edit_tool"
_ASK: Final = "ask"
_FINISH: Final = "finish"
_LOST: Final = "State unknown: the sandbox was lost while this ran; look before you repeat it."
_Line = Annotated[str, Field(min_length=1, max_length=ANSWER_LIMIT)]


class Finish(BaseModel):
    """Ends the task: what was done, which test shows which criterion, what is left open."""

    summary: str = Field(max_length=4_000)
    tests: tuple[CriterionClaim, ...] = ()
    open_points: tuple[str, ...] = ()


class Ask(BaseModel):
    """Asks a person what you cannot find out; ``assumed_answer`` stands if nobody answers."""

    question: _Line
    options: tuple[_Line, ...] = Field(default=(), max_length=6)
    assumed_answer: _Line


class AgentTools:
    """Shell, editor, ``ask`` and ``finish``.

    ``lost`` are calls that may have begun in a sandbox that is gone; ``answers`` are what people
    said, by the call that asked.
    """

    def __init__(
        self, runner: ToolRunner, *, lost: Collection[str] = (), answers: Mapping[str, str]
    ) -> None:
        self._runner = runner
        self._lost = lost
        self._answers = answers

    @property
    def definitions(self) -> Sequence[Mapping[str, JsonValue]]:
        """Anthropic's own client tools, and two of ours."""
        return [
            {"type": "bash_20250124", "name": _BASH},
            {"type": "text_editor_20250728", "name": _EDITOR},
            tool_definition(_ASK, Ask),
            tool_definition(_FINISH, Finish),
        ]

    async def call(self, use: ToolUse) -> Reply:
        """Run one call in the sandbox, or end the slice."""
        if use.name in {_BASH, _EDITOR}:
            if use.id in self._lost:
                return Reply(_LOST, is_error=True)
            run = self._runner.bash if use.name == _BASH else self._runner.edit
            return _reply(await run(use.id, dict(use.input)))
        if use.name == _ASK:
            return self._ask(use)
        if use.name != _FINISH:
            return Reply(f"There is no tool {use.name}.", is_error=True)
        try:
            return Reply("Done.", ends=True, value=Finish.model_validate(use.input))
        except ValidationError as error:
            return Reply(complaint(error), is_error=True)

    def _ask(self, use: ToolUse) -> Reply:
        if use.id in self._answers:
            return Reply(self._answers[use.id])
        try:
            asked = Ask.model_validate(use.input)
        except ValidationError as error:
            return Reply(complaint(error), is_error=True)
        question = AskedQuestion(
            call_id=use.id,
            question=asked.question,
            options=asked.options,
            assumed_answer=asked.assumed_answer,
        )
        return Reply("", ends=True, value=question)


def _reply(outcome: ToolOutcome) -> Reply:
    return Reply(outcome.content, is_error=outcome.is_error)
