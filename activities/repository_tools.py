"""Read-only repository tools for the planner: the mirror at the base commit, nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, Field, JsonValue, ValidationError

from activities.git import Git
from activities.language.loop import Reply
from models.rules.paths import is_inside

_RESULT_LIMIT: Final = 30_000
_FILE_LIMIT: Final = 500


class ListFiles(BaseModel):
    """Lists files under a folder of the repository."""

    folder: str = Field(default="", description="relative folder; empty for the root")


class ReadFile(BaseModel):
    """Reads a text file of the repository."""

    path: str = Field(description="relative path")


class Search(BaseModel):
    """Searches file contents for a fixed string."""

    text: str = Field(min_length=1, description="what to look for")
    folder: str = Field(default="", description="relative folder; empty for all")


_TOOLS: Final[dict[str, type[BaseModel]]] = {
    "list_files": ListFiles,
    "read_file": ReadFile,
    "search": Search,
}


def tool_definition(name: str, schema: type[BaseModel]) -> dict[str, JsonValue]:
    """A tool as the Messages API takes it, from its pydantic model."""
    described: dict[str, Any] = schema.model_json_schema()
    return {"name": name, "description": schema.__doc__ or name, "input_schema": described}


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
        match request:
            case ListFiles():
                return await self._list(request.folder)
            case ReadFile():
                return await self._read(request.path)
            case Search():
                return await self._search(request.text, request.folder)
            case _:
                return Reply(f"There is no tool {name}.", is_error=True)

    async def paths(self) -> set[str]:
        """Every file and folder at the commit, relative to the working directory."""
        return files_and_folders(await self._tree(""))

    def _inside(self, path: str) -> str | None:
        joined = f"{self._scope}/{path}".strip("/") if self._scope else path.strip("/")
        return joined if not joined or is_inside(joined) else None

    async def _tree(self, folder: str) -> list[str]:
        where = self._inside(folder)
        if where is None:
            return []
        listed = await self._git.attempt(
            "ls-tree",
            "-r",
            "-z",
            "--name-only",
            "--full-tree",
            self._commit,
            *([where] if where else []),
        )
        names = [n for n in listed.output.decode(errors="replace").split("\0") if n]
        prefix = f"{self._scope}/" if self._scope else ""
        return [name.removeprefix(prefix) for name in names]

    async def _list(self, folder: str) -> Reply:
        names = await self._tree(folder)
        if not names:
            return Reply(f"There are no files under '{folder}'.", is_error=True)
        more = f"\n[... {len(names) - _FILE_LIMIT} more]" if len(names) > _FILE_LIMIT else ""
        return Reply(_capped("\n".join(names[:_FILE_LIMIT]) + more))

    async def _read(self, path: str) -> Reply:
        where = self._inside(path)
        if not where:
            return Reply(f"'{path}' is not a path inside the repository.", is_error=True)
        found = await self._git.attempt("cat-file", "blob", f"{self._commit}:{where}")
        if found.exit_code != 0:
            return Reply(f"There is no file '{path}'.", is_error=True)
        if b"\0" in found.output[:8_000]:
            return Reply(f"'{path}' is binary, {len(found.output)} bytes.", is_error=True)
        return Reply(_capped(found.output.decode(errors="replace")))

    async def _search(self, text: str, folder: str) -> Reply:
        where = self._inside(folder)
        if where is None:
            return Reply(f"'{folder}' is not inside the repository.", is_error=True)
        scope = ["--", f":(literal){where}"] if where else []
        found = await self._git.attempt(
            "grep", "-n", "-I", "--fixed-strings", "-e", text, self._commit, *scope
        )
        prefix = f"{self._commit}:" + (f"{self._scope}/" if self._scope else "")
        lines = [line.removeprefix(prefix) for line in found.text.splitlines()]
        return Reply(_capped("\n".join(lines[:_FILE_LIMIT])) or "Nothing was found.")


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
