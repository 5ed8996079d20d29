"""Several rotations by one plan, and the end of those that are ready for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.content import Content

from pulsapi_tui.domain.delivery import Target
from pulsapi_tui.domain.errors import DeliveryError
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.rotation import Step
from pulsapi_tui.domain.secret import Secret
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotate_many import Planned, Rotated, finish_many, rotate_many, targets_for
from pulsapi_tui.flows.rotation_record import Ports
from pulsapi_tui.flows.rotation_verdict import READY
from pulsapi_tui.ui.asks import Asks, Known, OpenProgress, PlanLine
from pulsapi_tui.ui.commands import press
from pulsapi_tui.ui.literal import literal, sentence
from pulsapi_tui.ui.rotations import Rotations, RotationsView

MOST_CONCERNS = 3


class ManyRotations:
    """What `R` does to marked keys."""

    def __init__(
        self,
        ports: Ports,
        asks: Asks,
        rotations: Rotations,
        view: RotationsView,
        replaced: Callable[[Secret], str],
    ) -> None:
        """`replaced` says what a delivery to where a key stands takes away."""
        self._replaced = replaced
        self._clock = ports.clock
        self._asks = asks
        self._delivery = ports.delivery
        self._rotations = rotations
        self._view = view
        self._ports = ports

    async def rotate(self, keys: Sequence[ApiKey]) -> None:
        """Plan, ask, rotate each, report. Keys that are rotating already are left out."""
        self._rotations.load()
        idle = [key for key in keys if self._rotations.of(key.id) is None]
        if not idle:
            await self.finish([each for key in keys if (each := self._rotations.of(key.id))])
            return
        own = self._view.account.authenticated_key_id
        if any(key.id == own for key in idle):
            text = (
                "The key of this session is among them. Rotate it by itself: this program then "
                "goes on with its successor. Unmark it to rotate the others."
            )
            await self._asks.report("Not together", literal(text))
            return
        planned = await self._plan(idle)
        if planned:
            await self._run(planned)

    async def _plan(self, keys: Sequence[ApiKey]) -> list[Planned]:
        """What the user wants; empty where that is nothing."""
        template: Target | None = None
        while True:
            template = await self._asks.target_for_many(keys, template)
            if template is None:
                return []
            targets = targets_for(keys, template)
            if len(keys) > 1 and targets[0] == targets[1]:
                await self._asks.report("One place for all", literal(_ONE_PLACE), danger=True)
                continue
            try:
                concerns = await self._concerns(keys, targets)
            except DeliveryError as error:
                await self._asks.report("Can't go there", literal(error.user_message), danger=True)
                continue
            lines = [
                PlanLine(key, self._delivery.preview(target).text)
                for key, target in zip(keys, targets, strict=True)
            ]
            if await self._asks.plan_of_many(lines, concerns, self._clock.now()):
                return [
                    Planned(key, target, self._view.seen(key))
                    for key, target in zip(keys, targets, strict=True)
                ]

    async def _concerns(self, keys: Sequence[ApiKey], targets: Sequence[Target]) -> list[str]:
        """What speaks against the targets, each thing once."""
        found: dict[str, None] = {}
        if hidden := self._view.hidden_by_filter(keys):
            found[hidden] = None
        for key, target in zip(keys, targets, strict=True):
            found.update(dict.fromkeys(await self._delivery.concerns(target)))
            held = await self._delivery.held(target)
            if held is not None and not held.ends_in(key.hint):
                found[self._replaced(held)] = None
        concerns = list(found)
        more = len(concerns) - MOST_CONCERNS
        return concerns if more <= 0 else [*concerns[:MOST_CONCERNS], f"And {more} more like it."]

    async def _run(self, planned: Sequence[Planned]) -> None:
        progress = await self._asks.progress(f"Rotating {len(planned)} API keys", len(planned))
        rotated = await rotate_many(
            planned,
            account=self._view.account,
            ports=self._ports,
            listed=lambda: self._view.key_list,
            progress=_Counting(progress),
            stop=progress.stop,
        )
        progress.shut()
        self._rotations.take(each.rotator for each in rotated if each.rotator is not None)
        # What failed stays marked, so that R tries it again.
        self._view.unmark(each.key.id for each in rotated if each.done)
        await self._report(rotated, "have a successor")

    async def finish_ready(self) -> None:
        """Revoke the old keys of all rotations that look safe."""
        self._rotations.load()
        await self.finish(self._rotations.watched())

    async def finish(self, rotators: Sequence[Rotator]) -> None:
        """Revoke the old keys of those of these rotations that look safe, after a dialog."""
        verdicts = {
            each.rotation.id: verdict
            for each in rotators
            if each.rotation.step is Step.WATCH
            and (verdict := self._rotations.verdict(each)) is not None
            and verdict.kind in READY
        }
        ready = [each for each in rotators if each.rotation.id in verdicts]
        by_id = self._view.key_list.by_id
        keys = [by_id[each.rotation.old.id] for each in ready]
        if not ready:
            waiting = len(rotators)
            text = (
                f"{waiting} rotation{'s' * (waiting != 1)} under way, and none of the old keys is "
                f"known to be quiet yet. To see why, {press('keys.rotate')} on one."
                if waiting
                else "No rotation is under way."
            )
            await self._asks.report("None is ready", literal(text))
            return
        known = Known(f"{len(ready)} of {len(rotators)} old keys look quiet.", is_early=False)
        if not await self._asks.revoke(keys, self._clock.now(), known=known):
            return
        progress = await self._asks.progress(f"Revoking {len(ready)} old keys", len(ready))
        finished = await finish_many(
            ready,
            why=lambda each: verdicts[each.rotation.id].headline,
            listed=lambda: self._view.key_list,
            progress=_Counting(progress),
        )
        progress.shut()
        self._rotations.let_go()
        self._view.drop(each.key.id for each in finished if each.done)
        await self._report(finished, "old keys are dead")

    async def _report(self, rotated: Sequence[Rotated], what: str) -> None:
        self._view.look_again()
        done = sum(each.done for each in rotated)
        await self._asks.report(
            f"{done} of {len(rotated)} {what}",
            _results(rotated),
            danger=done < len(rotated),
            unasked=True,
        )


_ONE_PLACE = (
    "Each successor would replace the one before it, and only the last one would be had. Put "
    "{variable}, {slug} or {name} into a field: it stands for the key's own."
)


class _Counting:
    """Counts what is answered."""

    def __init__(self, progress: OpenProgress) -> None:
        self._progress = progress
        self._done = 0

    def __call__(self, rotated: Rotated) -> None:
        self._done += 1
        glyph = "✓" if rotated.done else "✗"
        self._progress.advance(self._done, f"{glyph} {rotated.key.name}: {rotated.message}")


def _results(rotated: Sequence[Rotated]) -> Content:
    """What failed comes first."""
    parts: list[str | tuple[str, str]] = []
    for each in sorted(rotated, key=lambda each: each.done):
        glyph, style = ("✓", "$success") if each.done else ("✗", "$error")
        parts += ["\n" if parts else "", (f"{glyph} ", style), (each.key.name, "bold")]
        parts.append(f"  {each.message}")
    return sentence(*parts)
