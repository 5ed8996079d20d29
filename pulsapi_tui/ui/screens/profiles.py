"""The profiles: which one is open, and the ways to open, mark, add and remove one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
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


class ProfilesScreen(Dialog[None]):
    """Wishes, and shows what it is told; whoever opened it acts, and shuts it."""

    CSS_PATH = "profiles.tcss"
    AUTO_FOCUS = "#profiles"
    BINDINGS: ClassVar = bindings("profiles", "help")

    def __init__(self, listed: ProfileList, opened: str, opened_from: str) -> None:
        """`opened` is the profile of this session; its key came from `opened_from`."""
        super().__init__("Profiles")
        self._listed = listed
        self._opened = opened
        self._opened_from = opened_from
        self._wishes: asyncio.Queue[ProfileWish | None] = asyncio.Queue()
        self._waiting = False

    def compose_dialog(self) -> Iterable[Widget]:
        """The profiles, all about the one under the cursor, and buttons."""
        yield self.text("", id="none")
        yield OptionList(id="profiles")
        yield self.text("", id="about")
        yield self.text("", id="said")
        yield self.text(sentence((_keys(), MUTED)), id="keys-of-it")
        yield self.buttons(
            Button("Close", id="cancel"),
            Button("Connect another", id="connect"),
            Button("Open", id="open", variant="primary"),
        )

    def _option(self, profile: Profile, widest: int) -> Option:
        glyph = "● " if profile.name == self._opened else "  "
        host = profile.base_url.split("://", 1)[1]
        words = "  read-only" if profile.read_only else ""
        space = " " * (2 + widest - cell_len(named(profile)[0]))
        return Option(
            sentence(glyph, named(profile), (f"{space}{host}", MUTED), (words, "$warning"))
        )

    def on_mount(self) -> None:
        """Start at the profile of this session."""
        self._draw(self._opened)
        if not self._listed.profiles:
            self.query_one("#connect").focus()

    def _draw(self, at: str) -> None:
        menu = self.query_one("#profiles", OptionList)
        names = [profile.name for profile in self._listed.profiles]
        with menu.prevent(OptionList.OptionHighlighted):
            menu.clear_options()
            widest = max((cell_len(named(each)[0]) for each in self._listed.profiles), default=0)
            menu.add_options(self._option(each, widest) for each in self._listed.profiles)
            menu.highlighted = None if not names else names.index(at) if at in names else 0
        menu.display = bool(names)
        self.query_one("#open", Button).disabled = not names
        none = "" if names else "There is no profile yet: connect to your account, and one is made."
        self.query_one("#none", Static).update(literal(none))
        self.query_one("#none").display = not names
        self._explain()

    # Wishes and answers

    async def wish(self) -> ProfileWish | None:
        """The next wish; None: to be closed."""
        return await self._wishes.get()

    def tell(self, listed: ProfileList, said: str) -> None:
        """Show the profiles as they are now, and what came of the wish."""
        self._waiting = False
        chosen = self._chosen
        self._listed = listed
        self._draw(chosen.name if chosen is not None else "")
        self.query_one("#said", Static).update(literal(said))

    def shut(self) -> None:
        """Close."""
        self.dismiss(None)

    def _want(self, wish: ProfileWish | None) -> None:
        # One at a time: the next is about what came of this one.
        if not self._waiting:
            self._waiting = True
            self._wishes.put_nowait(wish)

    def action_cancel(self) -> None:
        """Close."""
        self._want(None)

    @property
    def _chosen(self) -> Profile | None:
        place = self.query_one("#profiles", OptionList).highlighted
        if place is None or place >= len(self._listed.profiles):
            return None
        return self._listed.profiles[place]

    @on(OptionList.OptionHighlighted)
    def _explain(self) -> None:
        chosen = self._chosen
        about = self._about(chosen) if chosen is not None else literal("")
        self.query_one("#about", Static).update(about)

    def _about(self, profile: Profile) -> Content:
        lines: list[tuple[str, str]] = [
            ("Base URL ", profile.base_url),
            ("Key from ", profile.source.words),
        ]
        if profile.name == self._opened and self._opened_from != profile.source.words:
            lines.append(("Now from ", self._opened_from))
        if profile.network.proxy:
            lines.append(("Proxy    ", profile.network.proxy))
        if profile.network.ca_file:
            lines.append(("CA file  ", profile.network.ca_file))
        if profile.name == self._listed.current:
            lines.append(("", "The current profile: opened where no other is named."))
        parts: list[str | tuple[str, str]] = []
        for label, text in lines:
            parts += ["\n" if parts else "", (label, MUTED), text]
        return sentence(*parts)

    def action_profile(self, act: str) -> None:
        """Wish something of the profile under the cursor."""
        if self._chosen is not None:
            self._want(ProfileWish(ProfileAct(act), self._chosen.name))

    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#open")
    def _open(self) -> None:
        self.action_profile(ProfileAct.OPEN.value)

    @on(Button.Pressed, "#connect")
    def action_connect(self) -> None:
        """Connect another account."""
        self._want(ProfileWish(ProfileAct.CONNECT, ""))

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_cancel()
