"""Defects of the wall itself: where it is thin, and where its bars have little cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from gprscan.detection.inpipe.bars import Mesh
from gprscan.detection.inpipe.search import PipeBody
from gprscan.detection.inpipe.settings import PipeSettings
from gprscan.detection.inpipe.wall import Wall

_MOVED_BACK = 0.45  # most that a back which lies elsewhere adds, as a share of what air behind the wall adds
_RINGING_DB = -13.0  # most that goes to and fro once more, against a wall with air behind it


@dataclass(frozen=True)
class WallDefect:
    """A stretch of the wall.

    Attributes
    ----------
    kind : str
        One of `gprscan.names.PIPE_DEFECT_KINDS`.
    first, last : int
        Its traces.
    depth : float
        Of the thin wall's back, or of the bars, outward from the inner wall surface, m.
    sigma : float
        Standard deviation of `depth`, m.
    usual : float
        What the wall has elsewhere, or what the bars should have, m.
    contrast_db : float or None
        Excess of its echo over the usual one; None where the place of an echo tells, not its size.
    """

    kind: str
    first: int
    last: int
    depth: float
    sigma: float
    usual: float
    contrast_db: float | None = None


def settled(bodies: list[PipeBody], defects: list[WallDefect]) -> tuple[list[PipeBody], list[WallDefect]]:
    """Return bodies and defects without those that are the other.

    Where the back of the wall lies nearer, its echo goes from one place to another: what that adds to the trace looks like a
    weak body against the wall, of at most twice the usual echo. A stronger one is a body, and hides where the back is. What goes
    to and fro in the wall comes at another time there, too: a weak echo along the same stretch behind it.

    Parameters
    ----------
    bodies : list of PipeBody
        Outward of the wall, or in it.
    defects : list of WallDefect
        Of the wall.
    """
    kept = list(bodies)
    for body in bodies:
        weak = body.at_wall and body.share is not None and abs(body.share) < _MOVED_BACK
        moved = weak and any(_thin_at(defect, 0.5 * (body.first + body.last)) for defect in defects)
        behind = not body.at_wall and not body.inside
        if moved or (behind and any(_rings_at(defect, body) for defect in defects)):
            kept.remove(body)
    hidden = [body for body in kept if body.at_wall or body.inside]
    left = [d for d in defects if not any(_covers(body, d) for body in hidden)]
    return kept, left


def _thin_at(defect: WallDefect, trace: float) -> bool:
    return defect.kind == "wall_thinning" and defect.first <= trace <= defect.last


def _rings_at(defect: WallDefect, body: PipeBody) -> bool:
    most = 0.5 * (defect.last - defect.first)
    inside = defect.first <= body.first and body.last <= defect.last
    return defect.kind == "wall_thinning" and inside and body.last - body.first > most and body.level_db < _RINGING_DB


def _covers(body: PipeBody, defect: WallDefect) -> bool:
    middle = 0.5 * (defect.first + defect.last)
    return defect.kind in ("wall_thinning", "joint") and body.first - 2 <= middle <= body.last + 2


def wall_defects(wall: Wall, mesh: Mesh | None, spacing: float, settings: PipeSettings) -> list[WallDefect]:
    """Return where the wall is thin, and whether bars lie too near to its inside.

    A stretch is thin where the running median of the thickness over 0.15 m is below the usual one by `thin` of it and
    by three times what the track scatters, for 0.15 m or more.

    Parameters
    ----------
    wall : Wall
        With its track.
    mesh : Mesh or None
        Bars across the line.
    spacing : float
        Between traces along the inner wall, m.
    settings : PipeSettings
        Of the detection.
    """
    out = []
    n = wall.track.size
    seen = np.isfinite(wall.track)
    if wall.measured and seen.sum() >= 0.3 * n and seen.sum() > 8:
        usual = float(np.median(wall.track[seen]))
        window = max(3, 2 * round(0.075 / spacing) + 1)
        filled = np.interp(np.arange(n), np.flatnonzero(seen), wall.track[seen])
        smooth = ndimage.median_filter(filled, window, mode="nearest")
        scatter = 1.48 * float(np.median(np.abs(wall.track[seen] - smooth[seen])))
        thin = smooth < usual - max(settings.thin * usual, 3 * scatter)
        # where the echo of the back is not seen for long, something else is: a body against the wall
        thin &= ndimage.uniform_filter1d(seen.astype(float), window) > 0.5
        labels, count = ndimage.label(thin)
        for label in range(1, count + 1):
            at = np.flatnonzero(labels == label)
            if at.size * spacing >= 0.15:
                depth = float(np.min(smooth[at]))
                sigma = float(np.hypot(scatter, wall.thickness_sigma * depth / max(usual, 1e-6)))
                out.append(WallDefect("wall_thinning", int(at[0]), int(at[-1]), depth, sigma, usual))
    if mesh is not None and mesh.cover < settings.least_cover:
        out.append(WallDefect("low_cover", 0, n - 1, mesh.cover, 0.005, settings.least_cover))
    return out
