"""Plan a rotation: how much the old key's users are considered, and the successor's name."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from pulsapi_tui.domain.delivery import PROFILE_WAY, Target
from pulsapi_tui.domain.equivalents import SCRIPT_TARGET, rotate_line
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.names import MAX_LENGTH, check_name
from pulsapi_tui.domain.rotation import Mode
from pulsapi_tui.domain.times import ago, last_use
from pulsapi_tui.ui.asks import RotationWanted
from pulsapi_tui.ui.literal import MUTED, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.text_field import TextField

_MODES = {
    Mode.OVERLAP: (
        "With overlap",
        "Create, deliver and prove a new key; watch until the old one is quiet; then you revoke "
        "it. Both work meanwhile.",
    ),
    Mode.AT_ONCE: (
        "After a leak: revoke at once",
        "Create, deliver and prove a new key; then revoke the old one without watching. What has "
        "not picked the new key up by then breaks.",
    ),
    Mode.REVOKE_FIRST: (
        "After a leak: revoke first",
        "Revoke the old key now, then create and deliver a new one. All that uses the old key "
        "breaks at once, until it has the new one.",
    ),
}


class RotatePlanScreen(Dialog[RotationWanted | None]):
    """Returns the plan, or None. Nothing is sent from here."""

    CSS_PATH = "rotate_plan.tcss"
    AUTO_FOCUS = "#modes"
    HELP: ClassVar[str | None] = (
        "A successor is created, delivered and proven, and the old key revoked. ↑ and ↓ "
        "choose how much what uses the old key is considered: with overlap, both work until "
        "you revoke the old one."
    )

    def __init__(self, key: ApiKey, now: datetime, *, is_own: bool) -> None:
        super().__init__("Rotate API key")
        self._key = key
        self._now = now
        # Revoked first, the key of this session could not create its successor.
        self._modes = [mode for mode in Mode if not (is_own and mode is Mode.REVOKE_FIRST)]
        self._is_own = is_own

    def compose_dialog(self) -> Iterable[Widget]:
        """The key, the modes, the name, buttons."""
        key = self._key
        used = last_use(key.last_used_at, self._now)
        own = " This program is signed in with it, and goes on with its successor."
        yield self.text(
            sentence(
                (key.name, "bold"),
                (f"  …{key.hint}", MUTED),
                f"\nCreated {ago(key.created_at, self._now)}, {used}.",
                own if self._is_own else "",
            ),
            id="what",
        )
        yield OptionList(*(Option(Content(_MODES[mode][0])) for mode in self._modes), id="modes")
        yield self.text("", id="mode")
        yield self.text(sentence(("Name of the successor", MUTED)), id="name-label")
        yield TextField(
            key.name, id="name", compact=True, max_length=MAX_LENGTH * 2, select_on_focus=False
        )
        yield self.text("", id="verdict")
        yield self.script(self._script)
        yield self.buttons(
            Button("Cancel", id="cancel"),
            Button("Show it once", id="show"),
            Button("Deliver it", id="deliver", variant="primary"),
        )

    def on_mount(self) -> None:
        """The gentlest mode first."""
        self.query_one("#modes", OptionList).highlighted = 0

    @property
    def _mode(self) -> Mode:
        return self._modes[self.query_one("#modes", OptionList).highlighted or 0]

    @on(OptionList.OptionHighlighted)
    def _explain(self) -> None:
        style = "" if self._mode is Mode.OVERLAP else "$warning"
        glyph = "" if self._mode is Mode.OVERLAP else "! "
        text = f"{glyph}{_MODES[self._mode][1]}"
        self.query_one("#mode", Static).update(sentence((text, style)))
        self.show_script(self._script)

    def _script(self, script_profile: str) -> str:
        mode = "" if not self.is_mounted or self._mode is Mode.OVERLAP else self._mode.value
        target = SCRIPT_TARGET
        if self._is_own and self.profile is not None and self.profile.source.is_ours:
            target = Target(way_id=PROFILE_WAY, values={"profile": self.profile.name})
        return rotate_line(self._key.id, target, script_profile, mode=mode)

    @on(Input.Changed, "#name")
    def _judge(self, event: Input.Changed) -> None:
        verdict = check_name(event.value)
        problem = (f"✗ {verdict.error}", "$error") if verdict.error else ""
        self.query_one("#verdict", Static).update(sentence(problem))
        for button in ("#show", "#deliver"):
            self.query_one(button, Button).disabled = verdict.error is not None

    @on(OptionList.OptionSelected)
    @on(Input.Submitted, "#name")
    @on(Button.Pressed, "#deliver")
    def _deliver(self) -> None:
        self._return(deliver=True)

    @on(Button.Pressed, "#show")
    def _show(self) -> None:
        self._return(deliver=False)

    def _return(self, *, deliver: bool) -> None:
        verdict = check_name(self.query_one("#name", Input).value)
        if verdict.error is None:
            self.dismiss(RotationWanted(self._mode, verdict.name, deliver))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
