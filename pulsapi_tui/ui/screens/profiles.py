"""The profiles: which one is open, and the ways to open, mark, add and remove one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, OptionList, Static
from textual.widgets.option_list import Option

from pulsapi_tui.domain.profiles import Profile, ProfileList
from pulsapi_tui.ui.asks import ProfileAct, ProfileWish
from pulsapi_tui.ui.commands import bindings, of
from pulsapi_tui.ui.literal import MUTED, literal, sentence
from pulsapi_tui.ui.marks import named
from pulsapi_tui.ui.widgets.dialog import Dialog


def _keys() -> str:
    """The commands that have no button."""
    return " · ".join(
        f"{command.shown} {command.label.lower()}"
        for command in of("profiles")
        if command.keys and command.id != "profiles.connect"
    )


class ProfilesScreen(Dialog[ProfileWish | None]):
    """Returns what is wished of which profile, or None."""

    CSS_PATH = "profiles.tcss"
    AUTO_FOCUS = "#profiles"
    BINDINGS: ClassVar = bindings("profiles", "help")

    def __init__(
        self, listed: ProfileList, opened: str, said: str, at: str = "", opened_from: str = ""
    ) -> None:
        """`opened` is the profile of this session, `said` what came of the last wish.

        `opened_from` is where the key of this session came from.
        """
        super().__init__("Profiles")
        self._listed = listed
        self._opened = opened
        self._said = said
        self._at = at or opened
        self._opened_from = opened_from

    def compose_dialog(self) -> Iterable[Widget]:
        """The profiles, all about the one under the cursor, and buttons."""
        if not self._listed.profiles:
            yield self.text(
                "There is no profile yet: connect to your account, and one is made.", id="none"
            )
        yield OptionList(*map(self._option, self._listed.profiles), id="profiles")
        yield self.text("", id="about")
        yield self.text(literal(self._said), id="said")
        yield self.text(sentence((_keys(), MUTED)), id="keys-of-it")
        yield self.buttons(
            Button("Close", id="cancel"),
            Button("Connect another", id="connect"),
            Button("Open", id="open", variant="primary", disabled=not self._listed.profiles),
        )

    def _option(self, profile: Profile) -> Option:
        glyph = "● " if profile.name == self._opened else "  "
        host = profile.base_url.split("://", 1)[1]
        words = "  read-only" if profile.read_only else ""
        return Option(sentence(glyph, named(profile), (f"  {host}", MUTED), (words, "$warning")))

    def on_mount(self) -> None:
        """Start where the last wish was."""
        menu = self.query_one("#profiles", OptionList)
        names = [profile.name for profile in self._listed.profiles]
        menu.display = bool(names)
        if names:
            menu.highlighted = names.index(self._at) if self._at in names else 0
        else:
            self.query_one("#connect").focus()

    @property
    def _chosen(self) -> Profile | None:
        place = self.query_one("#profiles", OptionList).highlighted
        return None if place is None else self._listed.profiles[place]

    @on(OptionList.OptionHighlighted)
    def _explain(self) -> None:
        if self._chosen is not None:
            self.query_one("#about", Static).update(self._about(self._chosen))

    def _about(self, profile: Profile) -> Content:
        lines: list[tuple[str, str]] = [
            ("Server   ", profile.base_url),
            ("Key from ", profile.source.words),
        ]
        if profile.name == self._opened and self._opened_from != profile.source.words:
            lines.append(("Now from ", self._opened_from))
        if profile.network.proxy:
            lines.append(("Proxy    ", profile.network.proxy))
        if profile.network.ca_file:
            lines.append(("CA file  ", profile.network.ca_file))
        if profile.name == self._listed.current:
            lines.append(("", "It is opened where no other one is asked for."))
        parts: list[str | tuple[str, str]] = []
        for label, text in lines:
            parts += ["\n" if parts else "", (label, MUTED), text]
        return sentence(*parts)

    def action_profile(self, act: str) -> None:
        """Wish something of the profile under the cursor."""
        if self._chosen is not None:
            self.dismiss(ProfileWish(ProfileAct(act), self._chosen.name))

    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#open")
    def _open(self) -> None:
        self.action_profile(ProfileAct.OPEN.value)

    @on(Button.Pressed, "#connect")
    def action_connect(self) -> None:
        """Connect another account."""
        self.dismiss(ProfileWish(ProfileAct.CONNECT, ""))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
