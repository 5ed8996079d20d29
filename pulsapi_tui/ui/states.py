"""What the Keys screen says when it can't show keys."""

from __future__ import annotations

from pulsapi_tui.domain.errors import (
    CredentialError,
    ForbiddenRoleError,
    PlanRequiredError,
    PulsapiError,
    UnauthorizedError,
)
from pulsapi_tui.domain.models import Account
from pulsapi_tui.ui.widgets.state_panel import State

LOADING = State("∿", "Reading your API keys…", "")

EMPTY = State(
    "○",
    "No API keys yet",
    "API keys let you pull service statuses and SLA data, or integrate PulsAPI into your own "
    "tooling. Press n to create the first one.",
    button="Create API key",
)

NOTHING_FOUND = State(
    "⌕", "No key matches the filter", "Press Esc to close the filter and see all keys."
)


def could_not_start(error: PulsapiError) -> State:
    """The state where there is not even a session."""
    return State("✗", "Could not start", f"{error.user_message} Quit with q.", tone="-error")


def state_for(error: PulsapiError, account: Account | None, origin: str) -> State:
    """The state that an error puts the screen into while there are no rows to show."""
    match error:
        case UnauthorizedError():
            return State(
                "✗",
                "Signed out",
                "PulsAPI does not accept the key of this session any more: it was revoked, or it "
                f"is not a key of {origin}. Nothing can be read or changed with it.",
                button="Enter another key",
                tone="-error",
            )
        case PlanRequiredError():
            return State(
                "◇",
                "API keys are a Pro plan feature",
                "Pro brings API keys, webhooks, SLA reports with export, and unlimited services. "
                "Upgrade under Settings › Billing › Upgrade to Pro, or see "
                f"{error.upgrade_url} - this screen goes on by itself once the plan changed.",
                button="Look again",
                tone="-warning",
            )
        case ForbiddenRoleError():
            role = f"Your role is {account.role}. " if account else ""
            return State(
                "⊘",
                "Your role can't manage API keys",
                f"{role}Only an owner or an admin of the team creates and revokes keys. Ask one of "
                "them for a key, or for the role - this screen goes on by itself.",
                button="Look again",
                tone="-warning",
            )
        case CredentialError():
            return State(
                "✗", "This key can't be used", error.user_message, "Enter another key", "-error"
            )
    return State(
        "⚡",
        "PulsAPI can't be reached",
        f"{error.user_message} The address is {origin}. It is tried again by itself; press r to "
        "try now.",
        button="Try now",
        tone="-warning",
    )
