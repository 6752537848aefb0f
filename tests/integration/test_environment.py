"""Set-up and checks of projects in other languages, offline, through the proxy, and from the cache."""

import asyncio
import hashlib
import shutil
import zipfile
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from temporalio.testing import ActivityEnvironment

from activities.checks import CheckActivities
from activities.environments import Environments
from activities.mirror import Mirrors
from activities.sandboxes.local import LocalProvider
from activities.sandboxes.watchdog import Limits
from activities.sandboxes.workspace import Workspaces
from models.contracts.base import ProjectId, SpecId
from models.contracts.checks import CheckEvidence, CheckPurpose, CriterionClaim, RunCheck
from models.contracts.projects import Environment
from tests.support.stack import RunningStack
from workers.dev.demo.remote import git

MB = 1024 * 1024
PYTHON_TEST = "import unittest\n\nimport greeting\n\n\nclass A(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(greeting.HELLO, 'hello')\n\n    def test_bad(self):\n        self.assertEqual(greeting.HELLO, 'bye')\n"  # fmt: skip
NODE_TEST = "const test = require('node:test');\nconst assert = require('node:assert');\ntest('adds', () => assert.equal(1 + 1, 2));\ntest('fails', () => assert.equal(1, 2));\n"  # fmt: skip
GO_TEST = 'package sum\n\nimport "testing"\n\nfunc TestAdds(t *testing.T) {\n\tif 1+1 != 2 {\n\t\tt.Fatal()\n\t}\n}\n\nfunc TestBad(t *testing.T) { t.Fatal("no") }\n'  # fmt: skip


class Bench:
    """A project of some files, and checks of its one commit."""

    def __init__(self, stack: RunningStack, tmp_path: Path, *private_hosts: str) -> None:
        self.stack = stack
        self.tmp_path = tmp_path
        self.mirrors = Mirrors(stack.database, tmp_path / "mirrors", (stack.data,))
        provider = LocalProvider(
            tmp_path / "sandboxes", Limits(2048 * MB, 200, 1024 * MB), private_hosts
        )
        self.activities = CheckActivities(
            stack.database,
            self.mirrors,
            Workspaces(self.mirrors),
            Environments(self.mirrors, tmp_path / "environments"),
            provider,
            timedelta(minutes=10),
        )
        self.project_id: ProjectId | None = None
        self.commit = ""
        self.count = 0

    async def project(self, files: dict[str, str]) -> SpecId:
        """Push the files; returns a draft spec that checks may belong to."""
        remote = self.stack.data / "remotes" / f"{self.tmp_path.name}.git"
        remote.mkdir(parents=True, exist_ok=True)
        git(remote, "init", "-q", "--bare", "--initial-branch=main", ".")
        work = self.tmp_path / "work"
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
        git(work, "init", "-q", "--initial-branch=main")
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "all")
        git(work, "push", "-q", str(remote), "main")
        self.commit = git(work, "rev-parse", "HEAD")
        project = await self.stack.project(remote)
        self.project_id = project.id
        body = {"project_id": str(project.id), "description": "d", "auto_execute": False}
        made = await self.stack.post("/specs/launch", body)
        return SpecId(UUID(made.json()["spec_id"]))

    async def check(
        self, spec_id: SpecId, environment: Environment, *claims: CriterionClaim, scope: str = ""
    ) -> CheckEvidence:
        assert self.project_id is not None
        self.count += 1
        request = RunCheck(
            key=f"{spec_id}/{self.count}",
            project_id=self.project_id,
            spec_id=spec_id,
            purpose=CheckPurpose.BASELINE,
            commit=self.commit,
            environment=environment,
            working_directory=scope,
            claims=claims,
        )
        return await ActivityEnvironment().run(self.activities.run_check, request)


@pytest.fixture
def bench(stack: RunningStack, tmp_path: Path) -> Bench:
    return Bench(stack, tmp_path)


async def test_a_python_project_in_a_folder_is_set_up_once(bench: Bench) -> None:
    spec_id = await bench.project(
        {
            "app/requirements.txt": "",
            "app/tests/__init__.py": "",
            "app/tests/test_a.py": PYTHON_TEST,
        }
    )
    environment = Environment(
        setup_command="mkdir -p vendor && echo \"HELLO = 'hello'\" > vendor/greeting.py; echo x > ~/ran",
        check_command="test -f ~/ran && python3 -m unittest discover -s tests -t .",
        variables={"PYTHONPATH": "vendor"},
    )
    first = await bench.check(spec_id, environment, scope="app")
    assert (first.passed, first.tests, first.setup_cached) == (False, 2, False)
    assert first.failed_tests == ("tests.test_a.A.test_bad",)
    again = await bench.check(spec_id, environment, scope="app")
    assert (again.setup_cached, again.failed_tests) == (True, first.failed_tests)


async def test_a_node_project_tells_its_failing_tests(bench: Bench) -> None:
    if shutil.which("node", path="/usr/local/bin:/usr/bin:/bin") is None:
        pytest.skip("Node is not where a sandbox sees it")
    spec_id = await bench.project({"package.json": "{}", "sum.test.js": NODE_TEST})
    environment = Environment(setup_command="node --version > .ready", check_command="node --test")
    found = await bench.check(spec_id, environment)
    assert (found.passed, found.tests) == (False, 2)
    assert found.failed_tests is not None
    assert "fails" in found.failed_tests


async def test_a_go_project_tells_its_failing_tests(bench: Bench) -> None:
    if shutil.which("go", path="/usr/local/go/bin:/usr/bin") is None:
        pytest.skip("Go is not where a sandbox sees it")
    spec_id = await bench.project({"go.mod": "module sum\n\ngo 1.21\n", "sum_test.go": GO_TEST})
    environment = Environment(
        setup_command="go build ./... ",
        check_command="go test -v ./...",
        variables={"PATH": "/usr/local/go/bin:/usr/bin:/bin", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"},
    )  # fmt: skip
    found = await bench.check(spec_id, environment)
    assert found.failed_tests == ("TestBad",), found.tail
    assert found.tests == 2


async def test_junit_files_count_before_words(bench: Bench) -> None:
    xml = '<testsuite><testcase classname="a" name="b"><failure/></testcase></testsuite>'
    spec_id = await bench.project(
        {"old.xml": xml, "make.sh": f"echo '{xml}' > report.xml; exit 1\n"}
    )
    found = await bench.check(spec_id, Environment(check_command="sh make.sh"))
    assert (found.tests, found.failed_tests) == (1, ("a::b",)), "only the file that the check wrote"


async def test_set_up_that_fails_is_told_and_not_kept(bench: Bench) -> None:
    spec_id = await bench.project({"a.txt": "a"})
    environment = Environment(setup_command="echo no such thing; exit 3", check_command="true")
    for _ in range(2):
        found = await bench.check(spec_id, environment)
        assert (found.passed, found.setup_failed, found.setup_cached) == (False, True, False)
        assert "no such thing" in found.tail


def wheel(folder: Path) -> tuple[str, bytes]:
    """A wheel of one module, made by hand."""
    name = "greeting-1.0-py3-none-any.whl"
    files = {
        "greeting.py": "HELLO = 'hello'\n",
        "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
        "greeting-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }  # fmt: skip
    record = "".join(f"{path},,\n" for path in files) + "greeting-1.0.dist-info/RECORD,,\n"
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, text in {**files, "greeting-1.0.dist-info/RECORD": record}.items():
            archive.writestr(path, text)
    return name, (folder / name).read_bytes()


@pytest.fixture
async def index(tmp_path: Path) -> AsyncGenerator[int]:
    """A package index on loopback."""
    name, content = wheel(tmp_path)
    digest = hashlib.sha256(content).hexdigest()
    page = f'<a href="/files/{name}#sha256={digest}">{name}</a>'.encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0].decode()
        body, kind = (content, "application/zip") if "/files/" in line else (page, "text/html")
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "localhost", 0)
    yield int(server.sockets[0].getsockname()[1])
    server.close()


async def test_set_up_installs_through_the_proxy_and_the_check_has_no_network(
    stack: RunningStack, tmp_path: Path, index: int
) -> None:
    bench = Bench(stack, tmp_path, "localhost")
    spec_id = await bench.project(
        {
            "requirements.txt": "greeting==1.0\n",
            "tests/__init__.py": "",
            "tests/test_a.py": PYTHON_TEST,
        }
    )
    install = (
        f".venv/bin/pip install -q --index-url http://localhost:{index}/simple -r requirements.txt"
    )
    environment = Environment(
        setup_command=f"python3 -m venv .venv && {install}",
        check_command=f".venv/bin/python -m unittest tests.test_a.A.test_it && ! .venv/bin/pip download -q --index-url http://localhost:{index}/simple greeting",
        network_for_setup=(f"localhost:{index}",),
        variables={"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_RETRIES": "0"},
    )
    claim = CriterionClaim(criterion_id="AC-001.1", test_id="tests.test_a.A.test_it")
    found = await bench.check(spec_id, environment, claim)
    assert found.passed, found.tail
    refused = environment.model_copy(update={"network_for_setup": ("pypi.example",)})
    other = await bench.check(spec_id, refused)
    assert other.setup_failed
    assert f"localhost:{index} is not on the list" in other.tail
    cached = await bench.check(spec_id, environment)
    assert (cached.passed, cached.setup_cached) == (True, True)
