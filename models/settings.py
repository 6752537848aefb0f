"""Settings, read once by the entry points and passed on in parts; no module-level instance."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from models.contracts.base import Timings
from models.contracts.installation import InstallationSettings
from models.contracts.usage import Price


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(frozen=True, extra="ignore")


class DatabaseSettings(_Settings):
    """Postgres; ``listen_url`` bypasses a pooler for LISTEN."""

    database_url: SecretStr = Field(description="postgresql:// address of the one database")
    database_listen_url: SecretStr | None = Field(
        default=None, description="address for LISTEN when a pooler stands before Postgres"
    )


class LanguageSettings(_Settings):
    """The model provider; the scripted server serves the demo project only."""

    anthropic_api_key: SecretStr | None = Field(default=None, description="key of the provider")
    anthropic_base_url: str | None = Field(default=None, description="another address of it")
    planner_model: str = Field(default="claude-opus-5-5", description="model of the phases")
    agent_model: str = Field(default="claude-opus-5-5", description="model of the agents")
    model_prices: dict[str, Price] = Field(
        default={},
        description="USD per million tokens of models whose price is not listed, as JSON",
    )
    budget_usd_per_day: Decimal | None = Field(
        default=Decimal(50), ge=0, description="what all specs together may spend on one UTC day"
    )
    scripted_model_url: str | None = Field(
        default=None, description="the demo's scripted model, on loopback"
    )

    @property
    def configured(self) -> bool:
        """True when a real model can be asked."""
        return self.anthropic_api_key is not None and bool(
            self.anthropic_api_key.get_secret_value()
        )


class SandboxSettings(_Settings):
    """Where tasks run."""

    sandbox_provider: Literal["local"] = Field(default="local", description="kind of sandbox")
    sandbox_private_hosts: tuple[str, ...] = Field(
        default=(), description="hosts that set-up may reach inside a private network"
    )
    sandbox_memory_mb: int = Field(default=2048, ge=64, description="memory of one command")
    sandbox_disk_mb: int = Field(default=1024, ge=16, description="disk of one workspace")
    sandbox_processes: int = Field(default=256, ge=4, description="processes of one command")


class ExecutionSettings(_Settings):
    """How much runs at once, and where the worker keeps its files."""

    data_dir: Path = Field(default=Path(".cache/specwright"), description="mirrors, sandboxes")
    orchestrator_enabled: bool = Field(
        default=True, description="False: nothing new starts; people can change it while it runs"
    )
    max_concurrent_tasks_per_project: int = Field(
        default=5, ge=1, description="tasks of one project that hold a slot, at first"
    )
    max_concurrent_specs: int = Field(
        default=10,
        ge=1,
        description="specs that run at once, at first; who waits for people is not one",
    )
    local_repository_roots: tuple[Path, ...] = Field(
        default=(), description="folders under which a repository may be given by path"
    )
    git_private_hosts: tuple[str, ...] = Field(
        default=(), description="hosts that an admin allows to be inside a private network"
    )
    heartbeat_seconds: float = Field(default=30, ge=1, description="heartbeat time-out")
    retry_maximum_seconds: float = Field(default=30, ge=0.1, description="longest retry interval")
    provider_wait_seconds: float = Field(
        default=60, ge=0.1, description="a longer wait for the model gives an agent's slot back"
    )
    checkpoint_seconds: float = Field(
        default=60, ge=0, description="how often an agent's work in progress is saved"
    )
    sandbox_idle_minutes: float = Field(
        default=10, ge=0, description="when the sandbox of a task that waits is given up"
    )
    reconcile_seconds: float = Field(
        default=60, ge=1, description="how often slots and specs are put right"
    )
    reap_seconds: float = Field(
        default=300, ge=1, description="how often sandboxes without an owner are destroyed"
    )
    idle_threshold_minutes: float = Field(default=10, description="when silent work is given up")

    def installation(self) -> InstallationSettings:
        """What holds until a person changes it."""
        return InstallationSettings(
            orchestrator_enabled=self.orchestrator_enabled,
            max_concurrent_tasks_per_project=self.max_concurrent_tasks_per_project,
            max_concurrent_specs=self.max_concurrent_specs,
        )

    def timings(self) -> Timings:
        """The time-outs that new workflows start with."""
        return Timings(
            heartbeat=timedelta(seconds=self.heartbeat_seconds),
            retry_maximum=timedelta(seconds=self.retry_maximum_seconds),
            provider_wait=timedelta(seconds=self.provider_wait_seconds),
            sandbox_idle=timedelta(minutes=self.sandbox_idle_minutes),
            checkpoint=timedelta(seconds=self.checkpoint_seconds),
        )


class ApiSettings(_Settings):
    """The API; local mode binds to loopback only."""

    auth_mode: Literal["local"] = Field(default="local", description="who may call")
    api_host: str = Field(default="127.0.0.1", description="interface; loopback in local mode")
    api_port: int = Field(default=18000, ge=1, le=65535, description="port")
    temporal_ui_url: str | None = Field(default=None, description="Temporal Web UI, for links")
    frontend_dir: Path = Field(default=Path("frontend/dist"), description="the built frontend")
    slow_client_seconds: int = Field(
        default=30, ge=1, le=600, description="a live client that takes nothing so long is dropped"
    )


class LogSettings(_Settings):
    """Logging."""

    log_level: str = Field(default="INFO", description="lowest level that is printed")
    log_json: bool = Field(default=False, description="one JSON object a line")
    events_jsonl: Path | None = Field(
        default=None, description="also append every event to this file"
    )
