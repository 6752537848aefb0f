"""The sandbox port: what every provider offers, and nothing more."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

WORKSPACE = "/workspace"
JOURNAL = "/journal"
WORKSPACE_MARKER = f"{JOURNAL}/workspace"
GIT_IDENTITY: Mapping[str, str] = {
    "GIT_AUTHOR_NAME": "Specwright Agent",
    "GIT_AUTHOR_EMAIL": "agent@specwright.invalid",
    "GIT_COMMITTER_NAME": "Specwright Agent",
    "GIT_COMMITTER_EMAIL": "agent@specwright.invalid",
}


@dataclass(frozen=True)
class SandboxSpec:
    """What a sandbox is for; the name is deterministic, so it is found before it is made."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class CommandResult:
    """How a command ended; ``killed_by`` names the limit that ended it, else None."""

    exit_code: int
    stdout: str
    stderr: str
    truncated: bool = False
    timed_out: bool = False
    killed_by: str | None = None


class Sandbox(Protocol):
    """A running sandbox; paths are those inside it."""

    name: str

    async def run(
        self,
        command: str,
        *arguments: str,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        within: timedelta = timedelta(minutes=2),
        stdin: bytes = b"",
        on_output: Callable[[], None] | None = None,
        outlives_worker: bool = False,
        network: Sequence[str] = (),
    ) -> CommandResult:
        """Run a POSIX shell line with positional ``arguments``; after ``within`` its group is killed.

        ``outlives_worker`` lets it go on when this process dies, for the tool runner's journal.
        ``network`` names the hosts that it may reach, by HTTP and HTTPS; none by default.
        """
        ...

    async def put(self, path: str, content: bytes) -> None:
        """Write a file, making its folders."""
        ...

    async def get(self, path: str) -> bytes | None:
        """Read a file, at most 64 MB; None when there is none."""
        ...

    async def keep_layer(self, key: str) -> None:
        """Keep what set-up added, the home and files that Git does not track, under a key."""
        ...

    async def use_layer(self, key: str) -> bool:
        """Put a kept layer into home and workspace; False when there is none."""
        ...


class SandboxProvider(Protocol):
    """Makes, finds and destroys sandboxes."""

    name: str

    async def ensure(self, spec: SandboxSpec) -> tuple[Sandbox, bool]:
        """Find the sandbox by its name or make it; True when it was made now."""
        ...

    async def find(self, name: str) -> Sandbox | None:
        """The sandbox with this name, None when there is none."""
        ...

    async def destroy(self, name: str) -> None:
        """Destroy it and everything that runs in it; one that is gone is fine."""
        ...

    async def list_names(self) -> list[str]:
        """Names of all sandboxes of this installation."""
        ...

    async def owners(self) -> dict[str, str]:
        """The workflow id that owns each sandbox, by the sandbox's name, from its labels."""
        ...
