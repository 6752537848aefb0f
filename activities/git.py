"""Runs Git on the worker: no hooks, no prompts, checked objects, and addresses that are checked."""

import asyncio
import ipaddress
import os
import re
import socket
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from activities.processes import run_process
from models.contracts.projects import GitHubRepository, GitRepository
from models.errors import InvalidInput, NotAllowed, NotFound, Unavailable
from models.rules.addresses import read_address

_SAFE: Final = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "protocol.allow=never",
    "-c", "protocol.https.allow=always",
    "-c", "protocol.ssh.allow=always",
    "-c", "fetch.fsckObjects=true",
    "-c", "receive.fsckObjects=true",
    "-c", "gc.auto=0",
    "-c", "safe.directory=*",
)  # fmt: skip
_SECONDS: Final = 280.0


@dataclass(frozen=True)
class GitResult:
    """How a Git command ended."""

    exit_code: int
    output: bytes
    errors: str

    @property
    def text(self) -> str:
        """The output as text without its last newline."""
        return self.output.decode(errors="replace").rstrip("\n")


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {key: os.environ[key] for key in ("HOME", "SSH_AUTH_SOCK") if key in os.environ}
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
        **kept,
        **extra,
    }


class Git:
    """Git in one directory; ``local`` also admits remotes that are folders on this host."""

    def __init__(self, directory: Path, *, local: bool = False) -> None:
        self.directory = directory
        self._safe = (*_SAFE, "-c", "protocol.file.allow=always") if local else _SAFE

    async def attempt(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> GitResult:
        """Run a command whatever it answers."""
        done = await run_process(
            ["git", *self._safe, *arguments],
            cwd=self.directory,
            env=_environment(env or {}),
            stdin=stdin,
            timeout_seconds=_SECONDS,
            limit_bytes=128 * 1024 * 1024,
        )
        return GitResult(done.exit_code, done.output, done.errors.decode(errors="replace").strip())

    async def run(
        self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
    ) -> GitResult:
        """Run a command that must succeed.

        Raises:
            NotFound, NotAllowed, Unavailable: as Git's words say; see ``explain``.
        """
        done = await self.attempt(*arguments, stdin=stdin, env=env)
        if done.exit_code != 0:
            raise explain(arguments, done)
        return done


_SIGNS: Final[Sequence[tuple[str, type[NotFound | NotAllowed], str]]] = (
    (r"Authentication failed|Permission denied|could not read Username", NotAllowed, "repository-not-allowed"),
    (r"unable to create|insufficient permission|denied|hook declined|read-only", NotAllowed, "repository-not-writable"),
    (r"not found|does not exist|does not appear to be a git repository|No such file|cannot change to", NotFound, "repository-not-found"),
)  # fmt: skip


def explain(arguments: Sequence[str], done: GitResult) -> NotFound | NotAllowed | Unavailable:
    """Git's failure as one of our errors; nothing of the command line but its verb is told."""
    last = done.errors.splitlines()[-1] if done.errors else f"exit code {done.exit_code}"
    told = f"git {arguments[0]}: {last[:300]}"
    for sign, kind, code in _SIGNS:
        if re.search(sign, done.errors, re.IGNORECASE):
            return kind(told, code=code)
    return Unavailable(told, code="repository-unavailable")


async def checked_remote(
    repository: GitHubRepository | GitRepository,
    roots: Collection[Path],
    private_hosts: Collection[str],
) -> tuple[str, bool]:
    """The address to hand to Git after ``--``, and whether it is a folder on this host.

    Raises:
        InvalidInput: not an address we take.
        NotAllowed: a path outside the configured roots, or a host inside a private network.
        NotFound: the path does not exist.
    """
    if isinstance(repository, GitHubRepository):
        return f"https://github.com/{repository.owner}/{repository.name}.git", False
    address = read_address(repository)
    if address.path is not None:
        return str(_checked_path(Path(address.path), roots)), True
    if address.host not in private_hosts:
        await _refuse_private(address.host)
    return address.url, False


def _checked_path(path: Path, roots: Collection[Path]) -> Path:
    resolved = path.resolve()
    if not any(resolved.is_relative_to(root.resolve()) for root in roots):
        msg = f"{path} is not under a folder named in LOCAL_REPOSITORY_ROOTS."
        raise NotAllowed(msg, code="repository-path-not-allowed")
    if not resolved.is_dir():
        msg = f"{path} does not exist on the worker's host."
        raise NotFound(msg, code="repository-not-found")
    return resolved


async def _refuse_private(host: str) -> None:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        msg = f"The host {host} cannot be resolved."
        raise NotFound(msg, code="repository-host-not-found") from error
    for entry in found:
        address = ipaddress.ip_address(entry[4][0])
        if not address.is_global:
            msg = f"{host} is inside a private network; an admin can list it in GIT_PRIVATE_HOSTS."
            raise NotAllowed(msg, code="repository-host-private")


def no_such_branch(branch: str) -> InvalidInput:
    """The error of a base branch that the repository does not have."""
    return InvalidInput(f"The repository has no branch '{branch}'.", code="branch-not-found")
