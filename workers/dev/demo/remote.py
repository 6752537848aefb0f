"""The demo's repository: the sample, pushed once to a bare remote on disk."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

_SAMPLE: Final = Path(__file__).with_name("sample")
_DATE: Final = "2026-01-02T03:04:05+00:00"
_ENVIRONMENT: Final = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ledger",
    "GIT_AUTHOR_EMAIL": "ledger@specwright.invalid",
    "GIT_COMMITTER_NAME": "Ledger",
    "GIT_COMMITTER_EMAIL": "ledger@specwright.invalid",
    "GIT_AUTHOR_DATE": _DATE,
    "GIT_COMMITTER_DATE": _DATE,
}


def git(folder: Path, *arguments: str) -> str:
    """Run Git in a folder; its output without the last newline.

    Raises:
        subprocess.CalledProcessError: Git failed.
    """
    done = subprocess.run(  # noqa: S603 - fixed arguments
        ["git", "-c", "safe.directory=*", *arguments],  # noqa: S607 - Git is found in PATH
        cwd=folder,
        env=_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.rstrip("\n")


def ensure_remote(remote: Path) -> Path:
    """Make the bare remote with the sample on ``main``, unless it is there."""
    if (remote / "HEAD").is_file():
        return remote
    remote.mkdir(parents=True, exist_ok=True)
    git(remote, "init", "--quiet", "--bare", "--initial-branch=main", ".")
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "sample"
        shutil.copytree(_SAMPLE, work, ignore=shutil.ignore_patterns("__pycache__"))
        git(work, "init", "--quiet", "--initial-branch=main")
        git(work, "add", "-A")
        git(work, "commit", "--quiet", "-m", "A small expense ledger")
        git(work, "push", "--quiet", str(remote), "main")
    return remote
