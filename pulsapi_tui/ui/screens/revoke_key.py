"""Ask before keys are revoked: which, how old, last used when, and what will happen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual import on
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Static

from pulsapi_tui.domain.equivalents import revoke_line
from pulsapi_tui.domain.health import used_recently
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import ago, last_use
from pulsapi_tui.domain.typed import word_to_type
from pulsapi_tui.ui.asks import Known
from pulsapi_tui.ui.literal import MUTED, literal, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.text_field import TextField

MOST_IN_SCRIPT = 3
"""Keys whose ids still fit into the command that is shown."""


class RevokeKeysScreen(Dialog[bool | None]):
    """Opens on Cancel. Returns True only where the user confirmed."""

    CSS_PATH = "revoke_key.tcss"
    AUTO_FOCUS = "#cancel"
    HELP: ClassVar[str | None] = (
        "A revoked key answers 401 Unauthorized at once, and can't be had again. Where "
        "something used the key in the last 24 hours, or where there are several, the name or "
        "the count has to be typed first."
    )

    def __init__(
        self,
        keys: Sequence[ApiKey],
        now: datetime,
        *,
        clean_up: bool = False,
        known: Known | None = None,
        must_type: bool = False,
        hidden: str = "",
    ) -> None:
        """`must_type` asks for the name in any case, as for keys of a production profile."""
        idle = "idle " if clean_up else ""
        title = f"Revoke {idle}API key" if len(keys) == 1 else f"Revoke {len(keys)} {idle}API keys"
        super().__init__(title, danger=True)
        self._keys = keys
        self._now = now
        self._clean_up = clean_up
        self._hidden = hidden
        self._known = known
        must_type = must_type or clean_up or (known is not None and known.is_early)
        self._word = word_to_type(keys, now, must_type=must_type)

    @property
    def type_into(self) -> str | None:
        """The field, where there is one."""
        return "#word" if self._word is not None else None

    def compose_dialog(self) -> Iterable[Widget]:
        """What is revoked, what follows, and how to go on."""
        yield VerticalScroll(self.text(self._what(), id="what"), id="names", can_focus=False)
        consequence = self._consequence()
        if self._hidden:
            consequence = sentence((f"! {self._hidden}\n", "$warning")) + consequence
        yield self.text(consequence, id="consequence")
        if len(self._keys) <= MOST_IN_SCRIPT:
            ids = [key.id for key in self._keys]
            yield self.script(partial(revoke_line, ids))
        if self._word is not None:
            yield Static(
                sentence("To go on, type ", (self._word, "bold"), ":"), id="ask", markup=False
            )
            yield TextField(id="word", select_on_focus=False)
        yield self.buttons(
            Button("Cancel", id="cancel", variant="primary"),
            Button("Revoke", id="revoke", variant="error", disabled=self._word is not None),
        )

    def _what(self) -> Content:
        if len(self._keys) > 1 or self._clean_up:
            lines = [
                sentence(
                    "\n" if index else "",
                    (f"• {key.name}", "bold"),
                    (f"  …{key.hint}  {last_use(key.last_used_at, self._now)}", MUTED),
                )
                for index, key in enumerate(self._keys)
            ]
            return Content("").join(lines)
        key = self._keys[0]
        return sentence(
            (key.name, "bold"),
            (f"  …{key.hint}", MUTED),
            f"\nCreated {ago(key.created_at, self._now)}, {last_use(key.last_used_at, self._now)}.",
        )

    def _consequence(self) -> Content:
        in_use = [key for key in self._keys if used_recently(key, self._now)]
        many = len(self._keys) > 1
        text = (
            f"From then on every request with {'them' if many else 'it'} gets "
            "401 Unauthorized. This can't be undone."
        )
        if self._clean_up:
            them = "them, and unmark what" if many else "it, and unmark it if"
            return sentence((f"Marked by Clean up. Cancel to keep {them} you need. ", "bold"), text)
        if self._known is not None:
            glyph, style = ("!", "$warning") if self._known.is_early else ("✓", "$success")
            old = "the old keys" if many else "the old key"
            return sentence(
                (f"{glyph} {self._known.text}", style),
                f"\nOnce revoked, {old} get{'' if many else 's'} 401 Unauthorized. "
                "This can't be undone.",
            )
        if not in_use:
            return literal(text)
        if many:
            warning = (
                f"{len(in_use)} of them used in the last 24 hours: what uses them will break. "
            )
        else:
            warning = "It was used in the last 24 hours: what uses it will break at once. "
        return sentence((f"! {warning}", "$warning"), text)

    @on(Input.Changed, "#word")
    def _compare(self, event: Input.Changed) -> None:
        self.query_one("#revoke", Button).disabled = event.value.strip() != self._word

    @on(Input.Submitted, "#word")
    def _submit(self, event: Input.Submitted) -> None:
        if event.value.strip() == self._word:
            self.dismiss(True)
        elif self._word is not None:
            self.query_one("#ask", Static).update(
                sentence(("✗ That is not it. Type ", "$error"), (self._word, "bold"), ":")
            )

    @on(Button.Pressed, "#revoke")
    def _revoke(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(False)
