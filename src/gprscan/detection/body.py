"""The body: what one detector claims about one thing in the ground, before classification."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import is_
from typing import Any, TypeVar

Votes = dict[str, dict[str, float]]
_Out = TypeVar("_Out")


@dataclass
class Body:
    """One claim. Times are from time zero, depths below the ground, positions along and across the line.

    Attributes
    ----------
    source : str
        Which detector claims it: "diffraction", "debond", "zone", "column", "rebar", "link".
    x, t : float
        Position along the line in m and two-way time in ns of the apex, or of the middle of the top.
    channel : int
        Index of the channel; `channels` lists all of them after linking.
    offset : float
        Position across the line in m.
    depth : float or None
        Depth of the top below the ground in m.
    t_bottom : float or None
        Two-way time of the bottom in ns, where it is seen.
    velocity : float or None
        RMS velocity from the surface to the top in m/ns; None where neither the body nor the line carries it.
    x_min, x_max : float or None
        Extent along the line in m; None where not resolved.
    y_min, y_max : float or None
        Extent across the line in m; None where not resolved.
    sigma_x, sigma_t, sigma_depth, sigma_velocity : float or None
        One total standard deviation.
    polarity : int
        +1 onset like the incident wave, -1 opposite, 0 undecided.
    score : float
        Strength of the detection, 0 to 1; not a probability of any kind.
    votes : dict of str to dict of str to float
        For each piece of evidence by name, its log-likelihood (natural log) per kind. A kind left out gets 0.
    evidence : dict
        Measured values behind the votes; JSON-able, NaN-free (None where not measured).
    group : str or None
        Bodies that belong together (bars of a mesh) share it.
    closed : bool
        True where the body's extent is known to end on both sides; False at the end of a line or swath.
    stone : bool
        True for a hyperbola that is sure to be natural: it says how fast the ground is, and is weighed no further. Without
        votes, unless clutter was asked for, or channels or a model have their say.
    """

    source: str
    x: float
    t: float
    channel: int = 0
    offset: float = 0.0
    depth: float | None = None
    t_bottom: float | None = None
    velocity: float | None = None
    x_min: float | None = None
    x_max: float | None = None
    y_min: float | None = None
    y_max: float | None = None
    sigma_x: float | None = None
    sigma_t: float | None = None
    sigma_depth: float | None = None
    sigma_velocity: float | None = None
    polarity: int = 0
    score: float = 0.0
    votes: Votes = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)
    group: str | None = None
    closed: bool = True
    stone: bool = False
    channels: list[int] = field(default_factory=list)
    _weighed: tuple[list[Any], dict[Any, Any]] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def length(self) -> float | None:
        """Extent along the line in m, None where not resolved."""
        return None if self.x_min is None or self.x_max is None else self.x_max - self.x_min

    def weighed(self, weigh: Callable[[Votes], _Out]) -> _Out:
        """Return what `weigh` makes of the votes, kept until there are others: many rules ask for the same of hundreds of bodies.

        A vote is replaced, never changed.
        """
        entries = list(self.votes.values())
        kept = self._weighed
        if kept is None or len(kept[0]) != len(entries) or not all(map(is_, kept[0], entries)):
            kept = self._weighed = (entries, {})
        if weigh not in kept[1]:
            kept[1][weigh] = weigh(self.votes)
        found: _Out = kept[1][weigh]
        return found

    def keep_weighed(self, found: dict[Any, Any]) -> None:
        """Keep what functions make of the present votes, where that was worked out for many bodies at once; see `weighed`."""
        self._weighed = (list(self.votes.values()), found)
