"""What the Keys screen knows of the keys: the list, the marks, and what a row says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from pulsapi_tui.domain.filters import Token
from pulsapi_tui.domain.health import Condition, Health, HealthLimits, Judge
from pulsapi_tui.domain.key_list import SLICE, KeyList
from pulsapi_tui.domain.models import ApiKey
from pulsapi_tui.domain.ports import Clock
from pulsapi_tui.domain.times import ago
from pulsapi_tui.domain.uses import UsesSeen
from pulsapi_tui.ui.arrangement import Arrangement, pause
from pulsapi_tui.ui.commands import key_of, press
from pulsapi_tui.ui.literal import columnar, lined_up
from pulsapi_tui.ui.widgets.key_details import NO_OWNER, in_words
from pulsapi_tui.ui.widgets.keys_table import KeyRow

_TONES = {
    Condition.IN_USE: "keys-table--in-use",
    Condition.IDLE: "keys-table--idle",
    Condition.NEVER_USED: "keys-table--never-used",
    Condition.SESSION: "keys-table--session",
    Condition.ROTATING: "keys-table--session",
}


class Listing:
    """The list as last read, less what was revoked since, and how it is shown."""

    def __init__(self, clock: Clock, limits: HealthLimits | None = None) -> None:
        self._clock = clock
        self._limits = limits or HealthLimits()
        self._gone: set[str] = set()
        self.arrangement = Arrangement()
        self.keys: KeyList | None = None
        self.marked: set[str] = set()
        self.unowned: set[str] = set()
        """Keys that nobody is known to have, and that the user put off deciding about."""
        self.session_key_id = ""
        self.rotating: dict[str, str] = {}
        """The keys of the rotations that are under way: which ones they are, by their ids."""
        self.rotations = 0
        self.uses = UsesSeen()
        self.now: datetime = clock.now()
        """The moment that all rows are drawn for."""

    def take(self, fresh: KeyList) -> None:
        """Take over a fresh list. Keys that were revoked while it was on its way stay away."""
        keys = fresh.keys
        self.uses.note(keys, fresh.fetched_at)
        if self._gone:
            self._gone &= fresh.by_id.keys()
            keys = tuple(key for key in keys if key.id not in self._gone)
        if self.keys is not None and self.keys.keys is keys:
            self.keys.fetched_at = fresh.fetched_at
            return
        self.keys = KeyList(keys, fresh.fetched_at)
        if self.marked:
            self.marked &= self.keys.by_id.keys()

    def drop(self, key_ids: Iterable[str]) -> None:
        """Take keys off: the server confirmed that they are gone."""
        self._gone |= set(key_ids)
        self.marked -= self._gone
        if self.keys is not None:
            kept = tuple(key for key in self.keys.keys if key.id not in self._gone)
            self.keys = KeyList(kept, self.keys.fetched_at)

    def start_over(self) -> None:
        """Another account: nothing of what was known is of it, but how the list is shown."""
        self.forget()
        self._gone.clear()
        self.unowned.clear()
        self.session_key_id = ""
        self.rotating, self.rotations = {}, 0
        self.uses = UsesSeen()

    def forget(self) -> None:
        """There is no list any more."""
        self.keys = None
        self.marked.clear()

    async def arrange(self) -> Sequence[ApiKey]:
        """The keys to show, in their order, as of now."""
        if self.keys is not None and not self._may_look_later:
            await self.find_duplicates()
        self.now = self._clock.now()
        shown = await self.arrangement.arrange(self.keys.keys if self.keys else (), self._judge())
        self.now = self._clock.now()
        return shown

    @property
    def _may_look_later(self) -> bool:
        """Whether a long list is shown before it is known which names are there twice."""
        is_long = self.keys is not None and len(self.keys) > SLICE
        return is_long and Token.DUPLICATE not in self.arrangement.filter.tokens

    async def find_duplicates(self) -> None:
        """Find out which names several keys have."""
        if self.keys is not None:
            for _ in self.keys.find_duplicates():
                await pause(self.keys.keys)

    async def get_ready_to_filter(self) -> None:
        """Do now what the first keystroke of a filter would wait for."""
        if self.keys is not None:
            await self.arrangement.fold(self.keys.keys)

    def tick(self) -> None:
        """Let the ages in the rows follow the clock."""
        self.now = self._clock.now()

    def counts(self, shown: Sequence[ApiKey]) -> str:
        """How many there are, are shown, and are marked; or what is wrong with the filter."""
        unknown = self.arrangement.filter.unknown
        if unknown is not None:
            return "? no such filter"
        total = len(self.keys) if self.keys else 0
        parts = [f"{total:,} key{'s' * (total != 1)}"]
        if self.arrangement.is_filtered:
            parts.append(f"{len(shown):,} shown")
        if self.marked:
            parts.append(f"{len(self.marked):,} marked{self._hidden_marks(shown)}")
        if self.rotations:
            parts.append(f"{self.rotations} rotation{'s' * (self.rotations != 1)} under way")
        unowned = len(self.unowned & self.keys.by_id.keys()) if self.keys and self.unowned else 0
        if unowned:
            key = key_of("keys.orphans")
            # First: it is the last thing that may be cut.
            parts.insert(0, f"! {unowned} without an owner{f' ({key})' if key else ''}")
        return " · ".join(parts)

    def _hidden_marks(self, shown: Sequence[ApiKey]) -> str:
        """How many of the marked keys the filter hides: what is done to the marked ones is done to
        them, too.
        """
        if not self.arrangement.is_filtered:
            return ""
        hidden = len(self.marked) - sum(key.id in self.marked for key in shown)
        return f", {hidden:,} of them hidden" if hidden else ""

    def health(self, key: ApiKey) -> Health:
        """What is to be said of a key."""
        health = self._judge().health(key)
        if key.id not in self.unowned:
            return health
        reason = f"Nobody is known to have its secret: {press('keys.orphans')} to decide about it."
        return health._replace(word=NO_OWNER, reason=reason)

    def idle_keys(self) -> list[ApiKey]:
        """The keys that nothing seems to need, whatever the filter shows."""
        judge = self._judge()
        return [key for key in self.keys.keys if judge.is_idle(key)] if self.keys else []

    def _judge(self) -> Judge:
        duplicates = self.keys.duplicates_found if self.keys else ()
        return Judge(self.now, self.session_key_id, duplicates, self._limits, self.rotating)

    def describe(self, key: ApiKey) -> KeyRow:
        """A key's row."""
        health = self.health(key)
        return KeyRow(
            name=columnar(key.name),
            created=lined_up(ago(key.created_at, self.now)),
            last_used="never"
            if key.last_used_at is None
            else lined_up(ago(key.last_used_at, self.now)),
            health=in_words(health),
            tone=_TONES[health.condition],
            marked=key.id in self.marked,
        )
