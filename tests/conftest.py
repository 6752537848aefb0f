"""Fixtures that every folder shares."""

from collections.abc import AsyncGenerator

import pytest

from tests.support.stack import RunningStack, running_stack


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[RunningStack]:
    """One stack a test process."""
    async with running_stack(tmp_path_factory.mktemp("stäck with space")) as running:
        yield running
