"""Read-only repository tools for the planner: the mirror at the base commit, nothing else."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field, JsonValue, ValidationError

from activities.git import Git
from activities.language.schemas import tool_definition
from activities.language.talks import Reply
from models.rules.paths import is_inside

_RESULT_LIMIT: Final = 30_000
_LINE_LIMIT: Final = 400
_FILE_LIMIT: Final = 500
_READ_LIMIT_BYTES: Final = 2 * 1024 * 1024
_MATCHES_PER_FILE: Final = "50"
_LFS: Final = b"version https://git-lfs.github.com/spec/"
_LINK, _SUBMODULE = "120000", "160000"


class ListFiles(BaseModel):
    """Lists files under a folder of the repository; of many, the folders with their counts."""

    folder: str = Field(default="", description="relative folder; empty for the root")


class ReadFile(BaseModel):
    """Reads a text file of the repository, or some lines of it."""

    path: str = Field(description="relative path")
    first_line: int = Field(default=1, ge=1, description="the first line to read")


class Search(BaseModel):
    """Searches file contents for a fixed string."""

    text: str = Field(min_length=1, description="what to look for")
    folder: str = Field(default="", description="relative folder; empty for all")


_TOOLS: Final[dict[str, type[BaseModel]]] = {
    "list_files": ListFiles,
    "read_file": ReadFile,
    "search": Search,
}


@dataclass(frozen=True)
class _Entry:
    """A path in the commit's tree; ``path`` is relative to the working directory."""

    mode: str
    object_id: str
    path: str


class RepositoryTools:
    """Answers from Git's objects; links are text, and nothing outside the commit is reachable."""

    def __init__(self, git: Git, commit: str, working_directory: str = "") -> None:
        self._git = git
        self._commit = commit
        self._scope = working_directory.strip("/")

    @property
    def definitions(self) -> Sequence[Mapping[str, JsonValue]]:
        """The three tools."""
        return [tool_definition(name, schema) for name, schema in _TOOLS.items()]

    def knows(self, name: str) -> bool:
        """True for a tool of ours."""
        return name in _TOOLS

    async def call(self, name: str, raw: Mapping[str, JsonValue]) -> Reply:
        """Run one tool; a bad input comes back as an error."""
        try:
            request = _TOOLS[name].model_validate(raw)
        except ValidationError as error:
            return Reply(str(error), is_error=True)
        if any("\0" in str(value) for value in raw.values()):
            return Reply("The input holds a NUL character.", is_error=True)
        match request:
            case ListFiles():
                return await self._list(request.folder)
            case ReadFile():
                return await self._read(request.path, request.first_line)
            case Search():
                return await self._search(request.text, request.folder)
            case _:
                return Reply(f"There is no tool {name}.", is_error=True)

    async def paths(self) -> set[str]:
        """Every file and folder at the commit, relative to the working directory."""
        return files_and_folders([entry.path for entry in await self._tree("")])

    async def text(self, path: str, limit: int) -> str | None:
        """A file of the whole repository as text, cut at ``limit``; None when there is none."""
        found = await self._git.attempt("cat-file", "blob", f"{self._commit}:{path}")
        return found.output.decode(errors="replace")[:limit] if found.exit_code == 0 else None

    def _inside(self, path: str) -> str | None:
        joined = f"{self._scope}/{path}".strip("/") if self._scope else path.strip("/")
        return joined if not joined or is_inside(joined) else None

    async def _tree(self, folder: str, *, recursive: bool = True) -> list[_Entry]:
        """Entries below a folder, or the one entry of a path when not recursive."""
        where = self._inside(folder)
        if where is None:
            return []
        scope = ["--", f":(literal){where}"] if where else []
        flags = ["-r"] if recursive else []
        listed = await self._git.attempt(
            "ls-tree", *flags, "-z", "--full-tree", self._commit, *scope
        )
        if listed.exit_code != 0 and where:
            plain = ["--", where]
            listed = await self._git.attempt(
                "ls-tree", *flags, "-z", "--full-tree", self._commit, *plain
            )
        prefix = f"{self._scope}/" if self._scope else ""
        entries: list[_Entry] = []
        for line in listed.output.decode(errors="backslashreplace").split("\0"):
            about, tab, name = line.partition("\t")
            if tab:
                mode, _, object_id = about.split(" ")
                entries.append(_Entry(mode, object_id, name.removeprefix(prefix)))
        return entries

    async def _list(self, folder: str) -> Reply:
        entries = await self._tree(folder)
        if not entries and not folder.strip("/"):
            return Reply("The repository has no files yet.")
        if not entries:
            return Reply(f"There are no files under '{folder}'.", is_error=True)
        if len(entries) <= _FILE_LIMIT:
            return Reply(_capped("\n".join(_shown(entry) for entry in entries)))
        return Reply(_capped(_summary(entries, folder.strip("/"))))

    async def _read(self, path: str, first_line: int) -> Reply:
        where = self._inside(path)
        if not where:
            return Reply(f"'{path}' is not a path inside the repository.", is_error=True)
        kind = await self._git.attempt("cat-file", "-t", f"{self._commit}:{where}")
        if kind.text == "tree":
            return Reply(f"'{path}' is a folder; use list_files.", is_error=True)
        odd = await self._odd(path)
        if odd is not None:
            return Reply(odd, is_error=True)
        size = await self._git.attempt("cat-file", "-s", f"{self._commit}:{where}")
        if size.exit_code != 0:
            return Reply(f"There is no file '{path}'.", is_error=True)
        if int(size.text) > _READ_LIMIT_BYTES:
            told = f"'{path}' has {size.text} bytes, too many to read; use search."
            return Reply(told, is_error=True)
        found = await self._git.attempt("cat-file", "blob", f"{self._commit}:{where}")
        if found.output.startswith(_LFS):
            return Reply(f"'{path}' is a Git LFS pointer; its content is not here.", is_error=True)
        if b"\0" in found.output[:8_000]:
            return Reply(f"'{path}' is binary, {len(found.output)} bytes.", is_error=True)
        lines = found.output.decode(errors="replace").splitlines(keepends=True)
        return Reply(_capped("".join(lines[first_line - 1 :])) or "(no lines)")

    async def _odd(self, path: str) -> str | None:
        """What a path is that has no text of its own; None for a file, or for nothing at all."""
        entries = await self._tree(path, recursive=False)
        entry = next((e for e in entries if e.path == path.strip("/")), None)
        if entry is not None and entry.mode == _SUBMODULE:
            commit = entry.object_id[:12]
            return f"'{path}' is a submodule at commit {commit}; its files are not here."
        if entry is not None and entry.mode == _LINK:
            target = await self._git.attempt("cat-file", "blob", entry.object_id)
            return f"'{path}' is a symbolic link to {target.text[:300]!r}; links are not followed."
        return None

    async def _search(self, text: str, folder: str) -> Reply:
        where = self._inside(folder)
        if where is None:
            return Reply(f"'{folder}' is not inside the repository.", is_error=True)
        scope = ["--", f":(literal){where}"] if where else []
        found = await self._git.attempt(
            "grep", "-n", "-I", "-m", _MATCHES_PER_FILE, "--fixed-strings", "-e", text,
            self._commit, *scope,
        )  # fmt: skip
        prefix = f"{self._commit}:" + (f"{self._scope}/" if self._scope else "")
        lines = [line.removeprefix(prefix)[:_LINE_LIMIT] for line in found.text.splitlines()]
        more = f"\n[... {len(lines) - _FILE_LIMIT} more]" if len(lines) > _FILE_LIMIT else ""
        return Reply(_capped("\n".join(lines[:_FILE_LIMIT]) + more) or "Nothing was found.")


def _shown(entry: _Entry) -> str:
    """A path on one line, whatever characters it holds, with what it is when not a file."""
    name = re.sub(r"[\x00-\x1f\x7f]", lambda found: repr(found.group())[1:-1], entry.path)
    kinds = {_LINK: " (symbolic link)", _SUBMODULE: " (submodule)"}
    return name + kinds.get(entry.mode, "")


def _summary(entries: Sequence[_Entry], folder: str) -> str:
    """What is directly in a folder: files, and folders with how many files they hold."""
    depth = len(folder.split("/")) if folder else 0
    files: list[str] = []
    folders: Counter[str] = Counter()
    for entry in entries:
        parts = entry.path.split("/")
        if len(parts) > depth + 1:
            folders["/".join(parts[: depth + 1])] += 1
        else:
            files.append(_shown(entry))
    lines = [f"{len(entries)} files; list a folder to see what is in it."]
    lines += [f"{name}/ ({count} files)" for name, count in sorted(folders.items())]
    more = f"[... {len(files) - _FILE_LIMIT} more files]" if len(files) > _FILE_LIMIT else ""
    return "\n".join([*lines[: _FILE_LIMIT + 1], *files[:_FILE_LIMIT], more]).rstrip()


def _capped(text: str) -> str:
    if len(text) <= _RESULT_LIMIT:
        return text
    return f"{text[:_RESULT_LIMIT]}\n[... {len(text) - _RESULT_LIMIT} characters cut]"


def files_and_folders(files: Sequence[str]) -> set[str]:
    """The files and every folder that holds one."""
    found = set(files)
    for name in files:
        parts = name.split("/")
        found.update("/".join(parts[:n]) for n in range(1, len(parts)))
    return found
