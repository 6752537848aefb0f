"""Which Git addresses we take: https, ssh, or an absolute path; never an option or a helper."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from models.contracts.projects import GitRepository
from models.errors import InvalidInput

_SCP: Final = re.compile(r"(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?P<path>[\w./~-][\w./~ -]*)")
_SCHEMES: Final = frozenset({"https", "ssh"})
CODE: Final = "invalid-repository-address"


@dataclass(frozen=True)
class Address:
    """A checked address: a URL with its host, or a path."""

    url: str
    host: str
    path: str | None = None


def read_address(repository: GitRepository) -> Address:
    """Check the address of a Git repository.

    Raises:
        InvalidInput: with code ``invalid-repository-address``.
    """
    if (repository.url is None) == (repository.path is None):
        msg = "Give either a url or a path."
        raise InvalidInput(msg, code=CODE)
    text = repository.url if repository.url is not None else repository.path or ""
    if not text or text.startswith("-") or not text.isprintable():
        msg = "The address must not be empty, look like an option or hold control characters."
        raise InvalidInput(msg, code=CODE)
    if repository.path is not None:
        if not PurePosixPath(text).is_absolute() or ".." in PurePosixPath(text).parts:
            msg = "The path must be absolute and without '..'."
            raise InvalidInput(msg, code=CODE)
        return Address(url="", host="", path=text)
    return _read_url(text)


def _read_url(text: str) -> Address:
    scp = _SCP.fullmatch(text)
    if scp is not None:
        return Address(url=text, host=scp["host"])
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError as error:
        msg = "This is not a URL."
        raise InvalidInput(msg, code=CODE) from error
    if (
        parts.scheme not in _SCHEMES
        or not host
        or host.startswith("-")
        or not parts.path.strip("/")
    ):
        msg = "The address must be an https or ssh URL of a repository."
        raise InvalidInput(msg, code=CODE)
    if parts.password is not None or (parts.scheme == "https" and parts.username is not None):
        msg = "Leave credentials out of the address; they are given separately."
        raise InvalidInput(msg, code=CODE)
    return Address(url=text, host=host)


def check_branch(name: str) -> str:
    """A branch name that Git takes and that is no option.

    Raises:
        InvalidInput: with code ``invalid-branch``. Source: git-check-ref-format(1).
    """
    bad = re.search(r"[\s~^:?*\[\\\x00-\x1f\x7f]|\.\.|@\{|//|/\.|\.lock(/|$)", name)
    if bad or not name or name.startswith(("-", "/", ".")) or name.endswith(("/", ".")):
        msg = "This is not a branch name."
        raise InvalidInput(msg, code="invalid-branch")
    return name
