"""The line at the top: where one is, and as whom."""

from __future__ import annotations

from collections.abc import Iterator

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.ui.literal import MUTED, sentence
from pulsapi_tui.ui.marks import named

PLAN_NAMES = {"free": "Free", "pro": "Pro", "enterprise": "Enterprise"}

_BRAND = ("∿ PulsAPI", "bold $primary")
_WHERE = sentence(_BRAND, "  ", ("Settings › ", MUTED), ("API Keys", "bold"))
_WHERE_IN_SHORT = sentence(_BRAND, "  ", ("API Keys", "bold"))
_GAP = 3


class HeaderLine(Horizontal):
    """The breadcrumb on the left; profile, account, plan and role on the right.

    Where there is no room, whole parts give way, the least needed one first; the profile stays.
    """

    DEFAULT_CSS = """
    HeaderLine {
        height: 1;
        padding: 0 1;
        background: $panel;
        & > #breadcrumb { width: auto; }
        & > #account {
            width: 1fr;
            text-align: right;
            color: $foreground 85%;
            text-wrap: nowrap;
            text-overflow: ellipsis;
        }
    }
    """

    def __init__(self) -> None:
        self._profile: Profile | None = None
        self._account: Account | None = None
        super().__init__()

    def compose(self) -> ComposeResult:
        """The two halves."""
        yield Static(_WHERE, id="breadcrumb", markup=False)
        yield Static(id="account", markup=False)

    def show(self, profile: Profile | None, account: Account | None) -> None:
        """Name the profile and, once it is known, the account."""
        self._profile, self._account = profile, account
        self._write()

    def on_resize(self, event: events.Resize) -> None:
        """More or less of it fits."""
        self._write()

    def _write(self) -> None:
        room = self.content_size.width
        for where, who in self._from_long_to_short():
            if where.cell_length + _GAP + who.cell_length <= room:
                break
        self.query_one("#breadcrumb", Static).update(where)
        self.query_one("#account", Static).update(who)

    def _from_long_to_short(self) -> Iterator[tuple[Content, Content]]:
        profile, account = self._profile, self._account
        parts: list[str | tuple[str, str]] = [""]
        if profile is not None:
            parts.append(named(profile))
            if profile.read_only:
                parts += ["  ", ("read-only", "bold $warning")]
        name = sentence(*parts)
        if account is not None:
            parts.append(f"  {PLAN_NAMES[account.plan]} · {account.role}")
            rights = sentence(*parts)
            yield _WHERE, sentence(*parts, f" · {account.email}")
            yield _WHERE, rights
            yield _WHERE_IN_SHORT, rights
        yield _WHERE, name
        yield _WHERE_IN_SHORT, name
