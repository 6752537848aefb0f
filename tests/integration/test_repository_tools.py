"""The planner's eyes: everything odd that a repository can hold, read from Git's objects."""

import subprocess
from pathlib import Path

import pytest

from activities.git import Git
from activities.repository_tools import RepositoryTools

MANY = 50_000


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@y", *arguments],
        cwd=folder,
        input=stdin,
        check=True,
        capture_output=True,
    )
    return done.stdout.decode().strip()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> tuple[Git, str]:
    folder = tmp_path_factory.mktemp("odd")
    git(folder, "init", "-q")
    (folder / "app").mkdir()
    (folder / "app" / "main.py").write_text("print('needle')\n" * 3)
    (folder / "app" / "new\nline.txt").write_text("odd name\n")
    (folder / "app" / "quo\"te 'ü'.txt").write_text("quotes\n")
    (folder / "app" / "link").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("..")
    (folder / "logo.png").write_bytes(b"\x89PNG\0\0")
    (folder / "huge.txt").write_text("x" * 3_000_000)
    (folder / "long.txt").write_text("".join(f"line {n}\n" for n in range(1, 20_001)))
    (folder / "model.bin").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    )
    (folder / "latin.txt").write_bytes(b"caf\xe9\n")
    git(folder, "add", "-A")
    entry = f"160000,{'1' * 40},vendor"
    git(folder, "update-index", "--add", "--cacheinfo", entry)
    git(folder, "commit", "-qm", "odd")
    return Git(folder), git(folder, "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("app/link", "symbolic link to '/etc/passwd'; links are not followed"),
        ("up/app/main.py", "There is no file"),
        ("vendor", "submodule at commit 111111111111"),
        ("vendor/x", "There is no file"),
        ("app", "is a folder"),
        ("logo.png", "is binary"),
        ("huge.txt", "3000000 bytes, too many to read"),
        ("model.bin", "Git LFS pointer"),
        ("../../etc/passwd", "not a path inside"),
        ("/etc/passwd", "There is no file"),
        (".git/config", "not a path inside"),
        ("", "not a path inside"),
    ],
)
async def test_what_cannot_be_read_is_told(odd: tuple[Git, str], path: str, told: str) -> None:
    reply = await RepositoryTools(*odd).call("read_file", {"path": path})
    assert reply.is_error
    assert told in reply.content


async def test_text_is_read_in_parts_with_a_marker(odd: tuple[Git, str]) -> None:
    tools = RepositoryTools(*odd)
    first = await tools.call("read_file", {"path": "long.txt"})
    assert first.content.startswith("line 1\n")
    assert "characters cut]" in first.content[-60:]
    later = await tools.call("read_file", {"path": "long.txt", "first_line": 19_999})
    assert later.content == "line 19999\nline 20000\n"
    assert (await tools.call("read_file", {"path": "latin.txt"})).content == "caf\ufffd\n"
    odd_name = await tools.call("read_file", {"path": "app/quo\"te 'ü'.txt"})
    assert odd_name.content == "quotes\n"


async def test_listing_says_what_things_are(odd: tuple[Git, str]) -> None:
    listed = (await RepositoryTools(*odd).call("list_files", {})).content.splitlines()
    assert "app/link (symbolic link)" in listed
    assert "vendor (submodule)" in listed
    assert "app/new\\nline.txt" in listed, "one line for each file"
    assert "app/quo\"te 'ü'.txt" in listed


async def test_search_is_for_words_not_options(odd: tuple[Git, str]) -> None:
    tools = RepositoryTools(*odd)
    assert (
        "app/main.py:1:print('needle')" in (await tools.call("search", {"text": "needle"})).content
    )
    assert (await tools.call("search", {"text": "-O/bin/sh"})).content == "Nothing was found."
    assert (await tools.call("search", {"text": "needle", "folder": ".."})).is_error


async def test_a_working_directory_is_all_there_is(odd: tuple[Git, str]) -> None:
    tools = RepositoryTools(*odd, working_directory="app")
    assert "main.py" in (await tools.call("list_files", {})).content
    assert "huge.txt" not in (await tools.call("list_files", {})).content
    assert (await tools.call("read_file", {"path": "main.py"})).content.startswith("print")
    assert (await tools.call("read_file", {"path": "../huge.txt"})).is_error
    assert await tools.paths() == {"main.py", "link", "new\nline.txt", "quo\"te 'ü'.txt"}


async def test_an_empty_repository_says_so(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    tree = git(tmp_path, "hash-object", "-t", "tree", "-w", "--stdin")
    commit = git(tmp_path, "commit-tree", "-m", "empty", tree)
    tools = RepositoryTools(Git(tmp_path), commit)
    assert (await tools.call("list_files", {})).content == "The repository has no files yet."
    assert (await tools.call("search", {"text": "x"})).content == "Nothing was found."
    assert await tools.paths() == set()


async def test_fifty_thousand_files_are_told_by_folder(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare")
    blob = git(tmp_path, "hash-object", "-w", "--stdin", stdin=b"x")
    files = "".join(f"100644 {blob}\tsrc/d{n % 50:02d}/f{n}.txt\n" for n in range(MANY))
    git(tmp_path, "update-index", "--index-info", stdin=files.encode())
    tree = git(tmp_path, "write-tree")
    commit = git(tmp_path, "commit-tree", "-m", "many", tree)
    tools = RepositoryTools(Git(tmp_path), commit)
    root = (await tools.call("list_files", {})).content
    assert root.splitlines() == ["50000 files; list a folder to see what is in it.",
                                 "src/ (50000 files)"]  # fmt: skip
    inside = (await tools.call("list_files", {"folder": "src"})).content
    assert "src/d07/ (1000 files)" in inside
    assert len(inside) < 30_100
