"""What the Keys screen says when it can't show keys."""

from __future__ import annotations

from pulsapi_tui.domain.errors import (
    CredentialError,
    ForbiddenRoleError,
    OtherAccountError,
    PlanRequiredError,
    PulsapiError,
    UnauthorizedError,
)
from pulsapi_tui.domain.filters import hint_for
from pulsapi_tui.domain.models import Account
from pulsapi_tui.domain.profiles import Profile
from pulsapi_tui.ui.commands import key_of, press
from pulsapi_tui.ui.widgets.state_panel import State

LOADING = State("∿", "Reading your API keys…", "")

WELCOME = State(
    "∿",
    "Welcome to PulsAPI's API keys",
    "Connect to your account with one of its API keys: it is tried before it is saved. Or look "
    "around in the demo first: a server of its own with made-up keys, on this computer alone.",
    button="Connect",
    other_button="Try the demo",
)


def signing_in(profile: Profile, credential_from: str) -> State:
    """The state until the first answer comes."""
    proxy = f" by the proxy {profile.network.proxy}" if profile.network.proxy else ""
    return State(
        "∿",
        "Reading your API keys…",
        f"Signing in to {profile.base_url}{proxy} with the key from {credential_from}.",
    )


def empty() -> State:
    """The state of an account without keys."""
    return State(
        "○",
        "No API keys yet",
        "API keys let you pull service statuses and SLA data, or integrate PulsAPI into your own "
        f"tooling. To create the first one, {press('keys.create')}.",
        button="Create API key",
    )


NOTHING_FOUND = State(
    "⌕", "No key matches the filter", "Press Esc to close the filter and see all keys."
)


def no_such_filter(unknown: str) -> State:
    """The state while a word of the filter means nothing, perhaps since it is still being typed."""
    return State("?", "No such filter", hint_for(unknown))


def could_not_start(error: PulsapiError) -> State:
    """The state where there is not even a session."""
    quits = key_of("app.quit") or "Ctrl+Q"
    text = f"{error.user_message} Quit with {quits}."
    return State("✗", "Could not start", text, tone="-error")


def no_credential(error: CredentialError, *, was_typed: bool) -> State:
    """The state where there is no key that could be sent, or no way to send it."""
    if was_typed:
        return State(
            "✗", "This key can't be used", error.user_message, "Enter another key", tone="-error"
        )
    return State(
        "✗",
        "No key to sign in with",
        error.user_message,
        button="Try again",
        other_button="Profiles",
        tone="-error",
    )


def state_for(error: PulsapiError, account: Account | None, origin: str) -> State:
    """The state that an error puts the screen into while there are no rows to show."""
    match error:
        case UnauthorizedError():
            return State(
                "✗",
                "Signed out",
                "PulsAPI does not accept the key of this session any more: it was revoked, or it "
                f"is not a key of {origin}. Nothing can be read or changed with it. If another one "
                "is where it came from by now, try again.",
                button="Enter another key",
                other_button="Try again",
                tone="-error",
            )
        case PlanRequiredError():
            return State(
                "◇",
                "API keys are a Pro plan feature",
                "Pro brings API keys, webhooks, SLA reports with export, and unlimited services. "
                "Upgrade under Settings › Billing › Upgrade to Pro: this screen then goes on by "
                f"itself. All about it: {error.upgrade_url}",
                button="Look again",
                tone="-warning",
            )
        case ForbiddenRoleError():
            role = f"Your role is {account.role}. " if account else ""
            return State(
                "⊘",
                "Your role can't manage API keys",
                f"{role}Only an owner or an admin of the team creates and revokes keys. Ask one of "
                "them for a key, or for the role: this screen then goes on by itself.",
                button="Look again",
                tone="-warning",
            )
        case OtherAccountError():
            return State(
                "✗",
                "Another account's key",
                f"{error.user_message} Enter a key of the profile's own account; or, for another "
                f"profile, {press('keys.profiles')}.",
                button="Enter another key",
                other_button="Profiles",
                tone="-error",
            )
    return State(
        "⚡",
        "PulsAPI can't be reached",
        f"{error.user_message} The address is {origin}. It is tried again by itself; to try now, "
        f"{press('keys.refresh')}.",
        button="Try now",
        tone="-warning",
    )
