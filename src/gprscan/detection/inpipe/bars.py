"""Bars in the wall of a pipe: pitch and cover of a mesh, and steel so dense that it hides what lies behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal, special

from gprscan.detection.inpipe.layered_wave import wall_trace
from gprscan.detection.section import Section
from gprscan.migration.pipe_curves import PipeModel
from gprscan.units import C_AIR

_COARSEST, _FINEST = 0.30, 0.05  # m, pitches that are looked for
_DENSE = 0.115  # m: a finer mesh is lost by migration, whose aperture leaves no such wavenumbers
_BARS_DB = -48.0  # least echo of bars in the image against the direct wave; what bodies leave in the wall is below -52
_DENSE_DB = -36.0  # the same of a dense mesh, in the echoes themselves
BAR_RADIUS = 0.006  # m, that bars are taken to have: a thin bar answers from its axis
_DAMPING = 0.12  # 1/ns, imaginary part of the frequency: what wraps round in space has died away
_DEPTHS = np.arange(0.006, 0.121, 0.003)  # m, of the axes of bars, for which arrivals are modelled
_SHEET_SHARE = 0.4  # most that a sheet leaves unexplained, of what the best wall leaves
_SHEET_MISFIT = 0.45  # and as a share of the trace's amplitude
HIDING = 0.10  # m: a finer mesh hides what is behind where the back of the wall is not seen through it either


@dataclass(frozen=True)
class Mesh:
    """Bars in the wall: their pitch along the line and their cover, m."""

    pitch: float
    cover: float


def find_mesh(s: Section, level: float, image: np.ndarray, depths: np.ndarray, model: PipeModel) -> Mesh | None:
    """Return the mesh of bars across an axial line, None where there is none.

    Parameters
    ----------
    s : Section
        The conditioned line.
    level : float
        Of the direct wave.
    image : ndarray of complex, shape (trace, depth)
        Migrated echoes against the direct wave.
    depths : ndarray, shape (depth,)
        Of the image, m.
    model : PipeModel
        Gap, wall and ground.
    """
    inside = depths < 0.8 * model.wall
    if inside.sum() < 2 or s.x.size < 32:
        return None
    back = 2 * (model.wall * np.sqrt(model.wall_permittivity) + model.standoff) / C_AIR
    early = (s.t > -0.5 / s.fc_nominal) & (s.t < back + 0.5 / s.fc_nominal)
    echo = signal.hilbert(s.echo / level, axis=1)[:, early]
    pitch = _pitch(echo, s.dx, _DENSE_DB, finest=_FINEST, coarsest=_DENSE) or _pitch(
        image[:, inside], s.dx, _BARS_DB, finest=_FINEST, coarsest=_COARSEST
    )
    if pitch is None:
        return None
    if pitch > _DENSE:
        axis = _axis(echo, s.t[early], pitch, s, model)
    else:  # bars so near to each other answer together, and not as bars one by one do
        axis = float(depths[inside][int(np.abs(image[:, inside]).mean(axis=0).argmax())])
    return Mesh(pitch, max(axis - BAR_RADIUS, 0.0))


def _pitch(rows: np.ndarray, spacing: float, least_db: float, *, finest: float, coarsest: float) -> float | None:
    """Return the pitch of a sharp line in the wavenumber spectrum along the line, None where there is none.

    All pitches from `_FINEST` to `_COARSEST` count for how sharp it is; only those from `finest` to `coarsest` may be it.
    """
    n = len(rows)
    power = (np.abs(np.fft.fft(rows * np.hanning(n)[:, None], axis=0)) ** 2).sum(axis=1)[: n // 2]
    number = np.arange(n // 2) / (n * spacing)
    band = (number > max(1 / _COARSEST, 8 / (n * spacing))) & (number < min(1 / _FINEST, 0.45 / spacing))
    if not band.any():
        return None
    k = int(np.flatnonzero(band)[power[band].argmax()])
    if not 1 / coarsest < number[k] < 1 / finest:
        return None
    near = power[max(k - 1, 0) : k + 2].sum()
    if near < 0.5 * power[band].sum() or power[k] < 30 * np.median(power[band]):
        return None
    spectrum = np.fft.fft(rows, axis=0)
    away = np.abs(np.fft.fftfreq(n, spacing))
    spectrum[(away < 0.7 * number[k]) | (away > 1.3 * number[k])] = 0
    regular = ndimage.uniform_filter1d(np.abs(np.fft.ifft(spectrum, axis=0)).mean(axis=1), 5)
    if np.median(regular) < 10 ** (least_db / 20):
        return None
    # bars are there all along the line; two bodies that happen to lie a pitch apart are not
    steady = np.mean(regular > 0.5 * np.median(regular)) >= 0.8
    return float(1 / number[k]) if steady and np.percentile(regular, 90) <= 2.5 * np.percentile(regular, 25) else None


def _axis(echo: np.ndarray, time: np.ndarray, pitch: float, s: Section, model: PipeModel) -> float:
    """Return the depth of bars for which the part of the echoes that repeats with the pitch arrives when it does, m.

    A single bar near the front answers within the front's own echo; what repeats with the pitch is the bars' alone.
    """
    n = len(echo)
    x = s.dx * np.arange(n)
    taper = np.hanning(n)
    # the spectrum is a few lines wide: the sharpest within a tenth of the pitch
    numbers = np.linspace(0.93, 1.07, 15) / pitch
    repeats = [
        np.hypot(*(np.abs((taper * np.exp(sign * 2j * np.pi * number * x)) @ echo) for sign in (-1, 1)))
        for number in numbers
    ]
    best = max(repeats, key=lambda envelope: float(envelope.max()))
    # between mesh and front the wave goes on to and fro: the first arrival counts
    peaks, _ = signal.find_peaks(best, height=0.6 * best.max())
    first = int(peaks[0]) if peaks.size else int(best.argmax())
    arrivals = bar_arrivals(pitch, _DEPTHS, model, s.fc_nominal, time)
    return float(np.interp(time[first], np.maximum.accumulate(arrivals), _DEPTHS))


def bar_arrivals(pitch: float, depths: np.ndarray, model: PipeModel, frequency: float, time: np.ndarray) -> np.ndarray:
    """Return when the part of the echoes that repeats with the pitch of bars is strongest, for each depth, ns.

    A bar answers at ``x`` with ``G(x - s/2) G(x + s/2)`` where ``G`` is the field of a line source over gap and wall at the bar,

        G(x) = (1 / 2 pi) int T(k) exp(i (kz0 h + kz1 d + k x)) i / (2 kz0) dk,   T = 2 kz0 / (kz0 + kz1),

    (Chew, Waves and Fields in Inhomogeneous Media, 1995, section 2.1), and a row of them in the Fourier component at
    ``K = 2 pi / pitch`` of that. A thin bar adds ``1 / H0(k a)``.

    Parameters
    ----------
    pitch : float
        m.
    depths : ndarray, shape (depth,)
        Of the axes of the bars in the wall, m.
    model : PipeModel
        Gap and wall.
    frequency : float
        Peak frequency of the source current, GHz.
    time : ndarray, shape (sample,)
        Times among which the strongest is looked for, ns.
    """
    f = np.arange(0.3 * frequency, 2.8 * frequency, 0.06)
    omega = 2 * np.pi * f + 1j * _DAMPING
    k0, k1 = omega / C_AIR, omega * np.sqrt(model.wall_permittivity) / C_AIR
    width, nodes = 3.0, 512
    k = 2 * np.pi * np.fft.fftfreq(nodes, width / nodes)
    kz0, kz1 = (np.sqrt(wave[:, None] ** 2 - k**2 + 0j) for wave in (k0, k1))
    kz0, kz1 = (np.where(kz.imag < 0, -kz, kz) for kz in (kz0, kz1))
    one_way = 1j / (kz0 + kz1) * np.exp(1j * kz0 * model.standoff)
    sides = [np.exp(sign * 0.5j * k * model.separation) for sign in (-1, 1)]
    x = np.fft.fftfreq(nodes, 1 / nodes) * width / nodes
    repeat = np.exp(-2j * np.pi * x / pitch)
    ratio = omega / (2 * np.pi * frequency)
    source = omega * ratio**2 * np.exp(-(ratio**2)) / special.hankel1(0, k1 * BAR_RADIUS)
    wave = np.exp(-1j * np.outer(omega, time))
    out = []
    for depth in depths:
        at_bar = one_way * np.exp(1j * kz1 * depth)
        there, back = (np.fft.ifft(at_bar * side, axis=1) for side in sides)
        row = (there * back * repeat).sum(axis=1) * source
        out.append(time[int(np.abs(row @ wave).argmax())])
    return np.array(out)


def is_sheet(s: Section, trace: np.ndarray, standoff: float, design: float, permittivity: float) -> bool:
    """Whether a trace is explained better by a sheet of metal in the wall than by any wall: steel that nothing gets through.

    Parameters
    ----------
    s : Section
        The conditioned line.
    trace : ndarray, shape (sample,)
        Its median trace.
    standoff, design : float
        Antenna to inner wall, and the drawing's thickness of the wall, m.
    permittivity : float
        Usual one of the wall.
    """
    late = 2 * (1.3 * design * np.sqrt(permittivity) + standoff) / C_AIR
    use = (s.t > -1.3 / s.fc_nominal) & (s.t < late + 0.8 / s.fc_nominal)
    metal = [(depth, 1e6) for depth in np.arange(0.1, 0.85, 0.1) * design]
    ground = [(share * design, below) for share in (0.7, 0.8, 0.9, 1.0, 1.1) for below in (5.0, 10.0, 16.0)]
    left = []
    for layers in (metal, ground):
        misfits = []
        for (thick, below), wall in ((pair, permittivity + change) for pair in layers for change in (-1.2, 0.3)):
            parts = wall_trace(
                s.t,
                s.fc_nominal,
                standoff=standoff,
                separation=s.separation,
                wall=float(thick),
                wall_permittivity=wall,
                ground_permittivity=below,
            )
            whole = parts[0] + parts[1]
            basis = np.stack([whole.real, whole.imag])[:, use]
            fit = np.linalg.lstsq(basis.T, trace[use], rcond=None)[0]
            misfits.append(float(((trace[use] - fit @ basis) ** 2).sum()))
        left.append(min(misfits))
    energy = float((trace[use] ** 2).sum())
    return left[0] < _SHEET_SHARE * left[1] and left[0] < _SHEET_MISFIT**2 * energy
