"""What a line was measured for, from how it was acquired: a line that cannot show a road void must not flag one.

Three facts of the acquisition tell a geological line (ice, dunes, lakes, gravel, rock) from a road line without a
look at the traces. None of them says what is under the antenna, only what the crew set the instrument up to see.

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

One strong sign (below 80 MHz; a spacing of 0.2 m; 400 ns, or 100 periods and 150 ns) is enough. A weak one (below 150
MHz; 0.12 m; 150 ns) may be a deep survey of a road, so that two are needed. Short windows and high frequencies are
never a reason: a dune measured with 400 MHz and 40 ns looks like a road here, and only the survey file can say that
it is none.
"""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr

from gprscan import model, names

ROAD = "road"
_NOT_A_ROAD = "not a road: "
# depth that a window reaches at 0.1 m/ns, m per ns of two-way time
_REACH = 0.05

_STRONG_FREQUENCY, _WEAK_FREQUENCY = 80.0, 150.0  # MHz, below
_STRONG_SPACING, _WEAK_SPACING = 0.2, 0.12  # m, from
_STRONG_WINDOW, _WEAK_WINDOW = 400.0, 150.0  # ns, from
_STRONG_PERIODS = 100.0


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


def classify(facts: Acquisition) -> str:
    """Return the setting that a line's acquisition speaks for.

    Parameters
    ----------
    facts : Acquisition
        Frequency (MHz), spacing (m) and window (ns).

    Returns
    -------
    str
        ``"road"``, or ``"not a road: "`` and the reasons. Thresholds and why: the text of this module.
    """
    signs = [_of_frequency(facts), _of_spacing(facts), _of_window(facts)]
    seen = [(strong, text) for strong, text in signs if text]
    enough = len(seen) >= 2 or any(strong for strong, _ in seen)
    return _NOT_A_ROAD + ", ".join(text for _, text in seen) if enough else ROAD


def of_line(line: xr.Dataset, spacing: float) -> str:
    """Return the setting of a line: what its survey file says, else what its acquisition speaks for.

    Parameters
    ----------
    line : xarray.Dataset
        A line over ``twt``; the attribute ``setting`` rules where it is there.
    spacing : float
        Distance between its traces, m.
    """
    said = str(line.attrs.get(names.SETTING) or "")
    if said:
        return said
    window = float(line[names.TWT].values[-1])
    return classify(Acquisition(model.centre_frequency(line), spacing, window))


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
