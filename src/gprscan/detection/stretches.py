"""A line is finished stretch by stretch, so that what is held of it does not grow with its length.

What a body is found to be in the end depends on others within a hundred metres: those that share its ground, stand in its
row, or were seen on other channels. So what lies farther than that behind the front of the search is finished, with all
within reach of it, and of it only what is reported is kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from gprscan.detection.body import Body
from gprscan.detection.settle import REACH, ROUNDS

BEYOND = ROUNDS * REACH + 20.0  # m: as far as bodies bear on each other, and what links them and lies on them
STRETCH = 800.0  # m that are finished together
_NUMBERED = re.compile(r"(row|line)(-.*)?-(\d+)")

Finish = Callable[[list[Body]], tuple[list[Body], np.ndarray]]


@dataclass
class Stretches:
    """Bodies of a line, in the order in which they are found.

    Attributes
    ----------
    finish : callable
        Settles, merges and links bodies and leaves out what is not reported: returns what is left, and of each body that
        bears on the ground its place and what it says, shape (n, 3).
    held : list of Body
        Not finished yet, or within reach of what is not.
    reported : list of Body
        Finished.
    measured : list of ndarray, shape (n, 3)
        What the finished ones say of the ground.
    done : float
        Distance in m up to which the line is finished.
    """

    finish: Finish
    held: list[Body] = field(default_factory=list)
    reported: list[Body] = field(default_factory=list)
    measured: list[np.ndarray] = field(default_factory=list)
    done: float = -math.inf
    numbers: dict[str, int] = field(default_factory=dict)

    def add(self, bodies: list[Body], front: float) -> None:
        """Add bodies; what will be added later lies beyond `front` m, which is infinite at the end of the line."""
        self.held += bodies
        first = max(self.done, min((b.x for b in self.held), default=front))
        if front == math.inf or front - BEYOND - first >= STRETCH:
            self._advance(front - BEYOND)

    def _advance(self, cut: float) -> None:
        last = cut == math.inf
        # finishing changes bodies, and those within reach of the cut are needed again as they were found
        left, measured = self.finish(self.held if last else [copied(b) for b in self.held])
        cut = self._before_rows(left, cut)
        mine = [b for b in left if self.done <= b.x < cut]
        self.measured.append(measured[(measured[:, 0] >= self.done) & (measured[:, 0] < cut)])
        self._number(mine)
        self.reported += mine
        self.done = cut
        self.held = [] if last else [b for b in self.held if b.x >= cut - BEYOND]

    def _before_rows(self, bodies: list[Body], cut: float) -> float:
        """Cut before the rows and lines that it would part; one of more than a stretch is parted, and its parts get two numbers."""
        places: dict[str, list[float]] = {}
        for body in bodies:
            # a mesh is one body
            if body.group is not None and body.source != "rebar":
                places.setdefault(body.group, []).append(body.x)
        whole = cut
        for first, last in sorted(((min(x), max(x)) for x in places.values()), reverse=True):
            if first < cut <= last:
                cut = first
        return cut if whole - cut < STRETCH and cut > self.done else whole

    def _number(self, bodies: list[Body]) -> None:
        """Go on with the numbers of rows and lines where the last stretch left off."""
        before = dict(self.numbers)
        for body in bodies:
            found = None if body.group is None else _NUMBERED.fullmatch(body.group)
            if found is None:
                continue
            name = found[1] + (found[2] or "")
            number = before.get(name, 0) + int(found[3])
            body.group = f"{name}-{number}"
            self.numbers[name] = max(self.numbers.get(name, 0), number)
        lines = before.get("line", 0)
        for body in bodies:
            if lines and "near_lines" in body.evidence:
                body.evidence["near_lines"] = [
                    f"line-{lines + int(n.rpartition('-')[2])}" for n in body.evidence["near_lines"]
                ]


def copied(body: Body) -> Body:
    """Return a body whose votes and evidence can be changed without changing the first."""
    return replace(body, votes=dict(body.votes), evidence=dict(body.evidence), channels=list(body.channels))
