"""Whether the old key of a rotation can be revoked, by a list that was just read."""

from __future__ import annotations

import msgspec

from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.rotation import Rotation, Step
from pulsapi_tui.domain.verdict import Verdict, VerdictKind, judge, resolution_s

READY = frozenset({VerdictKind.PROBABLY, VerdictKind.SAFE})
"""Verdicts with which an old key may be revoked without its name being typed."""


_STILL_OWN = "This program still signs in with it, and with the new one once you revoke it."
_NOW_OWN = "This program signs in with the new key by now: its own calls are among those."


def why_revoked(verdict: Verdict | None) -> str:
    """What is written down of a watch that the user ends."""
    if verdict is None:
        return "Gone from the list already."
    ready = verdict.kind in READY
    return verdict.headline if ready else f"Ended by you. {verdict.headline}"


def verdict_of(rotation: Rotation, listed: KeyList, own_id: str = "") -> Verdict | None:
    """The verdict; None where that is no question yet, or any more.

    `own_id` is the key that this program signs in with: its use tells nothing of others.
    """
    old = listed.by_id.get(rotation.old.id)
    new = listed.by_id.get(rotation.new.id) if rotation.new is not None else None
    if not rotation.stored or old is None or rotation.is_done(Step.REVOKE):
        return None
    watch, said = rotation.watch, ""
    if own_id == rotation.old.id:
        said = _STILL_OWN
    elif new is not None and own_id == new.id:
        # To sign in with it was to pick it up.
        watch, said = msgspec.structs.replace(watch, tried_at=None), _NOW_OWN
    verdict = judge(watch, old, new, listed.fetched_at, resolution_s(listed.keys))
    return verdict._replace(reason=f"{verdict.reason} {said}") if said else verdict
