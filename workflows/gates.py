"""Gates: the wait is in workflow code, so no model can open one."""

from datetime import timedelta
from uuid import uuid5

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from models.contracts.artifacts import ArtifactRef
    from models.contracts.base import GateId
    from models.contracts.commands import GateCommand
    from models.contracts.events import Fact
    from models.contracts.facts import GateDecided, GateExpired, GateOpened, GateReminded
    from models.contracts.gates import (
        DecisionKind,
        Gate,
        GateBrief,
        GateDecision,
        GateKind,
        GateStatus,
    )
    from models.contracts.phases import Phase
    from models.contracts.specs import SpecInput
    from models.rules.gates import OPTIONS, decision_refusal, expiry

    from workflows.cancellation import Cancellation
    from workflows.recorder import Recorder
    from workflows.slots import SlotHolder

POLICY = "policy"
_BESIDES = (GateKind.TAMPER, GateKind.BUDGET)  # tasks go on while these wait


class Gatekeeper:
    """Opens one gate at a time and waits for its decision, for weeks if need be.

    Who asks while a gate is open stands in line. While the spec itself waits, it gives its ``place``
    among the running ones back. ``waited`` is how long gates were open in all.
    """

    def __init__(
        self,
        launch: SpecInput,
        recorder: Recorder,
        cancellation: Cancellation,
        place: SlotHolder,
    ) -> None:
        self._place = place
        self._launch = launch
        self._recorder = recorder
        self._cancellation = cancellation
        self._count = 0
        self._line: list[int] = []
        self.open: Gate | None = None
        self.waited = timedelta(0)

    def validate(self, command: GateCommand) -> None:
        """Refuse a decision on a closed or unknown gate, or on a document not now shown.

        Raises:
            ApplicationError: with the refusal's code as type.
        """
        gate = self.open if self.open is not None and self.open.id == command.gate_id else None
        refusal = decision_refusal(gate, command)
        if refusal is not None:
            code, sentence = refusal
            raise ApplicationError(sentence, type=code, non_retryable=True)

    def decide(self, command: GateCommand) -> None:
        """Take a decision; who else decides now is told that the gate is closed.

        Raises:
            ApplicationError: the gate does not take it, or not any more.
        """
        self.validate(command)
        decision = GateDecision(
            kind=command.kind,
            by=command.by,
            at=workflow.now(),
            note=command.note,
            comments=command.comments,
            artifact_sha256=command.artifact_sha256,
            document=command.document,
            budget=command.budget,
        )
        self._settle(decision, GateStatus.DECIDED)

    def _settle(self, decision: GateDecision, status: GateStatus) -> None:
        if self.open is not None:
            self.open = self.open.model_copy(update={"status": status, "decision": decision})

    async def replace(self, document: ArtifactRef, brief: GateBrief) -> None:
        """Show another document at the open gate; decisions on the old one are stale from now on."""
        if self.open is None:
            return
        self.open = self.open.model_copy(update={"document": document, "brief": brief})
        await self._recorder.say(GateOpened(gate=self.open))

    async def ask(
        self,
        kind: GateKind,
        summary: str,
        *,
        phase: Phase | None = None,
        attempt: int | None = None,
        document: ArtifactRef | None = None,
        brief: GateBrief | None = None,
        reason_code: str | None = None,
        task_ids: tuple[str, ...] = (),
        options: tuple[DecisionKind, ...] | None = None,
        by_person: bool = False,
    ) -> Gate:
        """Open a gate and wait for its decision; ``by_person`` lets no deadline approve it.

        Returns the decided gate; its document is the one that was shown at the end.
        """
        self._count += 1
        number = self._count
        self._line.append(number)
        opened = False
        try:
            await self._cancellation.wait(lambda: self._line[0] == number)
            opened = True
            settings = self._launch.settings
            opened_at = workflow.now()
            pause = settings.gate_deadline
            self.open = Gate(
                id=GateId(uuid5(self._launch.spec_id, f"gate/{workflow.info().run_id}/{number}")),
                spec_id=self._launch.spec_id,
                kind=kind,
                phase=phase,
                attempt=attempt,
                document=document,
                summary=summary[:4_000],
                brief=brief,
                reason_code=reason_code,
                task_ids=task_ids,
                options=options or OPTIONS[kind],
                opened_at=opened_at,
                deadline=opened_at + pause if pause else None,
                on_deadline=settings.on_deadline if not by_person else "remind",
            )
            await self._recorder.say(GateOpened(gate=self.open))
            if kind not in _BESIDES:
                await self._place.give_back()
            while self.open.decision is None:
                await self._wait_or_expire(self.open)
            closed = await self._close()
            if kind not in _BESIDES:
                await self._place.take()
            return closed
        finally:
            if opened:  # who only stood in line closes nobody else's gate
                self.open = None
            self._line.remove(number)

    async def _wait_or_expire(self, gate: Gate) -> None:
        """Return when the gate is decided, was reminded of, or when its deadline decided it."""
        timeout = gate.deadline - workflow.now() if gate.deadline else None
        try:
            await self._cancellation.wait(
                lambda: self.open is not None and self.open.decision is not None, timeout
            )
        except TimeoutError:
            kind = expiry(gate)
            if kind is not None:
                at = workflow.now()
                sha = gate.document.sha256 if gate.document else None
                decision = GateDecision(
                    kind=kind, by=POLICY, at=at, note="the deadline passed", artifact_sha256=sha
                )
                self._settle(decision, GateStatus.EXPIRED)
                return
            pause = self._launch.settings.gate_deadline
            self.open = gate.model_copy(
                update={
                    "reminders": gate.reminders + 1,
                    "deadline": workflow.now() + pause if pause else None,
                }
            )
            await self._recorder.say(GateReminded(gate=self.open))

    async def _close(self) -> Gate:
        gate = self.open
        if gate is None or gate.decision is None:
            msg = "A gate closed without a decision."
            raise ApplicationError(msg, type="gate-lost")
        self.waited += workflow.now() - gate.opened_at
        fact: Fact = GateDecided(gate=gate, decision=gate.decision)
        if gate.status == GateStatus.EXPIRED:
            fact = GateExpired(gate=gate, decision=gate.decision)
        self.open = None
        await self._recorder.say(fact)
        return gate
