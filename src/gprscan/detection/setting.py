"""What a line was measured for, from how it was acquired: a line that cannot show a road void must not flag one.

Three facts of the acquisition tell a geological line (ice, dunes, lakes, gravel, rock) from a road line without a
look at the traces: what the crew set the instrument up to see. The fourth is in the echoes.

1. *Wavelength.* With 0.1 m/ns in moist ground an antenna of f MHz has a wavelength of 100/f m. A body is seen as such
   from about half a wavelength across, and two interfaces part at a quarter (Daniels, Ground Penetrating Radar, 2004,
   chapter 2). Below 150 MHz half a wavelength is more than 0.3 m, and the direct wave hides the first 0.5 m; below 80
   MHz it is above 0.6 m.
2. *Trace spacing.* A void of 0.5 m has to be crossed by several traces, and the legs of a hyperbola must not alias:
   no more than a quarter of a wavelength. Carts with an odometer store a trace each 1 to 10 cm; 12 cm and more is a
   line measured point by point.
3. *Window.* Roads fail because of voids in the upper 3 to 5 m: 60 to 100 ns. An operator who records 150 ns looks for
   something deeper than 7 m; who records 400 ns (20 m), or a hundred periods of the antenna, is on ice, sand, or
   rock, since moist ground of 1 dB per wavelength lets nothing through after 100 wavelengths of travel.

4. *Strata* (`measure`). A pavement is level: most of what comes back from it is the same in every trace and goes with the
   background. Dunes, beaches and river beds are bedded: what is left without the background runs on from trace to trace
   in slanting beds, all the way down. On a road it is scatter, and does not; a base that undulates runs on at its own
   depth only. Measured over 0.1 m, in four windows of three periods each, two to fourteen periods after the direct wave,
   the least of the four median correlations was 0.19 or less on simulated roads of three degrees of clutter,
   noise-free ones included, and 0.38 to 0.81 on a dune and two beaches (`benchmarks/check_detection.py`). Lines shorter than 8 m
   are not judged (one body fills them), nor are windows of less than fourteen periods.

One strong sign (below 80 MHz; a spacing of 0.2 m; 400 ns, or 100 periods and 150 ns; strata) is enough. A weak one (below
150 MHz; 0.12 m; 150 ns) may be a deep survey of a road, so that two are needed. Short windows and high frequencies are
never a reason. The survey file rules over all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from gprscan import model, names
from gprscan.detection.section import Section
from gprscan.units import C_AIR

ROAD = "road"
_NOT_A_ROAD = "not a road: "
# depth that a window reaches at 0.1 m/ns, m per ns of two-way time
_REACH = 0.05

_STRONG_FREQUENCY, _WEAK_FREQUENCY = 80.0, 150.0  # MHz, below
_STRONG_SPACING, _WEAK_SPACING = 0.2, 0.12  # m, from
_STRONG_WINDOW, _WEAK_WINDOW = 400.0, 150.0  # ns, from
_STRONG_PERIODS = 100.0
_STRATA_ALIKE, _PAVEMENT_LEVEL, _STRATA_LENGTH = 0.3, 0.7, 8.0  # from; below; m, from
_APART = 0.1  # m
_RESOLVED = 1e-4  # of the strongest sample: three steps of a 16-bit recorder that is well set
_BANDS = ((2.0, 5.0), (5.0, 8.0), (8.0, 11.0), (11.0, 14.0))  # periods after the direct wave


@dataclass(frozen=True)
class Acquisition:
    """The facts of a line that tell what it was measured for.

    Attributes
    ----------
    frequency : float or None
        Nominal centre frequency of the antenna, MHz; None where it is not known.
    spacing : float
        Distance between traces, m.
    window : float
        Last two-way time that was recorded, ns.
    """

    frequency: float | None
    spacing: float
    window: float


@dataclass(frozen=True)
class Strata:
    """How the ground of a section is bedded.

    Attributes
    ----------
    alike : float
        Median correlation of traces 0.1 m apart, without what all traces share: in the depths where it is least.
    level : float
        Part of the echoes just under the surface that all traces share.
    length : float
        Of the section, m.
    """

    alike: float
    level: float
    length: float


def measure(section: Section) -> Strata | None:
    """Measure how the ground of a section is bedded; None where too little of it was recorded.

    Parameters
    ----------
    section : Section
        A conditioned channel of a block.
    """
    s = section
    direct, period = s.separation / C_AIR + 2 * s.height / C_AIR, 1.0 / s.fc_nominal
    lag = max(1, round(_APART / s.dx))
    end = direct + _BANDS[-1][1] * period
    # what the window cuts off cannot be judged
    if s.sample(end) - s.sample(direct) < 8 * len(_BANDS) or s.t[-1] < end or s.valid.sum() < 4 * lag + 8:
        return None
    alike = min(_alike(s, s.sample(direct + a * period), s.sample(direct + b * period), lag) for a, b in _BANDS)
    early = slice(s.sample(direct + 1.5 * period), s.sample(direct + 5.0 * period))
    odd, whole = (np.median((v[:, early][s.valid].astype(float) ** 2).sum(axis=1)) for v in (s.echo, s.raw))
    return Strata(alike, float(1.0 - odd / max(float(whole), 1e-30)), float(s.x[-1] - s.x[0]))


def _alike(section: Section, first: int, last: int, lag: int) -> float:
    """Return the median correlation of traces so many apart, between two samples."""
    echo = section.echo[section.valid][:, first:last].astype(float)
    floor = _RESOLVED * float(np.abs(section.raw).max()) + 1e-30
    # every depth counts the same, and a strong body no more than the traces that it is on; what a recorder does not
    # resolve counts as noise, which is alike nowhere
    scale = np.hypot(np.sqrt(np.median(echo**2, axis=0)), floor)
    echo /= scale
    a, b = echo[:-lag], echo[lag:]
    noise = float(((floor / scale) ** 2).sum())
    norm = np.sqrt(((a**2).sum(axis=1) + noise) * ((b**2).sum(axis=1) + noise))
    return float(np.median((a * b).sum(axis=1) / norm))


def classify(facts: Acquisition, strata: Sequence[Strata] = ()) -> str:
    """Return the setting that a line's acquisition and strata speak for.

    Parameters
    ----------
    facts : Acquisition
        Frequency (MHz), spacing (m) and window (ns).
    strata : sequence of Strata
        Of its sections.

    Returns
    -------
    str
        ``"road"``, or ``"not a road: "`` and the reasons. Thresholds and why: the text of this module.
    """
    signs = [_of_frequency(facts), _of_spacing(facts), _of_window(facts), _of_strata(strata)]
    seen = [(strong, text) for strong, text in signs if text]
    enough = len(seen) >= 2 or any(strong for strong, _ in seen)
    return _NOT_A_ROAD + ", ".join(text for _, text in seen) if enough else ROAD


def of_line(line: xr.Dataset, spacing: float, strata: Sequence[Strata] = ()) -> str:
    """Return the setting of a line: what its survey file says, else what its acquisition and strata speak for.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``; the attribute ``setting`` rules where it is there.
    spacing : float
        Distance between its traces, m.
    strata : sequence of Strata
        Of its sections.
    """
    said = str(line.attrs.get(names.SETTING) or "")
    if said:
        return said
    window = float(line[names.TWT].values[-1])
    return classify(Acquisition(model.centre_frequency(line), spacing, window), strata)


def is_road(setting: str) -> bool:
    """Whether road hazards can be told on a line of this setting."""
    return not setting.startswith(_NOT_A_ROAD.rstrip())


def kind_in(setting: str, kind: str) -> str:
    """Return a kind of body as it may be called in a setting: a hazard of roads is unknown where there is no road."""
    return kind if is_road(setting) or kind not in names.HAZARD_KINDS else "unknown"


def notes(setting: str) -> list[str]:
    """Return what has to be said about a line of this setting."""
    if is_road(setting):
        return []
    text = (
        "not measured as a road survey, so that cavity, debond, loose and water_rich are reported as unknown "
        "(if it is a road, say setting = 'road' in survey.toml)"
    )
    return [text]


def _of_frequency(facts: Acquisition) -> tuple[bool, str]:
    if facts.frequency is None or facts.frequency >= _WEAK_FREQUENCY:
        return False, ""
    return facts.frequency < _STRONG_FREQUENCY, f"antenna of {facts.frequency:.0f} MHz"


def _of_spacing(facts: Acquisition) -> tuple[bool, str]:
    if facts.spacing < _WEAK_SPACING:
        return False, ""
    return facts.spacing >= _STRONG_SPACING, f"a trace each {facts.spacing:.2f} m"


def _of_window(facts: Acquisition) -> tuple[bool, str]:
    if facts.window < _WEAK_WINDOW:
        return False, ""
    periods = 0.0 if facts.frequency is None else facts.window * facts.frequency / 1e3
    strong = facts.window >= _STRONG_WINDOW or periods >= _STRONG_PERIODS
    return strong, f"window of {facts.window:.0f} ns (some {facts.window * _REACH:.0f} m)"


def _of_strata(strata: Sequence[Strata]) -> tuple[bool, str]:
    long = [q for q in strata if q.length >= _STRATA_LENGTH]
    if not long:
        return False, ""
    alike, level = (float(np.median([getattr(q, name) for q in long])) for name in ("alike", "level"))
    if alike < _STRATA_ALIKE or level >= _PAVEMENT_LEVEL:
        return False, ""
    return True, f"beds that are not level (neighbouring traces alike to {alike:.2f}, {100 * level:.0f} % of it level)"
