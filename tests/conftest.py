"""Fixtures that every folder shares."""

from collections.abc import AsyncGenerator

import pytest

from tests.support.stack import RunningStack, running_stack


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RunningStack]:
    """One stack a test process."""
    environment = {"CHECKPOINT_SECONDS": "0", "SANDBOX_IDLE_MINUTES": "0.02"}
    folder = tmp_path_factory.mktemp("stäck with space")
    async with running_stack(folder, environment=environment) as running:
        yield running
