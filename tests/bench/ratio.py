"""Ratios of what was measured in turns, and how far they spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Ratio:
    """What ours took against what the peer took, in the same unit, measured in turns.

    `reach` is the limit that the README names: the ratio is to be at most this, or at least, where
    `at_least` is set.
    """

    measure: str
    ours: Sequence[float]
    peer_name: str
    peer: Sequence[float]
    unit: str
    reach: float
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """The ratio of the medians."""
        return median(self.ours) / median(self.peer)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest ratio of a single turn."""
        turns = sorted(ours / peer for ours, peer in zip(self.ours, self.peer, strict=True))
        return turns[0], turns[-1]

    @property
    def is_reached(self) -> bool:
        """Say whether the limit is kept."""
        return self.ratio >= self.reach if self.at_least else self.ratio <= self.reach

    def line(self) -> str:
        """The row that is printed."""
        low, high = self.spread
        sign = "≥" if self.at_least else "≤"
        verdict = "reached" if self.is_reached else "NOT reached"
        return (
            f"{self.measure}: {self.ratio:.2f} ({low:.2f} to {high:.2f}, {len(self.ours)} turns; "
            f"{median(self.ours):.4g} against {median(self.peer):.4g} {self.unit} of "
            f"{self.peer_name}); {sign} {self.reach:g}: {verdict}"
        )
