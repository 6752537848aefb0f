"""Gates: the wait is in workflow code, so no model can open one."""

from uuid import uuid5

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.contracts.artifacts import ArtifactRef
    from models.contracts.base import GateId, SpecId
    from models.contracts.commands import GateCommand
    from models.contracts.events import GateDecided, GateOpened
    from models.contracts.gates import (
        DecisionKind,
        Gate,
        GateDecision,
        GateKind,
        GateStatus,
    )
    from models.contracts.phases import Phase
    from models.rules.gates import OPTIONS, decision_refusal

    from workflows.cancellation import Cancellation
    from workflows.recorder import Recorder


class Gatekeeper:
    """Opens one gate at a time and waits for its decision, for weeks if need be."""

    def __init__(self, spec_id: SpecId, recorder: Recorder, cancellation: Cancellation) -> None:
        self._spec_id = spec_id
        self._cancellation = cancellation
        self._recorder = recorder
        self._count = 0
        self.open: Gate | None = None

    def validate(self, command: GateCommand) -> None:
        """Refuse a decision on a closed or unknown gate, or on a document not now shown.

        Raises:
            ApplicationError: with the refusal's code as type.
        """
        gate = self.open if self.open is not None and self.open.id == command.gate_id else None
        refusal = decision_refusal(gate, command.kind, command.artifact_sha256)
        if refusal is not None:
            code, sentence = refusal
            raise ApplicationError(sentence, type=code, non_retryable=True)

    def decide(self, command: GateCommand) -> Gate:
        """Take a validated decision; who else decides now is told that the gate is closed."""
        self.validate(command)
        if self.open is None:
            msg = "This gate is not open."
            raise ApplicationError(msg, type="gate-not-open", non_retryable=True)
        decision = GateDecision(
            kind=command.kind,
            by=command.by,
            at=workflow.now(),
            note=command.note,
            artifact_sha256=command.artifact_sha256,
        )
        self.open = self.open.model_copy(
            update={"status": GateStatus.DECIDED, "decision": decision}
        )
        return self.open

    async def ask(
        self,
        kind: GateKind,
        summary: str,
        *,
        phase: Phase | None = None,
        attempt: int | None = None,
        document: ArtifactRef | None = None,
        reason_code: str | None = None,
        task_ids: tuple[str, ...] = (),
        options: tuple[DecisionKind, ...] | None = None,
    ) -> GateDecision:
        """Open a gate and wait for its decision."""
        self._count += 1
        gate = Gate(
            id=GateId(uuid5(self._spec_id, f"gate/{workflow.info().run_id}/{self._count}")),
            spec_id=self._spec_id,
            kind=kind,
            phase=phase,
            attempt=attempt,
            document=document,
            summary=summary[:4_000],
            reason_code=reason_code,
            task_ids=task_ids,
            options=options or OPTIONS[kind],
            opened_at=workflow.now(),
        )
        self.open = gate
        await self._recorder.say(GateOpened(gate=gate))
        await self._cancellation.wait(self._is_decided)
        return await self._close()

    def _is_decided(self) -> bool:
        return self.open is not None and self.open.decision is not None

    async def _close(self) -> GateDecision:
        decided, self.open = self.open, None
        if decided is None or decided.decision is None:
            msg = "A gate closed without a decision."
            raise ApplicationError(msg, type="gate-lost")
        await self._recorder.say(GateDecided(gate=decided, decision=decided.decision))
        return decided.decision
