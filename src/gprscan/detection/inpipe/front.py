"""What shows at the inside of the wall itself: where it is worn away, and open joints."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from gprscan.detection.inpipe.defects import WallDefect
from gprscan.detection.inpipe.search import Found
from gprscan.detection.inpipe.wall import Wall

_WORN_DB = -15.0  # least change of the front's echo, against a wall with air behind it
_WORN_OVER_DB = 3.0  # by how much it is above what comes from the back of the wall
_LEAST_WORN = 0.15  # m
_JOINT_DB = 8.0  # excess of a joint over the usual level, at the front and at the back of the wall
_JOINT_LEVEL_DB = -32.0  # least echo of a joint
_WIDEST_JOINT = 0.14  # m over which a gap of a centimetre answers


def front_defects(found: Found, wall: Wall, spacing: float, *, ring: bool) -> list[WallDefect]:
    """Return stretches whose inside is worn away, and joints that are open.

    Where the inside is worn, the echo of the front comes later: what changes most lies at the front. An open joint scatters
    where it begins and where it ends, at one place and over a few centimetres; a body behind the wall does neither.

    Parameters
    ----------
    found : Found
        Its `level_db` over depths that begin at the inside of the wall.
    wall : Wall
        As measured.
    spacing : float
        Between traces along the inner wall, m.
    ring : bool
        Whether the line goes round; joints run round, too, and are not looked for on it.
    """
    if found.mesh is not None or not wall.measured:
        return []
    front = found.level_db[:, found.depths < 0.5 * wall.thickness]
    back = found.level_db[:, np.abs(found.depths - wall.thickness) < 0.2 * wall.thickness + 0.005]
    if not front.size or not back.size:
        return []
    at_front, at_back = front.max(axis=1), back.max(axis=1)
    out = []
    worn = (at_front > _WORN_DB) & (at_front > at_back + _WORN_OVER_DB)
    for first, last in _stretches(worn):
        if (last - first + 1) * spacing >= _LEAST_WORN:
            # how much is lost is not known: the thickness stays the usual one, with an error that says so
            out.append(WallDefect("wall_thinning", first, last, wall.thickness, 0.3 * wall.thickness, wall.thickness))
    return out if ring else out + _joints(at_front, at_back, wall, spacing)


def _joints(at_front: np.ndarray, at_back: np.ndarray, wall: Wall, spacing: float) -> list[WallDefect]:
    both = np.minimum(at_front - np.median(at_front), at_back - np.median(at_back))
    seen = (both > _JOINT_DB) & (np.minimum(at_front, at_back) > _JOINT_LEVEL_DB)
    return [
        WallDefect("joint", first, last, 0.0, 0.01, wall.thickness, float(both[first : last + 1].max()))
        for first, last in _stretches(seen)
        if (last - first + 1) * spacing <= _WIDEST_JOINT
    ]


def _stretches(flag: np.ndarray) -> list[tuple[int, int]]:
    labels, count = ndimage.label(flag)
    return [(int(at.start), int(at.stop) - 1) for (at,) in ndimage.find_objects(labels, max_label=count)]
