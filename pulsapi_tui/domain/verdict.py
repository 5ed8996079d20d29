"""Whether a key that has a successor can be revoked, in words, from what was observed.

All that is ever seen of a key's uses is the newest (`last_used_at`), at the resolution of the
server's data, each time the list is read. So nothing here says "never used", and nothing is
certain: an old key is quiet only in comparison with the longest pause that it is known to have
made. That is the longest gap between two uses seen, or, where it is longer, the age of its last
use when we first looked.

Limits. A pause longer than 36 h of which nothing was seen looks like the end: a key of office
hours looked at on a Friday (64 h until Monday), a weekly job looked at a day after it ran. Calls
that come in bursts, watched within one burst only, look steady: that is why PROBABLY says for how
long was watched. A key long idle when first looked at is not called safe before three times its
age; and whoever tries the new key by hand looks like its integration.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from itertools import pairwise
from math import ceil
from typing import NamedTuple

import msgspec

from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.times import DAY_S, HOUR_S, MINUTE_S, ago, span

KEPT_USES = 100
"""Uses remembered of each key; what was the longest pause is remembered for good."""

MIN_GAPS = 3
"""Gaps that must have been seen before they are called a rhythm."""

MIN_STAMPS = 3
"""Different times that must agree before the data is called coarse; by chance, they do so once in
200,000 accounts (minutes) or 10,000 (days of data by the hour)."""

MANY_TIMES = 3
"""How many of its longest pauses a key must be quiet."""

MIN_QUIET_S = 10.0
SAFE_AFTER_HOURS = 36
"""Longer than from one night to the next, however late the second one is."""

OUR_TRY_S = 15.0
"""A use of the new key up to that long after our own try is ours: the clocks may differ."""

_SAFE_AFTER_S = SAFE_AFTER_HOURS * HOUR_S
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GRAINS = {DAY_S: "day", HOUR_S: "hour", MINUTE_S: "minute"}


class VerdictKind(StrEnum):
    """How safe it is; all but the last two mean: not yet."""

    NOT_PICKED_UP = "not picked up"
    STILL_IN_USE = "still in use"
    TOO_EARLY = "too early"
    UNKNOWN_RHYTHM = "unknown rhythm"
    PROBABLY = "probably safe"
    SAFE = "safe"


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a key and its successor so far. It holds no secret and may be stored."""

    since: datetime
    """The successor was stored then."""
    tried_at: datetime | None
    """Our own call with the successor: a use of it up to about then is ours."""
    old_uses: tuple[datetime, ...]
    """Different `last_used_at` of the old key as observed, oldest first, the newest 100."""
    new_uses: tuple[datetime, ...]
    """The same of the successor."""
    seen_from: datetime
    """When we first looked at the old key."""
    forgotten_pause_s: float = 0.0
    """The longest pause known when uses of the old key were dropped; 0 where none were."""


class Verdict(NamedTuple):
    """What is to be said, why, and for how long to wait."""

    kind: VerdictKind
    headline: str
    reason: str
    ready_in_s: float | None
    """Until the next better kind if nothing is used but the new key; None: time alone won't do."""


def observed(watch: Watch, old: ApiKey, new: ApiKey | None) -> Watch:
    """Add what a fresh list shows; the same object where that is nothing new.

    A `last_used_at` older than one known is a stale answer, and adds nothing.
    """
    old_uses = _with(watch.old_uses, old.last_used_at)
    new_uses = _with(watch.new_uses, None if new is None else new.last_used_at)
    if old_uses is watch.old_uses and new_uses is watch.new_uses:
        return watch
    if len(old_uses) > KEPT_USES:
        watch = msgspec.structs.replace(watch, forgotten_pause_s=_longest_pause_s(watch))
    return msgspec.structs.replace(
        watch, old_uses=old_uses[-KEPT_USES:], new_uses=new_uses[-KEPT_USES:]
    )


def resolution_s(keys: Sequence[ApiKey]) -> float:
    """The grain of the data: 86400, 3600 or 60 where every last use is on a whole one, else 1.

    With fewer than `MIN_STAMPS` different times it is 1: nothing is said that was not seen.
    """
    stamps = {key.last_used_at for key in keys if key.last_used_at is not None}
    if len(stamps) >= MIN_STAMPS:
        since_epoch = [stamp - _EPOCH for stamp in stamps]
        for grain_s in _GRAINS:
            if not any(age.seconds % grain_s or age.microseconds for age in since_epoch):
                return float(grain_s)
    return 1.0


def usual_gap_s(uses: Sequence[datetime]) -> float | None:
    """The longest gap between those uses, oldest first; None with fewer than `MIN_GAPS` gaps.

    The longest, for a mean would call every second pause unusual. Polling sees a gap too long
    rather than too short.
    """
    gaps_s = _gaps_s(uses)
    return max(gaps_s) if len(gaps_s) >= MIN_GAPS else None


def judge(
    watch: Watch, old: ApiKey, new: ApiKey | None, now: datetime, resolution_s: float
) -> Verdict:
    """Say whether `old` can be revoked.

    `now` is when the list was read, not when the verdict is drawn: time in which nobody looked is
    not quiet. `new` is None where the list has no such key.
    """
    watch = observed(watch, old, new)
    if not _picked_up(watch, new, resolution_s):
        verdict = _not_picked_up(watch, new, now)
    elif not watch.old_uses:
        verdict = _without_a_use(watch, now, resolution_s)
    else:
        verdict = _by_quiet(watch, now, resolution_s)
    if resolution_s <= 1:
        return verdict
    grain = _GRAINS.get(int(resolution_s))
    steps = f"by the {grain}" if grain else f"in steps of {span(resolution_s)}"
    return verdict._replace(reason=f"{verdict.reason} PulsAPI's data is {steps}.")


def _picked_up(watch: Watch, new: ApiKey | None, resolution_s: float) -> bool:
    if new is None or not watch.new_uses:
        return False
    if watch.tried_at is None:
        return True
    after_try_s = (watch.new_uses[-1] - watch.tried_at).total_seconds()
    return after_try_s > OUR_TRY_S + (resolution_s if resolution_s > 1 else 0)


def _not_picked_up(watch: Watch, new: ApiKey | None, now: datetime) -> Verdict:
    if new is None:
        seen = "The new key is not in the list: nothing can use it."
    elif watch.new_uses:
        seen = "No use of the new key was seen but our own try."
    else:
        seen = "No use of the new key was seen."
    if watch.old_uses:
        seen += f" The old one was last used {ago(watch.old_uses[-1], now)}."
    return Verdict(
        VerdictKind.NOT_PICKED_UP, "Not safe yet: the new key is not picked up", seen, None
    )


def _without_a_use(watch: Watch, now: datetime, resolution_s: float) -> Verdict:
    watched_s = (now - watch.seen_from).total_seconds()
    missing_s = _SAFE_AFTER_S + 2 * resolution_s - watched_s
    unseen = f"no use seen for {_span(watched_s)}"
    seen = (
        f"{_new_words(watch, now, 2 * resolution_s)}; no use of the old one is on record, and none "
        f"was seen since we looked. {_limit(watched_s)}"
    )
    if missing_s <= 0:
        return Verdict(VerdictKind.SAFE, f"Safe to revoke: {unseen}", seen, None)
    seen += f" Wait for {SAFE_AFTER_HOURS} h in all, {_more(missing_s)}."
    return Verdict(VerdictKind.UNKNOWN_RHYTHM, f"Not sure yet: {unseen}", seen, missing_s)


def _by_quiet(watch: Watch, now: datetime, resolution_s: float) -> Verdict:
    last_use = watch.old_uses[-1]
    quiet_s = (now - last_use).total_seconds()
    pause_s, slack_s = _longest_pause_s(watch), 2 * resolution_s
    known = usual_gap_s(watch.old_uses) is not None
    safe_s = max(_SAFE_AFTER_S, MANY_TIMES * pause_s) + slack_s
    probable_s = max(MIN_QUIET_S, MANY_TIMES * pause_s + slack_s) if known else safe_s
    # Where both are quiet, a machine may just be off.
    moved_on = watch.new_uses[-1] > last_use
    gap = f"its usual gap is {span(pause_s) if known else 'not known'}"
    in_use = _new_words(watch, now, pause_s + slack_s)
    quiet = f"quiet for {_span(quiet_s)}"
    reason = f"{in_use}; the old one {quiet}, {gap}."
    limit = _limit((now - watch.seen_from).total_seconds())
    if moved_on and quiet_s >= safe_s:
        return Verdict(VerdictKind.SAFE, f"Safe to revoke: {quiet}", f"{reason} {limit}", None)
    if moved_on and quiet_s >= probable_s:
        until_safe_s = safe_s - quiet_s
        headline = f"Probably safe: {quiet}"
        return Verdict(VerdictKind.PROBABLY, headline, f"{reason} {limit}", until_safe_s)
    missing_s = probable_s - quiet_s if moved_on else None
    wait = _wait_for(watch, known, missing_s)
    if last_use > watch.since:
        used = ago(last_use, now)
        reason = f"{in_use}; the old one was used {used}, after the new one was stored; {gap}."
        headline = f"Not safe yet: still in use {used}"
        return Verdict(VerdictKind.STILL_IN_USE, headline, f"{reason} {wait}", missing_s)
    kind = VerdictKind.TOO_EARLY if known else VerdictKind.UNKNOWN_RHYTHM
    headline = f"{'Too early' if known else 'Not sure yet'}: {quiet}"
    return Verdict(kind, headline, f"{reason} {wait}", missing_s)


def _wait_for(watch: Watch, known: bool, missing_s: float | None) -> str:
    if missing_s is None:
        return "No use of the new key was seen since: wait for one."
    if known:
        return f"Wait until it was quiet for three times as long, {_more(missing_s)}."
    uses, pause = len(watch.old_uses), span(_longest_pause_s(watch))
    if uses == 1 and watch.old_uses[0] <= watch.seen_from:
        seen = f"Last used {pause} before we looked"
    else:
        seen = f"Only {uses} use{'s' * (uses > 1)} seen, with pauses of up to {pause}"
    return (
        f"{seen}: wait until it was quiet for three times as long, and for {SAFE_AFTER_HOURS} h at "
        f"least, {_more(missing_s)}."
    )


def _with(uses: tuple[datetime, ...], use: datetime | None) -> tuple[datetime, ...]:
    return uses if use is None or (uses and use <= uses[-1]) else (*uses, use)


def _gaps_s(uses: Sequence[datetime]) -> list[float]:
    return [(later - earlier).total_seconds() for earlier, later in pairwise(uses)]


def _longest_pause_s(watch: Watch) -> float:
    """Needs a use. The age floor: a key last used 9 h before we looked makes pauses of 9 h.

    A key first used after we looked made a pause of that long.
    """
    first_s = abs((watch.seen_from - watch.old_uses[0]).total_seconds())
    return max(watch.forgotten_pause_s or first_s, *_gaps_s(watch.old_uses), 0.0)


def _new_words(watch: Watch, now: datetime, recent_s: float) -> str:
    recent = (now - watch.new_uses[-1]).total_seconds() <= max(recent_s, 5 * MINUTE_S)
    return "New key in use" if recent else f"New key last used {ago(watch.new_uses[-1], now)}"


def _limit(watched_s: float) -> str:
    return f"Watched for {_span(watched_s)}: a job that runs more seldom would not have shown."


def _span(seconds: float) -> str:
    return span(max(seconds, 0.0))


def _more(seconds: float) -> str:
    """Rounded up, as `span` rounds down; in hours, as long as it is compared with hours."""
    if HOUR_S <= seconds < 3 * DAY_S:
        return f"up to {ceil(seconds / HOUR_S)} h more"
    unit_s = next(unit for unit in (DAY_S, HOUR_S, MINUTE_S, 1) if seconds >= unit or unit == 1)
    return f"up to {span(ceil(seconds / unit_s) * unit_s)} more"
