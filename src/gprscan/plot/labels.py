"""Labels that do not lie on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

_SIZE = 7.5  # points
_STEPS = (
    (0, 3),
    (0, -11),
    (16, 3),
    (-16, 3),
    (16, -11),
    (-16, -11),
    (0, 15),
    (0, -23),
    (30, 15),
    (-30, 15),
    (30, -23),
    (0, 27),
)


def place_labels(axes: Axes, places: Sequence[tuple[float, float]], texts: Sequence[str]) -> None:
    """Write a text beside each place, moved to where no earlier one lies; a thin line leads back from a label that moved far.

    Parameters
    ----------
    axes : matplotlib Axes
        Its limits and scale should be those that it will be drawn with.
    places : sequence of (float, float)
        In data coordinates.
    texts : sequence of str
        One for each place.
    """
    taken: list[tuple[float, float, float, float]] = []
    dots = axes.figure.dpi / 72.0
    for place, text in zip(places, texts, strict=True):
        x, y = axes.transData.transform(place) / dots
        wide, tall = 0.58 * _SIZE * len(text), 1.25 * _SIZE
        boxes = [(x + dx - wide / 2, y + dy, x + dx + wide / 2, y + dy + tall) for dx, dy in _STEPS]
        free = next((n for n, box in enumerate(boxes) if not any(_touch(box, other) for other in taken)), 0)
        taken.append(boxes[free])
        arrow = {"arrowstyle": "-", "lw": 0.5, "color": "0.4", "shrinkA": 0, "shrinkB": 0} if free > 5 else None
        axes.annotate(
            text,
            place,
            xytext=_STEPS[free],
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=_SIZE,
            arrowprops=arrow,
            zorder=9,
            clip_on=True,
            bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none", "alpha": 0.75},
        )


def _touch(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
