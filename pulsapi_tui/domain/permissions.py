"""What an account may not do, and why, before anything is asked of the server (contract.md)."""

from __future__ import annotations

from pulsapi_tui.domain.models import Account

MANAGING_ROLES = frozenset({"owner", "admin"})


NOTHING_CHANGES = "Nothing can be changed here: it is read-only, by its profile or by --read-only."


def why_no_changes(account: Account) -> str | None:
    """Why keys can't be created, rotated or revoked, as a sentence; None where they can."""
    if account.plan == "free":
        return "API keys are a Pro plan feature, and this account is on the Free plan."
    if account.role not in MANAGING_ROLES:
        return f"Only an owner or an admin manages keys, and your role is {account.role}."
    return None
