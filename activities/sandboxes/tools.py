"""The agent's tools inside a sandbox: shell and text editing, each run at most once by its id.

Wire formats: Anthropic's client tools ``bash_20250124`` and ``text_editor_20250728``.
"""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from pydantic import BaseModel, ValidationError

from activities.sandboxes.port import JOURNAL, WORKSPACE, WORKSPACE_MARKER, Sandbox
from models.errors import Unavailable

_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_TOOL_SECONDS: Final = 120
_VIEW_LIMIT: Final = 30_000


@dataclass(frozen=True)
class ToolOutcome:
    """What a tool gives back to the model."""

    content: str
    is_error: bool = False


class BashInput(BaseModel):
    """Input of the shell tool; every call is a fresh shell, so ``restart`` has nothing to do."""

    command: str = ""
    restart: bool = False


class EditInput(BaseModel):
    """Input of the text editor tool."""

    command: str
    path: str
    file_text: str | None = None
    old_str: str | None = None
    new_str: str = ""
    insert_line: int | None = None
    insert_text: str = ""
    view_range: tuple[int, int] | None = None


class ToolRunner:
    """Runs tool calls through the in-sandbox journal, so that a resumed try repeats none."""

    def __init__(self, sandbox: Sandbox, on_output: Callable[[], None]) -> None:
        self._sandbox = sandbox
        self._on_output = on_output

    async def bash(self, key: str, raw: object) -> ToolOutcome:
        """Run a shell line in the workspace."""
        try:
            call = BashInput.model_validate(raw)
        except ValidationError as error:
            return ToolOutcome(complaint(error), is_error=True)
        if call.restart or not call.command:
            return ToolOutcome("The shell is fresh for every call.")
        return await self.journaled(key, call.command)

    async def journaled(self, key: str, script: str) -> ToolOutcome:
        """Run a script at most once for its key; a finished one is read back."""
        if not _KEY.fullmatch(key):
            return ToolOutcome("This tool call's id is malformed.", is_error=True)
        done = await self._sandbox.run(
            'sh /opt/specwright/runner.sh "$@"',
            key,
            str(_TOOL_SECONDS),
            script,
            within=timedelta(seconds=_TOOL_SECONDS + 20),
            on_output=self._on_output,
            outlives_worker=True,
        )
        if done.killed_by is not None:
            return ToolOutcome(f"Killed: over the limit of {done.killed_by}.", is_error=True)
        head, _, output = done.stdout.partition("\n")
        if not head.startswith("exit "):
            await self._check_alive()
            return ToolOutcome("State unknown: the sandbox lost this call.", is_error=True)
        code = int(head.removeprefix("exit ").strip() or "1")
        if code == 0:
            return ToolOutcome(output or "(no output)")
        told = f"time-out after {_TOOL_SECONDS} s" if code == 124 else f"exit code {code}"  # noqa: PLR2004 - timeout(1)
        return ToolOutcome(f"{output}\n[{told}]", is_error=True)

    async def _check_alive(self) -> None:
        """See that the sandbox still has its workspace.

        Raises:
            Unavailable: it is gone (``sandbox-lost``); the next try builds it again.
        """
        if await self._sandbox.get(WORKSPACE_MARKER) is None:
            msg = "The sandbox is gone."
            raise Unavailable(msg, code="sandbox-lost")

    async def edit(self, key: str, raw: object) -> ToolOutcome:
        """View, create or change a text file."""
        try:
            call = EditInput.model_validate(raw)
        except ValidationError as error:
            return ToolOutcome(complaint(error), is_error=True)
        path = call.path if call.path.startswith("/") else f"{WORKSPACE}/{call.path}"
        if call.command == "view":
            return await self._view(path, call.view_range)
        if (await self._sandbox.get(f"{JOURNAL}/{key}/exit")) is not None:
            return ToolOutcome(f"{call.path} was edited.")
        before = await self._sandbox.get(path)
        after, wrong = edited(before.decode(errors="replace") if before is not None else None, call)
        if after is None:
            return ToolOutcome(wrong, is_error=True)
        await self._sandbox.put(f"{JOURNAL}/{key}.new", after.encode())
        script = f'mkdir -p -- "$(dirname -- {shlex.quote(path)})" && cp -- {JOURNAL}/{key}.new {shlex.quote(path)}'
        done = await self.journaled(key, script)
        return done if done.is_error else ToolOutcome(f"{call.path} was edited.")

    async def _view(self, path: str, view_range: tuple[int, int] | None) -> ToolOutcome:
        content = await self._sandbox.get(path)
        if content is None:
            listing = await self._sandbox.run('ls -A -- "$1"', path)
            if listing.exit_code == 0:
                return ToolOutcome(listing.stdout)
            return ToolOutcome(f"{path} does not exist.", is_error=True)
        lines = content.decode(errors="replace").splitlines()
        first, last = view_range or (1, len(lines))
        last = len(lines) if last == -1 else last
        shown = "\n".join(f"{n}\t{line}" for n, line in enumerate(lines, 1) if first <= n <= last)
        return ToolOutcome(shown[:_VIEW_LIMIT])


def edited(before: str | None, call: EditInput) -> tuple[str | None, str]:
    """The text after an edit, or None and what is wrong with it."""
    if call.command == "create":
        return call.file_text or "", ""
    if before is None:
        return None, f"{call.path} does not exist."
    if call.command == "str_replace":
        count = before.count(call.old_str) if call.old_str else 0
        if count != 1:
            return None, f"old_str occurs {count} times in {call.path}; it must occur once."
        return before.replace(call.old_str or "", call.new_str), ""
    if call.command == "insert":
        lines = before.splitlines(keepends=True)
        at = call.insert_line or 0
        if not 0 <= at <= len(lines):
            return None, f"insert_line must lie between 0 and {len(lines)}."
        text = call.insert_text or call.new_str
        return "".join([*lines[:at], text if text.endswith("\n") else text + "\n", *lines[at:]]), ""
    return None, f"The editor has no command '{call.command}'."


def complaint(error: ValidationError) -> str:
    """What is wrong with a tool's input, as the model reads it."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
