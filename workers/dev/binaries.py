"""Finds or makes the Temporal CLI: ``TEMPORAL_CLI``, PATH, our cache, download, ``go install``."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from temporalio.testing import WorkflowEnvironment

_VERSION: Final = "v1.5.1"
_DOWNLOAD_HOST: Final = "temporal.download"
_REACH_SECONDS: Final = 3.0


class BinaryMissing(Exception):
    """No Temporal CLI could be had; the message says what was tried and what to do."""


def cache_folder() -> Path:
    """Where the binary is kept, outside the checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "specwright" / "bin"


def find_temporal(say: Callable[[str], None]) -> Path:
    """The Temporal CLI, made when there is none.

    Raises:
        BinaryMissing: every way failed.
    """
    named = os.environ.get("TEMPORAL_CLI")
    if named:
        path = Path(named)
        if path.is_file() and os.access(path, os.X_OK):
            return path
        msg = f"TEMPORAL_CLI names {named}, which is not an executable file: correct or unset it."
        raise BinaryMissing(msg)
    found = shutil.which("temporal")
    if found:
        return Path(found)
    cached = cache_folder() / "temporal"
    if cached.is_file():
        return cached
    cached.parent.mkdir(parents=True, exist_ok=True)
    tried = [why for way in (_download, _go_install) if (why := way(cached, say)) is not None]
    if cached.is_file():
        return cached
    msg = (
        "The Temporal CLI could not be installed: " + "; ".join(tried) + ". "
        "Install it (https://docs.temporal.io/cli) and set TEMPORAL_CLI to its path."
    )
    raise BinaryMissing(msg)


def _download(target: Path, say: Callable[[str], None]) -> str | None:
    """Let the SDK download it; None when that worked, else why not."""
    try:
        socket.create_connection((_DOWNLOAD_HOST, 443), timeout=_REACH_SECONDS).close()
    except OSError:
        return f"{_DOWNLOAD_HOST} cannot be reached"
    say("downloading the Temporal CLI (once)")
    try:
        asyncio.run(_start_once(target.parent))
    except RuntimeError as error:
        return f"the download failed ({str(error)[:200]})"
    made = sorted(target.parent.glob("temporal-*"))
    if not made:
        return "the download left no binary"
    made[-1].rename(target)
    return None


async def _start_once(folder: Path) -> None:
    # The SDK leaves a type of this signature open.
    environment = await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
        download_dest_dir=str(folder), dev_server_startup_timeout=timedelta(seconds=60)
    )
    await environment.shutdown()


def _go_install(target: Path, say: Callable[[str], None]) -> str | None:
    """Build it with Go; None when that worked, else why not."""
    go = shutil.which("go")
    if target.is_file():
        return None
    if go is None:
        return "Go is not installed"
    say(f"building the Temporal CLI {_VERSION} with Go (once, about 3 minutes)")
    done = subprocess.run(  # noqa: S603 - fixed arguments
        [go, "install", f"github.com/temporalio/cli/cmd/temporal@{_VERSION}"],
        env={**os.environ, "GOBIN": str(target.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        return f"go install failed ({done.stderr.strip().splitlines()[-1][:200]})"
    return None
