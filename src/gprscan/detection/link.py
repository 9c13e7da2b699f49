"""Linking: the apexes and areas that the channels of an array show of one body become one body.

Pipes are lines, voids are compact, interfaces are sheets. What reaches the edge of the swath may go on beyond it, so
that it is never called compact; what one channel alone shows, between neighbours that do not, is too small for a void
or a pipe.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gprscan.detection.array import Apexes, Swath, Track, find_tracks
from gprscan.detection.body import Body, Votes
from gprscan.detection.classify import chances_of, load_table
from gprscan.detection.size import length_under_roof
from gprscan.names import HAZARD_KINDS, HIDDEN_KINDS

NARROW = 0.25  # m across: a body worth reporting is as wide, so that channels closer than this show it on two of them or more
EARLIER, BRIGHTER = 0.15, 3.0  # periods, dB: what a void that rides on a pipe differs from the pipe by
STONE = 0.8  # chance of clutter from which on a body links to none
SHEET = 5.0  # m along the line: wider than the swath and longer than this it is an interface

# natural-log likelihoods of what continuity says; a kind left out gets 0
CONTINUITY: dict[str, dict[str, float]] = {
    "line": {
        "pipe": 3.0,
        "rebar": 2.0,
        "cavity": -4.0,
        "debond": -4.0,
        "loose": -4.0,
        "water_rich": -4.0,
        "clutter": -4.0,
    },
    "compact": {"pipe": -4.0, "rebar": -4.0, "clutter": -1.5, "interface": -3.0},
    "open": {"clutter": -1.0},
    "single": {"pipe": -2.5, "rebar": -2.5},
    "edge": {"pipe": -1.5, "rebar": -1.5},
    "sheet": {"interface": 4.0, "pipe": -3.0, "clutter": 1.0},
}
# and what each channel nearby says that does not show it, for a body of several channels those between them. By areas: per square
# metre, a swath has more chances to meet stones than one line has, by the ratio of the widths over which a void and a stone
# are seen, 0.5 m to 0.15 m: 1.2 in all. A void shows on one channel alone in one case in fifty or less, a stone in three of five: 3.5 to 4
# more. At the edge a void may reach in from beside the swath: it does so for one channel only in .2 m / (.7 m + .5 m) of the
# cases, a stone in one of four: 0.5 more.
SILENT = {"single": 1.25, "edge": 0.85, "between": 0.75}
LONG_STEPS = 3.0  # channel steps, for each channel that shows it, from which on a body is long
SAME_BODY = 6.0  # dB: within a body, the echo is above half of its largest
Live = Mapping[int, Sequence[tuple[float, float]]]


def link_channels(
    bodies: Sequence[Body], offsets: dict[int, float], period: float, live: Live | None = None
) -> list[Body]:
    """Make one body of what the channels of an array show of it.

    Parameters
    ----------
    bodies : sequence of Body
        Of all channels, settled within each.
    offsets : dict of int to float
        Offset of each channel across the line, m.
    period : float
        One period of the antenna, ns.
    live : dict of int to list of (float, float), optional
        Where each channel was searched, from and to along the line in m: only there does it say something by showing
        nothing. All of them everywhere where not given.

    Returns
    -------
    list of Body
        One per body: pipes with their crossing angle, compact bodies with their extents along and across; positions by
        the conventions of the anomaly table. With one channel the bodies come back as they are.
    """
    swath = Swath.of(offsets)
    if swath.size < 2:
        return list(bodies)
    pool = list(bodies)
    tracks, on_track = _tracks(pool, swath, period)
    out: list[Body] = []
    for number, track in enumerate(tracks):
        riders = _riders(pool, track, period)
        rest = [k for k in track.members.tolist() if k not in riders]
        out.append(_line_body([pool[k] for k in rest], track, swath, f"line-{number + 1}"))
        on_track -= set(riders)
    free = [b for k, b in enumerate(pool) if k not in on_track]
    clusters = _clusters(free, swath, period)
    stones = sorted((b for b in free if _doubt(b) > STONE), key=lambda b: b.x)
    for cluster in clusters:
        # of clutter alone nobody doubts that it is some
        against = _dissent(cluster, stones, swath, period) if _doubt(cluster[0]) <= STONE else []
        out.append(_compact_body(cluster, against, swath, tracks, live))
    return sorted(out, key=lambda b: (b.x, b.t))


def _tracks(bodies: list[Body], swath: Swath, period: float) -> tuple[list[Track], set[int]]:
    """Lines through the hyperbolas, and the indices of the bodies on them."""
    mine = [k for k, b in enumerate(bodies) if b.source == "diffraction"]
    if not mine:
        return [], set()
    apexes = Apexes(
        x=np.array([bodies[k].x for k in mine]),
        y=np.array([swath.offsets[swath.rank[bodies[k].channel]] for k in mine]),
        t=np.array([bodies[k].t for k in mine]),
        rank=np.array([swath.rank[bodies[k].channel] for k in mine]),
        weight=np.array([1.0 - _doubt(bodies[k]) for k in mine]),
    )
    tracks = find_tracks(apexes, swath, period)
    for track in tracks:
        track.members = np.array([mine[m] for m in track.members])
    return tracks, {int(k) for track in tracks for k in track.members}


def _riders(bodies: list[Body], track: Track, period: float) -> list[int]:
    """Members of a line that are voids where the others are a pipe: a void that sits on it.

    At least two neighbouring channels, with at least three others left that agree on the pipe, and which they outshine or
    come before: a pipe that was mistaken for a void does neither.
    """
    members = sorted((int(k) for k in track.members), key=lambda k: bodies[k].offset)
    hazard = []
    for k in members:
        chances = chances_of(bodies[k])
        hazard.append(sum(chances.get(kind, 0.0) for kind in HAZARD_KINDS) > 0.6)
    if not 2 <= sum(hazard) <= len(members) - 3:
        return []
    first = hazard.index(True)
    last = len(hazard) - 1 - hazard[::-1].index(True)
    if last - first + 1 != sum(hazard):
        return []
    mine, rest = members[first : last + 1], members[:first] + members[last + 1 :]
    dip, t0 = np.polyfit([bodies[k].offset for k in rest], [bodies[k].t for k in rest], 1)
    early = float(np.median([t0 + dip * bodies[k].offset - bodies[k].t for k in mine]))
    levels = [[bodies[k].evidence.get("amplitude_db") for k in group] for group in (mine, rest)]
    brighter = (_median(levels[0]) or 0.0) - (_median(levels[1]) or 0.0)
    return mine if early > EARLIER * period or brighter > BRIGHTER else []


def _clusters(bodies: list[Body], swath: Swath, period: float) -> list[list[Body]]:
    """Groups of bodies on neighbouring channels (one may be missing between) that overlap along the line and in time.

    Clutter does not link bodies, nor does it link to them; two bodies of one channel stay two.
    """
    solid = [_doubt(b) <= STONE for b in bodies]
    order = sorted((k for k in range(len(bodies)) if solid[k]), key=lambda k: bodies[k].x)
    group = list(range(len(bodies)))
    content: dict[int, list[int]] = {k: [k] for k in range(len(bodies))}
    reach = max([0.3, *(b.length or 0.0 for b in bodies)])
    pairs = []
    for n, i in enumerate(order):
        for j in order[n + 1 :]:
            if bodies[j].x - bodies[i].x > reach:
                break
            cost = _apart(bodies[i], bodies[j], swath, period)
            if cost is not None:
                pairs.append((cost, i, j))
    for _, i, j in sorted(pairs):
        a, b = group[i], group[j]
        if a == b or {bodies[k].channel for k in content[a]} & {bodies[k].channel for k in content[b]}:
            continue
        for k in content[b]:
            group[k] = a
        content[a] += content.pop(b)
    return [[bodies[k] for k in ks] for ks in content.values()]


def _apart(a: Body, b: Body, swath: Swath, period: float) -> float | None:
    """How far apart two bodies of neighbouring channels are, in tolerances; None where they do not touch."""
    gap = abs(swath.rank[a.channel] - swath.rank[b.channel])
    if not 1 <= gap <= 2:
        return None
    along = max(abs(a.x - b.x) - 0.25 * ((a.length or 0.0) + (b.length or 0.0)), 0.0) / 0.2
    # the roof of a round body sinks to the side: most of a period per channel
    late = abs(a.t - b.t) / (0.8 * period * gap)
    return along + late + gap if along < 1 and late < 1 else None


def _dissent(members: list[Body], stones: Sequence[Body], swath: Swath, period: float) -> list[Body]:
    """Echoes of the same body that are clutter by themselves, on channels between or next to its own; one per channel.

    To ask only those channels that take a stone for a void would give it as many chances as the swath has channels. What is
    so weak that it comes from beside the body says nothing.

    Parameters
    ----------
    members : list of Body
        What the channels show of one body.
    stones : sequence of Body
        All that is clutter by itself, in the order of x.
    """
    taken = {b.channel for b in members}
    found: dict[int, tuple[float, Body]] = {}
    for b in (b for b in members if b.source == "diffraction"):
        reach = 0.2 + 0.5 * (b.length or 0.0)
        first, last = (bisect_left(stones, b.x + side * reach, key=_place) for side in (-1.0, 1.0))
        for other in stones[first:last]:
            cost = _apart(b, other, swath, period)
            if cost is None or other.channel in taken or abs(swath.rank[b.channel] - swath.rank[other.channel]) > 1:
                continue
            if cost < found.get(other.channel, (math.inf,))[0]:
                found[other.channel] = cost, other
    loudest = max((level for b in members if (level := _amplitude(b)) > -math.inf), default=math.inf)
    return [b for _, b in found.values() if _amplitude(b) > loudest - SAME_BODY]


def _amplitude(body: Body) -> float:
    level = body.evidence.get("amplitude_db")
    return -math.inf if level is None else float(level)


def _place(body: Body) -> float:
    return body.x


def _doubt(body: Body) -> float:
    return chances_of(body).get("clutter", 0.0)


def _mean_votes(members: list[Body]) -> Votes:
    """Mean of the votes.

    They do not add up over channels: what makes a stone look like a void, its size and the ground around it, is the same for
    all that see it.
    """
    if len(members) == 1:
        return dict(members[0].votes)
    out: Votes = {}
    for name in sorted({name for b in members for name in b.votes}):
        kinds = sorted({kind for b in members for kind in b.votes.get(name, {})})
        said = {kind: sum(b.votes.get(name, {}).get(kind, 0.0) for b in members) for kind in kinds}
        out[name] = {kind: round(value / len(members), 3) for kind, value in said.items()}
    return out


def _kinds(votes: Votes) -> set[str]:
    """Kinds that are voted on; one with variants among them is, too."""
    kinds = set[str]().union(*votes.values())
    return kinds | {kind.partition(".")[0] for kind in kinds}


def _leader(members: list[Body]) -> Body:
    """The member that says most: least like clutter, most coherent."""
    return max(members, key=lambda b: (1.0 - _doubt(b)) * (0.2 + b.score))


def _joined(members: list[Body], link: str, continuity: Mapping[str, float], against: Sequence[Body] = ()) -> Body:
    """What line and compact bodies have in common."""
    leader = _leader(members)
    votes = _mean_votes([*members, *against])
    if link in ("line", "compact"):
        votes.pop("oblique", None)  # the channels show the crossing angle, or that there is none
    known = _kinds(votes)
    votes["continuity"] = {kind: value for kind, value in continuity.items() if kind in known}
    signs = [b.polarity for b in members if b.polarity != 0]
    roofs = [float(b.evidence["image_width_m"]) for b in members if b.evidence.get("image_width_m") is not None]
    widest = {"image_width_m": max(roofs)} if roofs else {}  # a body is as long as where it is longest
    return replace(
        leader,
        polarity=0 if not signs else int(np.sign(sum(signs))),
        votes=votes,
        evidence={**leader.evidence, **widest, "link": link, "n_channels": len({b.channel for b in members})},
        channels=sorted({c for b in members for c in (b.channels or [b.channel])}),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.median(known)) if known else None


def _line_body(members: list[Body], track: Track, swath: Swath, group: str) -> Body:
    """A pipe: its place where it crosses the middle of the swath, its angle, the means of its depth and velocity."""
    body = _joined(members, "line", CONTINUITY["line"])
    middle = 0.5 * float(swath.offsets[0] + swath.offsets[-1])
    n = math.sqrt(len(members))
    cosine = math.cos(track.theta)
    corrected = all("crossing_deg" in b.evidence for b in members)
    sigma_depth = _median([b.sigma_depth for b in members])
    body.x, body.offset = track.x0 + track.slope * middle, middle
    body.t = track.t0 + track.dip * middle
    body.sigma_x = math.hypot(track.sigma_x, 0.01)
    body.depth, body.velocity = _median([b.depth for b in members]), _median([b.velocity for b in members])
    scatter = float(np.std([b.depth for b in members if b.depth is not None] or [0.0]))
    # errors of the ground's velocity are common to all channels, those of the picks are not
    body.sigma_depth = None if sigma_depth is None else math.hypot(0.8 * sigma_depth, scatter / n)
    body.x_min = body.x_max = body.y_min = body.y_max = None
    body.group = group
    body.closed = False
    body.evidence |= {
        "crossing_deg": math.degrees(track.theta),
        "slope_m_per_m": track.slope,
        "dip_ns_per_m": track.dip,
        "line_rms_m": track.rms_x,
        "velocity_factor": 1.0 if corrected else cosine,
    }
    return body


def _compact_body(
    members: list[Body], against: list[Body], swath: Swath, tracks: list[Track], live: Live | None
) -> Body:
    """A body that is no line: extents along and across, and whether it ends within the swath; `against`: see `_dissent`."""
    ranks = sorted({swath.rank[b.channel] for b in members})
    at_edge = ranks[0] == 0 or ranks[-1] == swath.size - 1
    lengths = [b.length for b in members if b.length is not None]
    if at_edge and len(ranks) == swath.size and lengths and max(lengths) > SHEET:
        link = "sheet"
    elif len(ranks) == 1:
        # at the edge a void may reach in from beside the swath, but what crosses it shows on the next channel too
        link = "open" if swath.spacing > NARROW else "edge" if at_edge else "single"
    else:
        link = "open" if at_edge else "compact"
    body = _joined(members, link, _continuity(link, ranks, swath), against)
    body.evidence["doubting_channels"] = len(against)
    long = _is_long(members, ranks, swath)
    body.evidence["silent_channels"] = silent = _silent(members, against, ranks, swath, live, long=long)
    if silent:
        doubt = SILENT.get(link, SILENT["between"]) * silent * (2.0 if long else 1.0)
        known = _kinds(body.votes)
        said = body.votes["continuity"]
        body.votes["continuity"] = said | {kind: said.get(kind, 0.0) + doubt for kind in HIDDEN_KINDS if kind in known}
    weight = np.array([(1.0 - _doubt(b)) * (0.2 + b.score) for b in members]) + 1e-6
    body.x = float(np.average([b.x for b in members], weights=weight))
    first = min((b for b, w in zip(members, weight, strict=True) if w >= 0.5 * weight.max()), key=lambda b: b.t)
    body.t, body.depth, body.velocity = first.t, first.depth, first.velocity
    body.sigma_t, body.sigma_depth, body.sigma_velocity = first.sigma_t, first.sigma_depth, first.sigma_velocity
    body.closed = link == "compact" and all(b.closed for b in members)
    low = [b.x_min for b in members if b.x_min is not None]
    high = [b.x_max for b in members if b.x_max is not None]
    body.x_min, body.x_max = (min(low), max(high)) if low and high else (None, None)
    if len(ranks) > 1:
        body.y_min, body.y_max = _across(members, swath)
        body.offset = 0.5 * (body.y_min + body.y_max)
        # each end lies anywhere within a step between two channels; at the swath's edge it lies beyond
        body.evidence["sigma_width_m"] = swath.spacing / math.sqrt(6.0)
        body.evidence["width_at_least"] = at_edge
    reach = 0.3 + 0.5 * (body.length or 0.0)
    rides = [n + 1 for n, k in enumerate(tracks) if abs(body.x - k.x0 - k.slope * body.offset) < reach]
    if rides and body.source == "diffraction":
        body.evidence["near_lines"] = [f"line-{n}" for n in rides]
    return body


def _continuity(link: str, ranks: list[int], swath: Swath) -> dict[str, float]:
    """What continuity says; what is narrower than a body worth reporting may as well be a stone."""
    said = CONTINUITY[link]
    narrow = len(ranks) > 1 and _narrow(ranks, swath)
    return {kind: value for kind, value in said.items() if not (narrow and kind in HIDDEN_KINDS)}


def _is_long(members: list[Body], ranks: list[int], swath: Swath) -> bool:
    """Is a body so long along the line that the channels beside those few that show it would show it, too?

    What is three channel steps long is hardly narrower than one, nor six steps than two. Nor does a gap under the bound layer, however wide, answer on one
    channel alone: the Fresnel zones of channels this close overlap by more than half, and one of the next has a quarter to a
    half of its echo (half-planes and strips at 0.1 to 0.35 m, 400 MHz, channels 0.1 m apart).
    """
    if len(ranks) == 1 and members[0].source == "debond":
        return True
    return _narrow(ranks, swath) and max(map(_extent, members)) > LONG_STEPS * swath.spacing * len(ranks)


def _narrow(ranks: list[int], swath: Swath) -> bool:
    """Do channels show a body that are closer together than one that is worth reporting is wide?"""
    return float(swath.offsets[ranks[-1]] - swath.offsets[ranks[0]]) < NARROW


def _extent(body: Body) -> float:
    """Extent along the line in m as far as it is known by now: of a cavity, by its roof in the image."""
    roof = None
    if body.source in ("diffraction", "zone"):
        kind = next(iter(chances_of(body)), "")
        roof = length_under_roof(load_table("diffraction"), kind, body.evidence.get("image_width_m"))
    return max(body.length or 0.0, 0.0 if roof is None else roof[0])


def _silent(
    members: list[Body], against: list[Body], ranks: list[int], swath: Swath, live: Live | None, *, long: bool
) -> int:
    """How many channels listen, but do not show a body that they should: those beside a lone channel, or between several.

    Of a body that is long for the channels that show it, those right beside them as well.
    """
    heard = {b.channel for b in against}
    if len(ranks) == 1:
        near = swath.near(members[0].channel, NARROW) if swath.spacing <= NARROW else []
    else:
        beside = 1 if long and swath.spacing <= NARROW else 0
        first, last = ranks[0] - beside, ranks[-1] + beside
        near = [channel for channel, k in swath.rank.items() if first <= k <= last and k not in ranks]
    x = float(np.mean([b.x for b in members]))
    return sum(_listens(channel, x, live) for channel in near if channel not in heard)


def _listens(channel: int, x: float, live: Live | None) -> bool:
    return live is None or any(low <= x <= high for low, high in live.get(channel, ()))


def _across(members: list[Body], swath: Swath) -> tuple[float, float]:
    """Extent across the swath: where the amplitude over the channels falls below half of its largest.

    Beyond the last channel that shows the body the amplitude is taken to fall to nothing at the next one.
    """
    level = np.zeros(swath.size)
    # for those whose amplitude is not measured
    usual = _median([b.evidence.get("amplitude_db") for b in members]) or 0.0
    for b in members:
        db = b.evidence.get("amplitude_db")
        r = swath.rank[b.channel]
        level[r] = max(level[r], 10 ** (float(usual if db is None else db) / 20))
    level /= level.max()
    seen = np.flatnonzero(level > 0)
    first, last = int(seen[0]), int(seen[-1])
    step = swath.spacing
    left = float(swath.offsets[first]) - step * _share(level[first])
    right = float(swath.offsets[last]) + step * _share(level[last])
    return left, right


def _share(level: float) -> float:
    """Part of a channel step between the last channel and the place where half of the amplitude is left."""
    return float(np.clip(1.0 - 0.5 / max(level, 1e-3), -0.5, 0.5))
