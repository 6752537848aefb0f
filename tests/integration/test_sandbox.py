"""The local sandbox keeps what runs in it inside, and its journal runs a tool call once."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path

import pytest

from activities.sandboxes.local import LocalProvider, LocalSandbox
from activities.sandboxes.port import WORKSPACE_MARKER, SandboxSpec
from activities.sandboxes.tools import ToolRunner
from activities.sandboxes.watchdog import Limits
from models.errors import Conflict, Unavailable

MB = 1024 * 1024


@pytest.fixture
def provider(tmp_path: Path) -> LocalProvider:
    return LocalProvider(tmp_path / "sandboxes", Limits(256 * MB, 40, 64 * MB))


@pytest.fixture
async def sandbox(provider: LocalProvider) -> AsyncGenerator[LocalSandbox]:
    made, is_new = await provider.ensure(SandboxSpec("task-x-g1"))
    assert is_new
    assert isinstance(made, LocalSandbox)
    await made.put(WORKSPACE_MARKER, b"loaded")
    yield made
    await provider.destroy("task-x-g1")


@pytest.mark.parametrize(
    "attempt",
    [
        "cat /root/.bashrc",
        "ls /work /tmp/pytest-of-root",
        "cat /proc/1/environ | tr '\\0' '\\n' | grep SECRET_OF_THE_WORKER",
        "python3 -c \"import socket; socket.create_connection(('127.0.0.1', 22), 1)\"",
        "python3 -c \"import socket; socket.create_connection(('169.254.169.254', 80), 1)\"",
        "python3 -c \"import socket; socket.create_connection(('::1', 80), 1)\"",
        "python3 -c \"import socket; socket.getaddrinfo('localhost.example', 80)\"",
        "touch /usr/bin/planted",
        "echo planted >> /etc/passwd",
        "echo x > /opt/specwright/runner.sh",
        "kill -9 1 && sleep 1 && cat /etc/shadow",
    ],
)
async def test_an_escape_fails(
    sandbox: LocalSandbox, attempt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_WORKER", "planted")
    done = await sandbox.run(attempt, within=timedelta(seconds=10))
    assert done.exit_code != 0
    assert "planted" not in done.stdout


async def test_nothing_of_the_workers_environment_is_inside(
    sandbox: LocalSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "planted")
    done = await sandbox.run("env; cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n'")
    assert "planted" not in done.stdout
    assert "ANTHROPIC" not in done.stdout


@pytest.mark.parametrize(
    ("command", "limit"),
    [
        ("python3 -c 'x = bytearray(400 * 1024 * 1024); import time; time.sleep(20)'", "memory"),
        ("for i in $(seq 80); do sleep 20 & done; wait", "processes"),
        ("head -c 120000000 /dev/zero > big; sleep 20", "disk"),
    ],
)
async def test_a_hog_is_killed_and_told(sandbox: LocalSandbox, command: str, limit: str) -> None:
    done = await sandbox.run(command, within=timedelta(seconds=15))
    assert done.killed_by == limit


async def test_what_a_command_leaves_behind_is_killed_with_it(sandbox: LocalSandbox) -> None:
    await sandbox.run("(sleep 1; echo alive > late) & echo started")
    await sandbox.run("sleep 1.5")
    assert await sandbox.get("/workspace/late") is None


async def test_a_timeout_ends_the_command(sandbox: LocalSandbox) -> None:
    done = await sandbox.run("sleep 30", within=timedelta(seconds=0.5))
    assert done.timed_out


async def test_links_lead_nowhere_outside(sandbox: LocalSandbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("host only")
    await sandbox.run(f"ln -s {secret} link; ln -s {tmp_path} folder")
    assert await sandbox.get("/workspace/link") is None
    assert await sandbox.get("/workspace/folder/secret") is None
    await sandbox.put("/workspace/written", b"x")
    with pytest.raises(Exception, match="could not be written"):
        await sandbox.put("/workspace/folder/planted", b"x")
    assert not (tmp_path / "planted").exists()


async def test_files_go_in_and_come_out_whole(sandbox: LocalSandbox) -> None:
    content = bytes(range(256)) * 5_000
    await sandbox.put("/workspace/a b/ü.bin", content)
    assert await sandbox.get("/workspace/a b/ü.bin") == content
    assert await sandbox.get("/workspace/none") is None


async def test_a_tool_call_runs_once_for_its_id(sandbox: LocalSandbox) -> None:
    tools = ToolRunner(sandbox, lambda: None)
    first = await tools.bash("toolu_1", {"command": "echo x >> count; cat count; exit 3"})
    again = await tools.bash("toolu_1", {"command": "echo x >> count; cat count; exit 3"})
    assert first == again
    assert "exit code 3" in first.content
    assert await sandbox.get("/workspace/count") == b"x\n"


async def test_a_call_goes_on_when_its_worker_is_gone_and_is_attached_to(
    provider: LocalProvider, sandbox: LocalSandbox
) -> None:
    script = "echo x >> count; sleep 1; cat count"
    older = asyncio.create_task(ToolRunner(sandbox, lambda: None).bash("k", {"command": script}))
    while await sandbox.get("/journal/k/output") is None:
        assert not older.done()
    found = await provider.find("task-x-g1")
    assert found is not None
    newer = await ToolRunner(found, lambda: None).bash("k", {"command": script})
    assert newer.content == "x\n"
    assert (await older).content == "x\n"
    assert await sandbox.get("/workspace/count") == b"x\n"


async def test_a_call_lost_with_its_sandbox_comes_back_as_unknown(sandbox: LocalSandbox) -> None:
    await sandbox.run("mkdir /journal/k")
    outcome = await ToolRunner(sandbox, lambda: None).bash("k", {"command": "echo again"})
    assert outcome.is_error
    assert "State unknown" in outcome.content


async def test_edits_are_made_once_and_faults_are_told(sandbox: LocalSandbox) -> None:
    tools = ToolRunner(sandbox, lambda: None)
    create = {"command": "create", "path": "a.py", "file_text": "one\ntwo\n"}
    insert = {"command": "insert", "path": "a.py", "insert_line": 1, "insert_text": "half"}
    missing = {"command": "str_replace", "path": "a.py", "old_str": "zzz", "new_str": ""}
    assert not (await tools.edit("k1", create)).is_error
    for _ in range(2):
        assert not (await tools.edit("k2", insert)).is_error
    assert await sandbox.get("/workspace/a.py") == b"one\nhalf\ntwo\n"
    assert "occurs 0 times" in (await tools.edit("k3", missing)).content
    assert (await tools.edit("../evil", create)).is_error
    assert (await tools.edit("k4", {"command": "view", "path": "none"})).is_error
    assert "half" in (await tools.edit("k5", {"command": "view", "path": "a.py"})).content


async def test_destroying_kills_what_runs_inside(provider: LocalProvider) -> None:
    made, _ = await provider.ensure(SandboxSpec("task-y-g1"))
    tools = ToolRunner(made, lambda: None)
    running = asyncio.create_task(tools.bash("k", {"command": "sleep 60"}))
    while await made.get("/journal/k/output") is None:
        assert not running.done()
    await provider.destroy("task-y-g1")
    with pytest.raises(Unavailable, match="gone"):
        await running
    assert await provider.list_names() == []


async def test_a_command_dies_with_its_worker_unless_it_may_outlive_it(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from activities.sandboxes.local import LocalProvider\n"
        "from activities.sandboxes.port import SandboxSpec\n"
        "from activities.sandboxes.watchdog import Limits\n"
        "async def main():\n"
        "    provider = LocalProvider(Path(sys.argv[1]), Limits(1 << 30, 99, 1 << 30))\n"
        "    made, _ = await provider.ensure(SandboxSpec('task-z-g1'))\n"
        "    await made.run('touch started; sleep 1; touch ended', outlives_worker=sys.argv[2] == '1')\n"
        "asyncio.run(main())\n"
    )
    for outlives in ("0", "1"):
        root = tmp_path / outlives
        workspace = root / "task-z-g1" / "workspace"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(root), outlives, cwd=Path(__file__).parents[2]
        )
        while not (workspace / "started").exists():  # noqa: ASYNC110 - another process has no event
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await asyncio.sleep(1.5)  # the command needs one second to end; there is no event for "not"
        assert (workspace / "ended").exists() == (outlives == "1")


FETCH = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read())"


@pytest.fixture
async def served() -> AsyncGenerator[int]:
    """A server on the host's loopback, as Postgres, Temporal and the API are."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nreached")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "localhost", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


def fetching(url: str) -> str:
    return f'python3 -c "{FETCH}" {url}'


async def test_with_a_network_only_listed_hosts_are_reached(
    sandbox: LocalSandbox, served: int, tmp_path: Path
) -> None:
    allowed = (f"localhost:{served}", "*.example.org", "127.0.0.1", f"127.0.0.1:{served}", "[::1]")
    for url in (
        f"http://127.0.0.1:{served}/",
        f"http://localhost:{served}/",
        f"http://[::1]:{served}/",
        "http://169.254.169.254/latest/meta-data/",
        f"http://localhost.example.com:{served}/",
        "http://metadata.google.internal/",
        "https://pypi.org/simple/",
        f"http://0.0.0.0:{served}/",
        f"http://2130706433:{served}/",
    ):
        done = await sandbox.run(fetching(url), within=timedelta(seconds=20), network=allowed)
        assert done.exit_code != 0, url
        assert "reached" not in done.stdout, url
    told = await sandbox.run(fetching(f"http://localhost:{served}/ 2>&1"), network=allowed)
    assert "403" in told.stdout
    provider = LocalProvider(tmp_path / "others", Limits(256 * MB, 40, 64 * MB), ("localhost",))
    made, _ = await provider.ensure(SandboxSpec("task-n-g1"))
    done = await made.run(fetching(f"http://localhost:{served}/"), network=allowed)
    assert "reached" in done.stdout, done.stderr
    other = await made.run(fetching(f"http://127.0.0.1:{served}/"), network=allowed)
    assert other.exit_code != 0, "the listed name is admitted, not its address"


async def test_the_proxys_socket_takes_nothing_else(sandbox: LocalSandbox, served: int) -> None:
    raw = (
        "import socket\n"
        "for line in {lines!r}:\n"
        "    s = socket.socket(socket.AF_UNIX); s.connect('/run/proxy'); s.settimeout(5)\n"
        "    s.sendall(line.encode() + b'\\r\\n\\r\\n'); print(s.recv(200))\n"
    ).format(
        lines=[
            "GET / HTTP/1.1",
            f"CONNECT 127.0.0.1:{served} HTTP/1.1",
            "CONNECT /var/run/postgresql/.s.PGSQL.5432:80 HTTP/1.1",
            "GET file:///etc/shadow HTTP/1.1",
            f"POST http://allowed.test@127.0.0.1:{served}/ HTTP/1.1",
        ]
    )
    await sandbox.put("/workspace/raw.py", raw.encode())
    done = await sandbox.run("python3 raw.py", network=("allowed.test",))
    assert done.stdout.count("403 Forbidden") == 5, done.stdout + done.stderr


async def test_without_a_network_there_is_no_proxy(sandbox: LocalSandbox) -> None:
    done = await sandbox.run("ls /run/proxy; env | grep -i proxy")
    assert done.exit_code != 0


async def test_a_process_that_leaves_its_session_ends_with_its_command(
    sandbox: LocalSandbox,
) -> None:
    await sandbox.run("setsid nohup sh -c 'sleep 1; echo alive > late' >/dev/null 2>&1 & echo x")
    await sandbox.run("sleep 1.5")
    assert await sandbox.get("/workspace/late") is None


async def test_a_layer_is_copied_and_never_written_through(sandbox: LocalSandbox) -> None:
    await sandbox.run(
        "git init -q . && echo x > kept && git add kept && mkdir built && echo 1 > built/a"
        " && echo h > ~/tool && ln -s /etc/passwd built/link"
    )
    assert not await sandbox.use_layer("k1")
    await sandbox.keep_layer("k1")
    await sandbox.run("rm -rf built ~/tool .git/info/exclude; mkdir -p .git/info")
    for _ in range(2):
        assert await sandbox.use_layer("k1")
        seen = await sandbox.run("cat built/a ~/tool; git status --short -uall; echo 2 > built/a")
        assert seen.stdout == "1\nh\nA  kept\n"


async def test_where_user_namespaces_are_refused_nothing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "bwrap"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    provider = LocalProvider(tmp_path / "sandboxes", Limits(256 * MB, 40, 64 * MB))
    with pytest.raises(Conflict, match="No permissions to create new namespace") as refused:
        await provider.ensure(SandboxSpec("task-x-g1"))
    assert refused.value.stable_code == "sandbox-not-available"
