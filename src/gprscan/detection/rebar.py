"""Reinforcement: rows of equal bars at a regular pitch and one depth.

A mesh whose pitch is shorter than the wavelength shows no hyperbola per bar but an early echo that repeats along the
line: a narrow line in its wavenumber spectrum over a broad continuum (a grating of scatterers; Born & Wolf, Principles
of Optics, section 8.6). That line is tested against the chance that the continuum makes it, and its echo, with all that
rings on at the same pitch, is taken out so that what lies below is seen. Bars further apart are hyperbolas of their own;
they are told from pipes by standing in a row.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage, signal, stats

from gprscan.detection import classify
from gprscan.detection.body import Body
from gprscan.detection.condition import echo_in_band
from gprscan.detection.debond import SPEED, interface_depth
from gprscan.detection.lateral import runs
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings
from gprscan.units import C_AIR

PITCHES = (0.08, 0.40)  # m between bars
WINDOW = 3.0  # m of line per spectrum
LASTS = 4.5  # periods of the antenna after the direct wave in which the mesh is looked for
CHANCE = 1e-5  # of a line as strong as this from the continuum, per window
LEAST_RATIO = 5.0  # over the continuum, since stones are no Gaussian noise
LEAST_FADING = 2.0  # early over late power of the line: a transmitter's beat with the traces does not fade


@dataclass
class _Line:
    """A line in the wavenumber spectrum of one window."""

    first: int
    last: int
    pitch: float
    ratio: float


def find_mesh(section: Section, settings: Settings) -> list[Body]:
    """Find meshes whose bars the wave does not separate.

    Parameters
    ----------
    section : Section
        A conditioned channel.
    settings : Settings
        Of the detection; the velocity of the ground and the antenna decide which pitches count as not separable.

    Returns
    -------
    list of Body
        With ``source="rebar"``, one per mesh: extent along the line, depth of the bars, and in the evidence their pitch
        in m (``pitch_m``) and the power of the spectral line over the continuum (``line_ratio``).
    """
    s = section
    longest = min(PITCHES[1], SPEED[0] / s.fc_nominal)
    shortest = max(PITCHES[0], 2.1 * s.dx)
    start, stop = _early_samples(s)
    if stop <= start:  # the record ends before
        return []
    if s.valid.sum() * s.group < 24 or shortest >= longest or s.x[-1] - s.x[0] < 6 * shortest:
        return []
    excess = _excess(s)
    bodies: list[Body] = []
    stretches = _joined(_lines(s, excess, shortest, longest), s.dx)
    early = echo_in_band(s) / excess if stretches else excess
    for first, last, pitch, ratio in stretches:
        body = _measure(s, early, first, last, pitch, ratio, f"mesh-{s.channel}-at-{float(s.x[first]):.1f}-m")
        if body is not None:
            bodies.append(body)
    return _apart(bodies)


def _apart(bodies: list[Body]) -> list[Body]:
    """One mesh per stretch: of overlapping claims the clearest, but of a pitch and its half always the whole."""
    kept: list[Body] = []
    for body in sorted(bodies, key=lambda b: -float(b.evidence["line_ratio"])):
        rivals = [k for k in kept if _overlap(k, body) > 0.3 * float(body.length or 0.0)]
        if not rivals:
            kept.append(body)
        elif abs(body.evidence["pitch_m"] / rivals[0].evidence["pitch_m"] - 2.0) < 0.06:
            kept[kept.index(rivals[0])] = body
    return sorted(kept, key=lambda b: b.x)


def _overlap(one: Body, other: Body) -> float:
    return min(float(one.x_max or 0.0), float(other.x_max or 0.0)) - max(
        float(one.x_min or 0.0), float(other.x_min or 0.0)
    )


def _early_samples(s: Section) -> tuple[int, int]:
    direct = s.separation / C_AIR
    return s.sample(direct + 0.3 / s.fc_nominal), s.sample(direct + LASTS / s.fc_nominal)


def _excess(s: Section) -> np.ndarray:
    """By how much the early echo of each trace is to be divided so that none is too strong, float32, shape (trace, 1)."""
    start, stop = _early_samples(s)
    early = echo_in_band(s)
    level = np.sqrt(np.einsum("ij,ij->i", early[:, start:stop], early[:, start:stop], dtype=float) / (stop - start))
    usual = float(np.median(level[s.valid]))
    return np.maximum(level / max(1.5 * usual, 1e-30), 1.0)[:, None].astype(np.float32)


def _lines(s: Section, excess: np.ndarray, shortest: float, longest: float) -> list[_Line]:
    """Windows along the line whose early echo repeats at a pitch, by the strongest line of each spectrum."""
    start, stop = _early_samples(s)
    early = echo_in_band(s)
    size = min(round(WINDOW / s.dx), s.x.size)
    # five samples per period hold what the band does
    samples = slice(start, stop, max(1, int(0.2 / (s.fc_nominal * s.dt))))
    k = np.fft.rfftfreq(4 * size, s.dx)
    searched = (k > 1 / longest) & (k < 1 / shortest)
    around = int(8 * 4) | 1  # the continuum is the median over eight resolved wavenumbers, zero-padded fourfold
    taper = np.hanning(size + 2)[1:-1, None].astype(np.float32)
    starts = sorted({*range(0, s.x.size - size, max(size // 3, 1)), s.x.size - size})
    windows = [slice(first, first + size) for first in starts]
    flat = [early[rows, samples] / excess[rows] * taper for rows in windows]
    spectra = fft.rfft(np.stack(flat), 4 * size, axis=1)
    power = (spectra.real**2 + spectra.imag**2).sum(axis=2)
    ratios = np.where(searched, power / np.maximum(_running_median(power, around), 1e-30), 0.0)
    # a hanning window resolves 2 / length
    trials = max(1.0, (1 / shortest - 1 / longest) * size * s.dx / 2)
    found = []
    for window, at in enumerate(ratios.argmax(axis=1).tolist()):
        rows, ratio = windows[window], float(ratios[window, at])
        if ratio < LEAST_RATIO or ratio < _threshold(spectra[window][searched], CHANCE / trials):
            continue
        late = early[rows, -(stop - start) :: samples.step] / excess[rows] * taper
        beat = np.abs((late * np.exp(-2j * np.pi * k[at] * s.dx * np.arange(size))[:, None]).sum(axis=0)) ** 2
        if power[window, at] > LEAST_FADING * float(beat.sum()):
            found.append(_Line(rows.start, rows.stop, 1.0 / float(k[at]), ratio))
    return found


def _running_median(rows: np.ndarray, window: int) -> np.ndarray:
    """Median over a window along each row, which is mirrored at its ends: all rows are passed over as one."""
    half = window // 2
    padded = np.pad(rows, ((0, 0), (half, half)), "symmetric")
    return ndimage.median_filter(padded.ravel(), window).reshape(padded.shape)[:, half : padded.shape[1] - half]


def _threshold(spectrum: np.ndarray, chance: float) -> float:
    """Power over its median that noise of the same covariance over time exceeds with a given probability.

    The sum of the power over correlated samples goes as a gamma law whose shape is ``(tr C)^2 / tr C^2`` (Satterthwaite,
    Biometrics Bulletin 2, 1946, 110).
    """
    typical = np.abs(spectrum).sum(axis=1)
    quiet = spectrum[typical <= 2.0 * np.median(typical)]
    quiet = quiet if quiet.shape[0] > 1 else spectrum
    covariance = quiet.conj().T @ quiet
    shape = float(np.trace(covariance).real ** 2 / max(float((np.abs(covariance) ** 2).sum()), 1e-300))
    return float(stats.gamma.isf(chance, shape) / stats.gamma.median(shape))


def _joined(lines: list[_Line], dx: float) -> list[tuple[int, int, float, float]]:
    """Overlapping windows of one pitch as one stretch: first and last trace, pitch and ratio of its clearest window."""
    stretches: list[list[_Line]] = []
    for line in lines:
        last = stretches[-1][-1] if stretches else None
        tolerance = line.pitch**2 / (0.5 * (line.last - line.first) * dx)
        if last is not None and line.first < last.last and abs(line.pitch - last.pitch) < tolerance:
            stretches[-1].append(line)
        else:
            stretches.append([line])
    out = []
    for group in stretches:
        clearest = max(group, key=lambda q: q.ratio)
        out.append((group[0].first, group[-1].last, clearest.pitch, clearest.ratio))
    return out


def _measure(
    s: Section, early: np.ndarray, first: int, last: int, pitch: float, ratio: float, group: str
) -> Body | None:
    """Extent, pitch and depth of a mesh in a stretch of line."""
    start, stop = _early_samples(s)
    pitch = _sharpened(early[first:last, start:stop], s.dx, pitch)
    wave = _followed(early, s, pitch, max(0.15, pitch))
    level = np.sqrt((np.abs(wave[:, start:stop]) ** 2).mean(axis=1))
    usual = float(np.median(level[first:last]))
    parts = runs(level > 0.4 * usual, max(1, round(3 * pitch / s.dx)))
    parts = [(a, b) for a, b in parts if min(b, last) > max(a, first)]
    if not parts:
        return None
    a, b = min(p[0] for p in parts), max(p[1] for p in parts)
    x_min, x_max = float(s.x[a]), float(s.x[b])
    if x_max - x_min < 4 * pitch:
        return None
    t = _arrival(s, wave[a : b + 1], start, stop)
    depth, sigma_depth = interface_depth(s, t)
    values = {"pitch_m": pitch, "line_ratio": ratio, "bars": round((x_max - x_min) / pitch) + 1}
    return Body(
        source="rebar",
        x=0.5 * (x_min + x_max),
        t=t,
        channel=s.channel,
        offset=s.offset,
        depth=depth,
        x_min=x_min,
        x_max=x_max,
        sigma_x=max(0.5 * pitch, 0.05),
        # near the cut-off of the grating the echo builds up late, by up to half a period
        sigma_t=0.35 / s.fc_nominal,
        sigma_depth=math.hypot(sigma_depth, 0.5 * SPEED[0] * 0.35 / s.fc_nominal),
        polarity=-1,
        score=ratio / (ratio + LEAST_RATIO),
        votes={"row": {k: float(v) for k, v in classify.load_table("rebar")["mesh"].items()}},
        evidence=values,
        group=group,
        closed=a > 0 and b < s.x.size - 1,
        channels=[s.channel],
    )


def _sharpened(early: np.ndarray, dx: float, pitch: float) -> float:
    """Pitch in m at which the whole stretch adds up best."""
    n = early.shape[0]
    along = dx * np.arange(n)
    span = 1.0 / (min(n * dx, WINDOW))
    trial = 1 / pitch + np.linspace(-span, span, 81)
    stack = np.exp(-2j * np.pi * trial[:, None] * along) @ early
    return float(1.0 / trial[int((np.abs(stack) ** 2).sum(axis=1).argmax())])


def _followed(a: np.ndarray, s: Section, pitch: float, sigma: float, harmonic: int = 1) -> np.ndarray:
    """Slowly varying complex amplitude of what repeats at a pitch, shape (trace, sample)."""
    carrier = np.exp(-2j * np.pi * harmonic * (s.x - s.x[0]) / pitch)[:, None]
    weight = ndimage.gaussian_filter1d(s.valid.astype(float), sigma / s.dx, mode="constant")
    mixed = np.where(s.valid[:, None], a * carrier, 0.0)
    out = ndimage.gaussian_filter1d(mixed.real, sigma / s.dx, axis=0, mode="constant").astype(np.complex128)
    out.imag = ndimage.gaussian_filter1d(mixed.imag, sigma / s.dx, axis=0, mode="constant")
    return out / np.maximum(weight, 1e-3)[:, None]


def _arrival(s: Section, wave: np.ndarray, start: int, stop: int) -> float:
    """Time of a mesh in ns: half of the rise of its echo, less the lead of the pulse's own, not before the surface."""
    # a real echo over time for either phase of the carrier, and their envelopes
    parts = wave.mean(axis=0) if wave.shape[0] < 3 else _first_component(wave)
    envelope = np.abs(signal.hilbert(parts))
    peak = start + int(envelope[start:stop].argmax())
    rise = np.abs(signal.hilbert(s.wavelet))
    lead = int(rise.argmax()) - int(np.flatnonzero(rise > 0.5 * rise.max())[0])
    k = peak
    while k > 0 and envelope[k - 1] > 0.5 * envelope[peak]:
        k -= 1
    surface = (2 * s.height + 0.04) / C_AIR
    return float(max(min(s.t[k] + lead * s.dt, s.t[peak]), surface))


def _first_component(wave: np.ndarray) -> np.ndarray:
    """Echo over time that the traces of a mesh share: first right singular vector of the real and imaginary parts."""
    both = np.concatenate([wave.real, wave.imag])
    _, vectors = np.linalg.eigh(both.T @ both)
    return np.asarray(vectors[:, -1])


LEAST_BARS = 4
DEEPEST = 0.35  # m of cover
CLEAR = (12.0, 0.9)  # dB over the typical echo, and agreement of the two legs
ONE_LEG = 0.85  # of the agreement of two legs is what one alone has at most (`kernels.hyperbola.leg_coherence`)
ALIKE = 7.0  # dB from the median of the row
LEAST_FILLED = 0.6  # of the places of a row, with a bar
IN_PLACE = 0.15  # of the pitch: how near to an empty place of a row a weaker bar lies
ROW_PITCHES = (0.05, 0.40)


def group_rows(bodies: list[Body], period: float) -> list[Body]:
    """Tell bars from pipes by their row: four or more at a regular pitch, nearly one depth, alike in strength.

    Parameters
    ----------
    bodies : list of Body
        Of one channel, with their votes and depths.
    period : float
        One period of the antenna, ns.

    Returns
    -------
    list of Body
        Bars carry a common `Body.group`, ``pitch_m`` in their evidence and a vote named ``row``; their multiples, later
        at the same places and again in a row, are left out.
    """
    free = [b for b in bodies if b.source == "diffraction" and (b.depth is None or b.depth <= DEEPEST)]
    # among hundreds of weak echoes some always stand in a row
    free = [b for b in free if _clear(b) or classify.chances_of(b).get("clutter", 0.0) < 0.5]
    out = list(bodies)
    number = 0
    while len(free) >= LEAST_BARS:
        row = _best_row(free, period)
        if row is None:
            break
        bars, pitch = row
        bars = _filled(bars, pitch, out, period)
        number += 1
        _name_row(bars, pitch, f"row-{bars[0].channel}-{number}")
        lost = _multiples(out, bars, pitch, period) | _side_lobes(out, bars, period)
        out = [b for b in out if id(b) not in lost]
        taken = {id(b) for b in bars} | lost
        free = [b for b in free if id(b) not in taken]
    return out


def _clear(body: Body) -> bool:
    """Is a hyperbola so strong and so coherent that a row of its like is no chance, whatever its amplitude says?"""
    # at the end of the line one leg has nothing to agree with
    agreement = CLEAR[1] * (ONE_LEG if body.evidence.get("one_leg") else 1.0)
    return _strength(body) >= CLEAR[0] and body.score >= agreement


def _strength(body: Body) -> float:
    return float(body.evidence.get("strength_db") or 0.0)


def beside_bars(bodies: Sequence[Body], period: float) -> np.ndarray:
    """Which hyperbolas lie between two that stand out, alike and at one time with both: a row of bars may go on there.

    Parameters
    ----------
    bodies : sequence of Body
        Hyperbolas of one channel.
    period : float
        One period of the antenna, ns.

    Returns
    -------
    ndarray of bool, shape (body,)
    """
    found = np.zeros(len(bodies), bool)
    clear = [b for b in bodies if _clear(b)]
    for k, body in enumerate(bodies if len(clear) > 1 else []):
        near = [b.x for b in clear if abs(b.x - body.x) <= ROW_PITCHES[1] and _of_row(body, b, period)]
        found[k] = any(x < body.x for x in near) and any(x > body.x for x in near)
    return found


def _of_row(body: Body, bar: Body, period: float) -> bool:
    """Is a body at the time of a bar beside it, and not much weaker?"""
    return abs(_time(body) - _time(bar)) < 0.7 * period and _strength(body) > _strength(bar) - ALIKE


def _filled(bars: list[Body], pitch: float, bodies: list[Body], period: float) -> list[Body]:
    """Row with the weaker bars at its empty places: where bars to both sides say that one has to be, less will do."""
    row = list(bars)
    for left, right in itertools.pairwise(bars):
        steps = round((right.x - left.x) / pitch)
        for place in (left.x + n * (right.x - left.x) / steps for n in range(1, steps)):
            weaker = [
                b
                for b in bodies
                if b.source == "diffraction"
                and b.group is None
                and abs(b.x - place) < IN_PLACE * pitch
                and _of_row(b, left, period)
                and _of_row(b, right, period)
            ]
            row += [max(weaker, key=_strength)] if weaker else []
    return sorted(row, key=lambda b: b.x)


def _time(body: Body) -> float:
    """Time in ns at which the whole hyperbola adds up: its onset alone may be read a lobe off, and bars would part."""
    return float(body.evidence.get("apex_ns") or body.t)


def _side_lobes(bodies: list[Body], bars: list[Body], period: float) -> set[int]:
    """Weak hyperbolas at the bars' own time between them: where the tails of two neighbours cross."""
    usual = float(np.median([_strength(b) for b in bars]))
    first, last = min(b.x for b in bars), max(b.x for b in bars)
    mine = {id(b) for b in bars}
    gone = set()
    for body in bodies:
        if id(body) in mine or body.source != "diffraction" or not first < body.x < last:
            continue
        level = float(np.interp(body.x, *np.transpose([(b.x, _time(b)) for b in sorted(bars, key=lambda b: b.x)])))
        weak = _strength(body) < usual - ALIKE
        if weak and abs(_time(body) - level) < 1.5 * period:
            gone.add(id(body))
    return gone


def _best_row(bodies: list[Body], period: float) -> tuple[list[Body], float] | None:
    """Row with the most bars, and of equals the straightest, among bodies; None where there is none.

    A strong bar counts for more than the side lobes between bars, which stand in rows as well.
    """
    best: tuple[list[Body], float] | None = None
    rank = (0.0, 0.0)
    along = sorted(bodies, key=lambda b: b.x)
    x, alike = np.array([b.x for b in along]), _Likeness.of(along)
    place = {id(b): k for k, b in enumerate(along)}
    for seed in bodies:
        level = np.flatnonzero(alike.to(place[id(seed)], 0.8 * period))
        if level.size < LEAST_BARS:
            continue
        apart = (x[level] - seed.x).tolist()
        like = [along[k] for k in level.tolist()]
        for pitch in {round(d, 2) for d in apart if ROW_PITCHES[0] <= d <= ROW_PITCHES[1]}:
            found = _on_lattice(like, seed, pitch, period)
            if found is None:
                continue
            weight = sum(float(b.evidence.get("strength_db") or 10.0) for b in found[0])
            if (weight, -found[2]) > rank:
                best, rank = (found[0], found[1]), (weight, -found[2])
    return best


@dataclass
class _Likeness:
    """What bars of one row share, of many bodies: time in ns, strength and amplitude in dB, coherence; NaN where not measured."""

    time: np.ndarray
    strength: np.ndarray
    amplitude: np.ndarray
    coherence: np.ndarray

    @classmethod
    def of(cls, bodies: list[Body]) -> _Likeness:
        """Take it from the evidence of bodies."""
        values = [[b.evidence.get(name) for b in bodies] for name in ("strength_db", "amplitude_db", "coherence")]
        return cls(np.array([_time(b) for b in bodies]), *np.array(values, float))

    def to(self, seed: int, apart: float) -> np.ndarray:
        """Which bodies lie at most so many ns from a seed, and are as strong and as clear? Side lobes between bars are not."""
        level = np.abs(self.time - self.time[seed]) < apart
        # what was not measured tells nothing apart
        other = np.abs(self.strength - self.strength[seed]) > ALIKE
        other |= np.abs(self.amplitude - self.amplitude[seed]) >= ALIKE
        return np.asarray(level & ~other & ~(self.coherence < 0.8 * self.coherence[seed]))


def _on_lattice(level: list[Body], seed: Body, pitch: float, period: float) -> tuple[list[Body], float, float] | None:
    """Follow a lattice from a seed both ways, its pitch and place mended at each bar; scatter relative to the pitch."""
    places, row = {0: seed}, [seed]
    for way in (1, -1):
        at, step, place, missed = seed, pitch, 0, 0
        while missed < 3:
            place += way
            missed += 1
            target = at.x + way * missed * step
            near = [
                b
                for b in level
                if abs(b.x - target) < 0.25 * pitch and abs(_time(b) - _time(at)) < 0.7 * period * missed
            ]
            if near:
                bar = min(near, key=lambda b: abs(b.x - target))
                step = 0.7 * step + 0.3 * abs(bar.x - at.x) / missed
                at, missed = bar, 0
                places[place] = bar
                row.append(bar)
    order = np.array(sorted(places))
    if order.size < LEAST_BARS or order.size < LEAST_FILLED * (np.ptp(order) + 1):
        return None
    x = np.array([places[int(n)].x for n in order])
    slope, start = np.polyfit(order, x, 1)
    scatter = float(np.sqrt(np.mean((x - start - slope * order) ** 2)) / max(slope, 1e-6))
    # two of the places fix the lattice; of few bars the others must fit closer to be no chance
    if scatter > (0.08 if order.size < 6 else 0.16):
        return None
    bars = [places[int(n)] for n in order]
    between = [b for b in level if x[0] < b.x < x[-1] and all(b is not q for q in bars)]
    signs = [b.polarity for b in bars if b.polarity]
    if len(between) > 0.34 * len(bars) or min(signs.count(1), signs.count(-1)) > 0.4 * len(signs):
        return None
    return bars, float(slope), scatter


def _name_row(bars: list[Body], pitch: float, group: str) -> None:
    table = classify.load_table("rebar")["row"]
    count = min(len(bars) - 2, table["most"])
    for bar in bars:
        bar.group = group
        bar.evidence["pitch_m"] = pitch
        bar.evidence["bars"] = len(bars)
        bar.votes["row"] = {kind: round(count * value, 3) for kind, value in table.items() if kind != "most"}


def _multiples(bodies: list[Body], bars: list[Body], pitch: float, period: float) -> set[int]:
    """Later bodies under the bars of a row that are in a row again, and no stronger: their multiples."""
    under: list[tuple[float, Body]] = []
    mine = {id(b) for b in bars}
    for body in bodies:
        if id(body) in mine or body.source != "diffraction":
            continue
        bar = min(bars, key=lambda b: abs(b.x - body.x))
        later = _time(body) - _time(bar)
        own, other = body.evidence.get("amplitude_db"), bar.evidence.get("amplitude_db")
        weaker = own is None or other is None or own < other + 1.0
        if abs(body.x - bar.x) < 0.25 * pitch and later > 0.5 * period and weaker:
            under.append((later, body))
    least = max(3, round(0.25 * len(bars)))
    return {id(b) for later, b in under if sum(abs(later - q) < 0.4 * period for q, _ in under) >= least}
