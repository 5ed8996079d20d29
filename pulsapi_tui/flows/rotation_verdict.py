"""Whether the old key of a rotation can be revoked, by a list that was just read."""

from __future__ import annotations

from pulsapi_tui.domain.key_list import KeyList
from pulsapi_tui.domain.rotation import Rotation, Step
from pulsapi_tui.domain.verdict import Verdict, VerdictKind, judge, resolution_s

READY = frozenset({VerdictKind.PROBABLY, VerdictKind.SAFE})
"""Verdicts with which an old key may be revoked without its name being typed."""


def verdict_of(rotation: Rotation, listed: KeyList) -> Verdict | None:
    """The verdict; None where that is no question yet, or any more."""
    old = listed.by_id.get(rotation.old.id)
    new = listed.by_id.get(rotation.new.id) if rotation.new is not None else None
    if not rotation.stored or old is None or rotation.is_done(Step.REVOKE):
        return None
    return judge(rotation.watch, old, new, listed.fetched_at, resolution_s(listed.keys))
