"""The shapes of `--json`. They are promises: what is here is in the help, and stays."""

from __future__ import annotations

from typing import Any

from pulsapi_tui.domain.health import Health
from pulsapi_tui.domain.models import Account, ApiKey
from pulsapi_tui.domain.rotation import KeyRef, Rotation
from pulsapi_tui.domain.verdict import Verdict


def of_account(account: Account) -> dict[str, Any]:
    """Who the key acts as."""
    return {
        "id": account.id,
        "email": account.email,
        "display_name": account.display_name,
        "timezone": account.timezone,
        "plan": account.plan,
        "role": account.role,
        "authenticated_key_id": account.authenticated_key_id,
    }


def of_key(key: ApiKey) -> dict[str, Any]:
    """A key; never its secret."""
    return {
        "id": key.id,
        "name": key.name,
        "hint": key.hint,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
    }


def of_key_with(key: ApiKey, health: Health) -> dict[str, Any]:
    """A key, and what is to be said of it."""
    return {
        **of_key(key),
        "condition": word(health.condition),
        "flags": [each.flag.value for each in health.flags],
    }


def word(text: str) -> str:
    """A state as one word: `never_used`."""
    return text.replace(" ", "_")


def _of_ref(key: KeyRef | None) -> dict[str, Any] | None:
    return None if key is None else {"id": key.id, "name": key.name, "hint": key.hint}


def of_rotation(rotation: Rotation, verdict: Verdict | None) -> dict[str, Any]:
    """A rotation, and whether its old key can be revoked."""
    return {
        "id": rotation.id,
        "mode": rotation.mode.replace(" ", "-"),
        "step": "over" if rotation.is_over else rotation.step.value,
        "old": _of_ref(rotation.old),
        "new": _of_ref(rotation.new),
        "where": rotation.where,
        "verdict": None
        if verdict is None
        else {
            "kind": word(verdict.kind),
            "headline": verdict.headline,
            "reason": verdict.reason,
            "ready_in_s": verdict.ready_in_s,
        },
        "done": [
            {"step": each.step.value, "at": each.at, "what": each.what} for each in rotation.done
        ],
    }
