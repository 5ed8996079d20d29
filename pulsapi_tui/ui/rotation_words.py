"""The words of a rotation, and what can be done with it at each step."""

from __future__ import annotations

from textual.content import Content

from pulsapi_tui.domain.rotation import Mode, Rotation, Step
from pulsapi_tui.flows.rotate import Rotator
from pulsapi_tui.flows.rotation_record import Advanced
from pulsapi_tui.ui.asks import RotationWish
from pulsapi_tui.ui.literal import MUTED, literal, sentence

IN_HAND = (
    "! The successor's secret is here and nowhere else. Deliver it, show it, or abandon the "
    "rotation."
)

DOING = {
    Step.CREATE: "Creating the successor…",
    Step.DELIVER: "Delivering it…",
    Step.PROVE: "Calling GET /v1/services with it…",
    Step.WATCH: "Watching the old key.",
    Step.REVOKE: "Revoking the old key…",
    Step.CONFIRM: "Reading the list again…",
}


def said_of(advanced: Advanced) -> Content:
    glyph, style = ("✓", "$success") if advanced.done else ("✗", "$error")
    if not advanced.done and not advanced.error and not advanced.output:
        glyph, style = "!", "$warning"
    said = (("\n" + advanced.output, MUTED),) if advanced.output else ()
    return sentence((f"{glyph} {advanced.message}", style), *said)


def ended(rotation: Rotation) -> str:
    last = rotation.done[-1].what
    if rotation.mode is Mode.REVOKE_FIRST:
        return f"The rotation is over: {rotation.new.shown if rotation.new else ''} works."
    return f"The rotation is over. The old key is dead. {last}"


def resumed_at(rotation: Rotation) -> Content:
    if rotation.step is Step.WATCH:
        return literal("")
    what = _STEP_WORDS[rotation.step]
    if rotation.begun_at is None:
        return sentence(f"It stopped before this step: {what}. Go on when you are ready.")
    return sentence(
        (
            f"! It was cut while it was at this step: {what}. What came of it is not known yet; "
            "going on finds out first.",
            "$warning",
        )
    )


_STEP_WORDS = {
    Step.CREATE: "create the successor",
    Step.DELIVER: "deliver it",
    Step.PROVE: "prove it",
    Step.WATCH: "watch the old key",
    Step.REVOKE: "revoke the old key",
    Step.CONFIRM: "prove that the old key is dead",
}


def choices(rotator: Rotator, *, is_open: bool) -> tuple[RotationWish, ...]:
    """What can be done now; the first one is what the rotation wants."""
    rotation = rotator.rotation
    if not is_open:
        return (RotationWish.CLOSE,)
    ways_out = (RotationWish.ABANDON, RotationWish.CLOSE)
    if rotation.step is Step.WATCH:
        return (RotationWish.REVOKE_OLD, *ways_out)
    if rotation.step is Step.REVOKE and rotation.mode is not Mode.REVOKE_FIRST:
        return (RotationWish.REVOKE_OLD, *ways_out)
    if rotation.step is Step.DELIVER:
        if rotator.created is not None:
            first = (
                (RotationWish.GO_ON, RotationWish.OTHER_TARGET, RotationWish.SHOW)
                if rotation.target is not None
                else (RotationWish.SHOW, RotationWish.OTHER_TARGET)
            )
            return (*first, *ways_out)
        return (
            RotationWish.GO_ON,
            RotationWish.REPLACE,
            RotationWish.HAVE_IT,
            *ways_out,
        )
    if rotation.step is Step.PROVE:
        return (RotationWish.GO_ON, RotationWish.REPLACE, *ways_out)
    return (RotationWish.GO_ON, *ways_out)
