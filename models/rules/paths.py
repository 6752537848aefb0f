"""Which strings are paths inside a repository; text from models is never trusted to be one."""

from pathlib import PurePosixPath
from typing import Final

_LIMIT: Final = 1_000


def is_inside(path: str) -> bool:
    """True for a relative path with forward slashes that stays inside the repository.

    Refuses absolute paths, ``..``, backslashes, NUL and control characters, and anything under
    ``.git``.
    """
    if not path or len(path) > _LIMIT or "\\" in path or not path.isprintable():
        return False
    parts = PurePosixPath(path).parts
    return not path.startswith("/") and ".." not in parts and ".git" not in parts
