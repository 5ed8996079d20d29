"""Name a profile whose key was tried, mark it, and say where its key is kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.ports import Store
from pulsapi_tui.domain.profiles import NAME, NAME_RULE, Kept
from pulsapi_tui.ui.asks import ProfileWanted
from pulsapi_tui.ui.literal import MUTED, literal, sentence
from pulsapi_tui.ui.widgets.dialog import Dialog
from pulsapi_tui.ui.widgets.header_line import PLAN_NAMES
from pulsapi_tui.ui.widgets.text_field import TextField
from pulsapi_tui.ui.widgets.tick import Tick

_WORDS: dict[Kept, tuple[str, str]] = {
    Kept.COMMAND: ("The command that printed it", "it is run again at each start"),
    Kept.KEYRING: ("The system's keyring", "encrypted by the system"),
    Kept.FILE: ("A file that only you can read", "not encrypted, mode 0600"),
    Kept.ENVIRONMENT: ("Nowhere", "set PULSAPI_API_KEY at each start"),
}


class SaveProfileScreen(Dialog[ProfileWanted | None]):
    """Returns how to save it, or None."""

    CSS_PATH = "save_profile.tcss"
    AUTO_FOCUS = "#name"
    HELP: ClassVar[str | None] = (
        "A profile is an account by a name, and where its key is kept. Nothing is saved "
        "before you agree."
    )
    BINDINGS: ClassVar = [("enter", "save", "Save")]

    def __init__(
        self,
        account: Account,
        wanted: ProfileWanted,
        taken: Sequence[str],
        stores: Sequence[Store],
        problem: str = "",
    ) -> None:
        super().__init__("Save this profile")
        self._account = account
        self._wanted = wanted
        self._taken = taken
        self._stores = stores
        self._problem = problem

    def compose_dialog(self) -> Iterable[Widget]:
        """Whose key it is, the name, the marks, the places, buttons."""
        account = self._account
        yield self.text(
            sentence(
                ("✓ It works: ", "$success"),
                (account.email, "bold"),
                f"  {PLAN_NAMES[account.plan]} · {account.role}",
            ),
            id="who",
        )
        yield self.text(sentence(("Name of the profile", MUTED)), id="name-label")
        yield TextField(self._wanted.name, id="name", compact=True)
        yield Tick(
            "Production: marked, and a revoke asks for its name",
            self._wanted.production,
            id="production",
        )
        yield Tick(
            "Read-only: nothing can be changed through it", self._wanted.read_only, id="read-only"
        )
        yield self.text(sentence(("Where its key is kept", MUTED)), id="kept-label")
        yield OptionList(*(self._option(store) for store in self._stores), id="stores")
        yield self.text("", id="verdict")
        yield self.buttons(
            Button("Back", id="cancel"), Button("Save", id="save", variant="primary")
        )

    @staticmethod
    def _option(store: Store) -> Option:
        title, what = _WORDS[store.kept]
        said = f"✗ {store.problem}" if store.problem else what
        return Option(sentence(title, (f"  {said}", MUTED)), disabled=bool(store.problem))

    def on_mount(self) -> None:
        """The safest place first."""
        kept = [store.kept for store in self._stores if not store.problem]
        wanted = self._wanted.kept if self._wanted.kept in kept else kept[0]
        places = [store.kept for store in self._stores]
        self.query_one("#stores", OptionList).highlighted = places.index(wanted)
        self._say(self._problem)

    def _say(self, problem: str) -> None:
        said: Content = sentence((f"✗ {problem}", "$error")) if problem else literal("")
        self.query_one("#verdict", Static).update(said)

    @on(Input.Changed, "#name")
    def _judge(self) -> None:
        name = self.query_one("#name", Input).value
        problem = self._problem_of(name)
        # A field tells of what it was made with, too: that has changed nothing yet.
        self._say(problem or (self._problem if name == self._wanted.name else ""))
        self.query_one("#save", Button).disabled = bool(problem)

    def _problem_of(self, name: str) -> str:
        if NAME.fullmatch(name) is None:
            return f"A name has {NAME_RULE}."
        if name in self._taken:
            return "There is a profile of that name already."
        return ""

    @on(Input.Submitted, "#name")
    @on(OptionList.OptionSelected)
    @on(Button.Pressed, "#save")
    def action_save(self) -> None:
        """Save it like that."""
        name = self.query_one("#name", Input).value
        problem = self._problem_of(name)
        if problem:
            self._say(problem)
            return
        place = self.query_one("#stores", OptionList).highlighted
        self.dismiss(
            ProfileWanted(
                name=name,
                production=self.query_one("#production", Tick).value,
                read_only=self.query_one("#read-only", Tick).value,
                kept=self._stores[place or 0].kept,
            )
        )

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.dismiss(None)
