"""A rotation: its steps, both keys side by side, and whether the old one can be revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import ClassVar

from textual import events, on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.rotation import Step
from pulsapi_tui.domain.times import ago, clock
from pulsapi_tui.domain.verdict import Verdict, VerdictKind
from pulsapi_tui.ui.asks import RotationView, RotationWish
from pulsapi_tui.ui.commands import bindings, key_of
from pulsapi_tui.ui.literal import MUTED, fit, fold, literal, sentence, shorten
from pulsapi_tui.ui.widgets.dialog import Dialog

STEP_LABELS = {
    Step.CREATE: "Create the successor",
    Step.DELIVER: "Deliver it",
    Step.PROVE: "Prove it",
    Step.WATCH: "Watch the old key",
    Step.REVOKE: "Revoke the old key",
    Step.CONFIRM: "Prove that it is dead",
}

_BUTTONS = {
    RotationWish.GO_ON: "Go on",
    RotationWish.REVOKE_OLD: "Revoke old key",
    RotationWish.REPLACE: "Replace it",
    RotationWish.HAVE_IT: "I have it",
    RotationWish.OTHER_TARGET: "Deliver elsewhere",
    RotationWish.SHOW: "Show it",
    RotationWish.ABANDON: "Abandon",
    RotationWish.CLOSE: "Close",
}
_DANGEROUS = {RotationWish.REVOKE_OLD, RotationWish.REPLACE}

_VERDICT_STYLES = {
    VerdictKind.SAFE: ("✓", "$success"),
    VerdictKind.PROBABLY: ("✓", "$success"),
    VerdictKind.STILL_IN_USE: ("✗", "$error"),
}


_TRIES = 3
"""So often the steps are fitted anew into the room that is left by all else."""


class RotateKeyScreen(Dialog[None]):
    """Wishes, and draws what it is told; whoever opened it acts, and shuts it."""

    CSS_PATH = "rotate_key.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar = bindings("rotate", "help")

    def __init__(self, key_name: str) -> None:
        super().__init__("Rotate API key")
        self._key_name = key_name
        self._wishes: asyncio.Queue[RotationWish] = asyncio.Queue()
        self._choices: tuple[RotationWish, ...] = ()
        self.view: RotationView | None = None
        """What it shows; None before it was told."""

    def compose_dialog(self) -> Iterable[Widget]:
        """Steps, keys, verdict, and what can be done."""
        yield self.text(sentence((self._key_name, "bold")), id="name")
        yield self.text("", id="steps")
        yield self.text("", id="both")
        yield self.text("", id="verdict")
        yield self.text("", id="said")
        yield self.buttons(
            *(
                Button(
                    _label(wish, label),
                    id=wish.name.lower(),
                    variant="error" if wish in _DANGEROUS else "default",
                )
                for wish, label in _BUTTONS.items()
            ),
            id="ways",
        )

    def on_mount(self) -> None:
        """Nothing can be done before it is told what it is about."""
        self._offer(())

    # Wishes

    async def wish(self) -> RotationWish:
        """The next wish."""
        return await self._wishes.get()

    @on(Button.Pressed)
    def _press(self, event: Button.Pressed) -> None:
        self._want(RotationWish[str(event.button.id).upper()])

    def action_rotation(self, name: str) -> None:
        """A key of this screen; the name is that of a wish."""
        self._want(RotationWish[name.upper()])

    def action_cancel(self) -> None:
        """Close; the rotation stays in flight."""
        self._want(RotationWish.CLOSE)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if action != "rotation" or RotationWish[str(parameters[0]).upper()] in self._choices:
            return True
        return None

    def _want(self, wish: RotationWish) -> None:
        if wish in self._choices:
            self._wishes.put_nowait(wish)

    def shut(self) -> None:
        """Close."""
        self.dismiss(None)

    # What it shows

    def show(self, view: RotationView) -> None:
        """Draw it as it is now."""
        if not self.query("#steps"):
            # The app is going away, and its screens with it.
            return
        self.view = view
        self._update("#both", _both(view))
        self._update("#verdict", _verdict(view.verdict))
        self._update("#said", view.said)
        for selector in ("#verdict", "#said"):
            label = self.query_one(selector, Static)
            label.display = bool(str(label.content))
        self._offer(view.choices)
        self._show_steps()

    def on_resize(self, event: events.Resize) -> None:
        """What came of the steps is folded into the room that there is."""
        self.call_after_refresh(self._show_steps)

    def _show_steps(self, tries: int = _TRIES) -> None:
        if self.view is None or not self.query("#steps"):
            return
        room = 0 if self.has_class("-short") else self.query_one("#steps").content_size.width
        self._update("#steps", _steps(self.view, room, self._free_lines()))
        if tries:
            # What is under the steps may have another height now, and a scrollbar come or go.
            self.call_after_refresh(self._show_steps, tries - 1)

    def _free_lines(self) -> int:
        """How many lines are left when each step has one."""
        box = self.query_one(".dialog")
        others = [
            each.outer_size.height + each.styles.margin.height
            for each in box.children
            if each.display and each.id != "steps"
        ]
        margin = self.query_one("#steps").styles.margin.height
        steps = len(self.view.rotation.steps) if self.view is not None else 0
        return self.app.size.height - sum(others) - box.gutter.height - margin - steps

    def _update(self, selector: str, content: Content) -> None:
        label = self.query_one(selector, Static)
        if label.content != content:
            label.update(content)

    def _offer(self, choices: tuple[RotationWish, ...]) -> None:
        if choices == self._choices and choices:
            return
        self._choices = choices
        self.refresh_bindings()
        for wish in RotationWish:
            button = self.query_one(f"#{wish.name.lower()}", Button)
            button.display = wish in choices
        harmless = [wish for wish in choices if wish not in _DANGEROUS]
        if harmless:
            first = RotationWish.CLOSE if choices[0] in _DANGEROUS else harmless[0]
            self.query_one(f"#{first.name.lower()}").focus()


def _label(wish: RotationWish, label: str) -> Content:
    key = "Enter" if wish is RotationWish.GO_ON else key_of(f"rotate.{wish.name.lower()}")
    return sentence(f"{key} " if key else "", (label, "bold"))


def _steps(view: RotationView, room: int, free: int) -> Content:
    """The steps, and what came of each, as far as there is room for that.

    The last ones are told whole first, with `free` lines more than one for each.
    """
    rotation = view.rotation
    done = {each.step: each for each in rotation.done}
    told = {step: done[step].what for step in rotation.steps if step in done}
    if rotation.step not in done and view.choices != (RotationWish.CLOSE,):
        told[rotation.step] = _now(view)
    folded: dict[Step, str] = {}
    for step in reversed(told):
        folded[step] = _folded(told[step], room, free)
        free -= folded[step].count("\n")
    parts: list[str | tuple[str, str]] = []
    for step in rotation.steps:
        label = fit(STEP_LABELS[step], _LABEL)
        parts.append("\n" if parts else "")
        if step in done:
            at = clock(done[step].at, view.zone)
            parts += [("✓ ", "$success"), label, (f" {at}", MUTED)]
        elif step in told:
            parts += [("▸ ", "bold $primary"), (label, "bold")]
        else:
            parts += [("○ ", MUTED), (label, MUTED)]
        parts.append((folded.get(step, ""), MUTED))
    return sentence(*parts)


_LABEL = 22
_INDENT = len("✓ ") + _LABEL + len(" 14:05:09  ")

_LEAST = 20
"""Narrower, a text is more folds than words."""


def _folded(text: str, room: int, free: int) -> str:
    """`text` beside its step and in at most `free` lines under it, one beginning under the other.

    Nothing, where there is not even room beside it.
    """
    width = room - _INDENT
    if not text or width < _LEAST:
        return ""
    lines = fold(text, width)
    most = 1 + max(free, 0)
    if len(lines) > most:
        lines = [*lines[: most - 1], shorten(" ".join(lines[most - 1 :]), width)]
    return "  " + ("\n" + " " * _INDENT).join(lines)


def _now(view: RotationView) -> str:
    if view.rotation.step is Step.DELIVER and view.rotation.target is not None:
        return view.rotation.where
    return ""


def _both(view: RotationView) -> Content:
    rotation = view.rotation
    columns = (
        (
            "",
            f"Old …{rotation.old.hint}{' · revoked' * rotation.is_done(Step.REVOKE)}",
            f"New …{rotation.new.hint}" if rotation.new else "New –",
        ),
        ("Created", *_of_both(view, lambda key: ago(key.created_at, view.now))),
        ("Last used", *_of_both(view, lambda key: _used(key, view.now))),
    )
    lines = [
        sentence(
            "\n" if row else "",
            (fit(title, 12), MUTED),
            (fit(old, 20), "bold" if not row else ""),
            (new, "bold" if not row else ""),
        )
        for row, (title, old, new) in enumerate(columns)
    ]
    return Content("").join(lines)


def _of_both(view: RotationView, say: Callable[[ApiKey], str]) -> tuple[str, str]:
    return (
        "–" if view.old is None else say(view.old),
        "–" if view.new is None else say(view.new),
    )


def _used(key: ApiKey, now: datetime) -> str:
    return "never" if key.last_used_at is None else ago(key.last_used_at, now)


def _verdict(verdict: Verdict | None) -> Content:
    if verdict is None:
        return literal("")
    glyph, style = _VERDICT_STYLES.get(verdict.kind, ("○", "$warning"))
    return sentence((f"{glyph} {verdict.headline}", f"bold {style}"), f"\n{verdict.reason}")
