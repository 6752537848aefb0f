"""Connects to Temporal by the SDK's own environment configuration (``TEMPORAL_*`` or a profile)."""

from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from workers.plugin import SpecPlugin


async def connect() -> Client:
    """A client with our plugin; ``localhost:7233`` unless the environment says otherwise."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    return await Client.connect(**config, plugins=[SpecPlugin()])
