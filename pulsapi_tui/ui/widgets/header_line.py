"""The line at the top: where one is, and as whom."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.ui.literal import MUTED, sentence
from pulsapi_tui.ui.marks import named

PLAN_NAMES = {"free": "Free", "pro": "Pro", "enterprise": "Enterprise"}


class HeaderLine(Horizontal):
    """The breadcrumb on the left; profile, account, plan and role on the right."""

    DEFAULT_CSS = """
    HeaderLine {
        height: 1;
        padding: 0 1;
        background: $panel;
        & > #breadcrumb { width: auto; }
        & > #account {
            width: 1fr;
            text-align: right;
            color: $foreground 80%;
            text-wrap: nowrap;
            text-overflow: ellipsis;
        }
    }
    """

    def compose(self) -> ComposeResult:
        """The two halves."""
        yield Static(
            sentence(
                ("∿ PulsAPI", "bold $primary"),
                "  ",
                ("Settings › ", MUTED),
                ("API Keys", "bold"),
            ),
            id="breadcrumb",
        )
        yield Static(id="account", markup=False)

    def show(self, profile: Profile | None, account: Account | None) -> None:
        """Name the profile and, once it is known, the account."""
        parts: list[str | tuple[str, str]] = ["   "]
        if profile is not None:
            parts.append(named(profile))
            if profile.read_only:
                parts += ["  ", ("read-only", "bold $warning")]
        if account is not None:
            # The e-mail comes last: on a narrow screen it is what is cut.
            parts.append(f"  {PLAN_NAMES[account.plan]} · {account.role} · {account.email}")
        self.query_one("#account", Static).update(sentence(*parts))
