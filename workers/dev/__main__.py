"""The local stack: ``python -m workers.dev up|demo|down|status``."""

import argparse
import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from rich.console import Console

from workers.dev.binaries import BinaryMissing, find_temporal
from workers.dev.config import StackConfig, read_config
from workers.dev.demo.project import ensure_project
from workers.dev.demo.remote import ensure_remote
from workers.dev.demo.run import run_demo
from workers.dev.postgres import PostgresUnavailable
from workers.dev.stack import AlreadyRunning, Stack, StackOptions, StackStatus, read_status

_CONSOLE = Console(highlight=False)
_STOP_SECONDS = 40


def _say(name: str, line: str) -> None:
    _CONSOLE.print(f"[dim]{name:>9}[/dim] │ ", end="")
    _CONSOLE.print(line, markup=False, soft_wrap=True)


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


def _show(status: StackStatus) -> None:
    _CONSOLE.print(f"web UI and API  {status.api_url}")
    _CONSOLE.print(f"Temporal Web UI {status.temporal_ui_url}")
    _CONSOLE.print(f"database        {status.database_url}", soft_wrap=True)


async def _up(config: StackConfig) -> int:
    stop = asyncio.Event()
    _on_signals(stop)
    async with Stack(config, StackOptions(echo=True), _say) as stack:
        remote = await asyncio.to_thread(ensure_remote, config.data / "demo" / "ledger.git")
        await ensure_project(stack.status.database_url, config.demo.project, remote)
        _CONSOLE.print("\n[bold green]up[/bold green]")
        _show(stack.status)
        _CONSOLE.print("Ctrl-C stops everything.\n")
        ended = asyncio.create_task(stop.wait())
        died = asyncio.create_task(stack.supervisor.died.wait())
        await asyncio.wait({ended, died}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, died):
            task.cancel()
        _CONSOLE.print("stopping")
    return 0 if stop.is_set() else 1


async def _demo(config: StackConfig, *, live: bool) -> int:
    if live and not os.environ.get("ANTHROPIC_API_KEY"):
        _CONSOLE.print("[red]MODEL=live needs ANTHROPIC_API_KEY in the environment.[/red]")
        return 2
    running = read_status(config)
    if running is not None:
        _CONSOLE.print(f"using the stack that is already up at {running.api_url}")
        done = await run_demo(running, config.data, config.demo.project, _CONSOLE, live=live)
        return 0 if done else 1
    stop = asyncio.Event()
    _on_signals(stop)
    _CONSOLE.print("starting Postgres, Temporal, worker and API")
    async with Stack(config, StackOptions(), _say) as stack:
        demo = asyncio.create_task(
            run_demo(stack.status, config.data, config.demo.project, _CONSOLE, live=live)
        )
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({demo, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not demo.done():
            demo.cancel()
            with suppress(asyncio.CancelledError):
                await demo
            return 130
        _CONSOLE.print(
            "\n[dim]The stack stops now; 'make up' keeps it up, with this run in it.[/dim]"
        )
        return 0 if demo.result() else 1


def _down(config: StackConfig) -> int:
    status = read_status(config)
    if status is None:
        _CONSOLE.print("nothing is running here")
        return 0
    os.kill(status.pid, signal.SIGTERM)
    try:
        psutil.Process(status.pid).wait(_STOP_SECONDS)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        _CONSOLE.print(f"[red]process {status.pid} did not stop within {_STOP_SECONDS} s[/red]")
        return 1
    _CONSOLE.print("stopped")
    return 0


def _status(config: StackConfig) -> int:
    status = read_status(config)
    if status is None:
        _CONSOLE.print("nothing is running here; 'make up' starts it")
        return 1
    _show(status)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.dev", description=__doc__)
    parser.add_argument("--data", type=Path, help="another folder for databases and logs")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything and stay until Ctrl-C")
    demo = commands.add_parser("demo", help="run one spec to a merged, tested branch")
    demo.add_argument("--model", choices=("scripted", "live"), default="scripted")
    commands.add_parser("down", help="stop what 'up' started")
    commands.add_parser("status", help="say where the stack is")
    commands.add_parser("binaries", help="install the Temporal CLI")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    config = read_config(data=arguments.data)
    match arguments.command:
        case "up":
            return asyncio.run(_up(config))
        case "demo":
            return asyncio.run(_demo(config, live=arguments.model == "live"))
        case "down":
            return _down(config)
        case "status":
            return _status(config)
        case _:
            find_temporal(lambda text: _say("setup", text))
            return 0


def main() -> int:
    """Parse the command line and run; every expected failure is one sentence."""
    try:
        return _run(_parser().parse_args())
    except AlreadyRunning as error:
        _CONSOLE.print("the stack of this checkout is already running")
        if error.status is not None:
            _show(error.status)
        return 1
    except (BinaryMissing, PostgresUnavailable, RuntimeError, OSError, ValueError) as error:
        _CONSOLE.print(f"[red]{error}[/red]", soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
