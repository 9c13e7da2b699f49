"""Rebar: bars that stand in a row, and what does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gprscan.detection.body import Body
from gprscan.detection.rebar import beside_bars, find_mesh, group_rows
from gprscan.detection.section import Section
from gprscan.detection.settings import Settings


def bar(x: float, t: float = 2.0, amplitude: float = -15.0, coherence: float = 0.95) -> Body:
    """Make a clear hyperbola."""
    return Body(
        "diffraction",
        x,
        t,
        depth=0.1,
        polarity=-1,
        votes={"measured": {"pipe": 1.0, "clutter": -1.0}},
        evidence={"amplitude_db": amplitude, "coherence": coherence, "strength_db": 16.0 + 40 * (coherence - 0.95)},
    )


def section(pitch: float | None) -> Section:
    """Make a section of noise, with an early echo that repeats at a pitch if one is given."""
    rng = np.random.default_rng(3)
    x, t = 0.05 * np.arange(100), 0.2 * np.arange(150) - 2.0
    echo = 0.1 * rng.standard_normal((100, 150))
    if pitch is not None:
        pulse = np.exp(-(((t - 2.2) / 1.2) ** 2)) * np.cos(2 * np.pi * 0.4 * (t - 2.2))
        echo += np.cos(2 * np.pi * x / pitch)[:, None] * pulse
    a = echo.astype(np.float32)
    wavelet = (np.exp(-((0.2 * np.arange(-12, 13)) ** 2)) * np.cos(0.16 * np.pi * np.arange(-12, 13))).astype(
        np.float32
    )
    return Section(
        raw=a, echo=a, cond=a, t=t, x=x, dx=0.05, dt=0.2, fc=0.4, fc_nominal=0.4, separation=0.15, height=0.0,
        valid=np.ones(100, bool), clipped=np.zeros(a.shape, bool), wavelet=wavelet, reference="nominal", noise=0.1,
        direct_peak=1.0, gain=None, time_zero_shift=np.zeros(100),
    )  # fmt: skip


def test_a_regular_row_is_grouped_despite_a_missing_bar() -> None:
    bodies = [bar(0.2 * n) for n in range(10) if n != 4] + [bar(3.7)]
    out = group_rows(bodies, 0.7)
    row = [b for b in out if b.group is not None]
    assert len(row) == 9
    assert len({b.group for b in row}) == 1
    assert abs(row[0].evidence["pitch_m"] - 0.2) < 1e-6
    assert row[0].votes["row"]["rebar"] > 0


def weak(x: float, t: float = 2.0) -> Body:
    """Make a hyperbola that the votes call clutter, 6 dB weaker than a clear one, its legs crossed by others."""
    body = bar(x, t, coherence=0.8)
    body.votes = {"measured": {"pipe": -3.0, "clutter": 3.0}}
    return body


def test_a_weak_bar_at_an_empty_place_of_a_row_is_of_it() -> None:
    row = [bar(0.2 * n) for n in range(8) if n != 4]
    between, early, after = weak(0.71), weak(0.8, 0.4), weak(1.6)
    out = group_rows([*row, weak(0.79), between, early, after], 0.7)
    assert [round(b.x, 2) for b in sorted(out, key=lambda b: b.x) if b.group] == [
        0.0, 0.2, 0.4, 0.6, 0.79, 1.0, 1.2, 1.4
    ]  # fmt: skip
    assert between.group is early.group is after.group is None


def test_what_may_fill_a_row_lies_between_two_bars_at_their_time() -> None:
    bars = [replace(bar(x), score=0.95) for x in (0.2, 0.6)]
    others = [weak(0.4), weak(0.4, 3.0), weak(0.8), bar(0.4, coherence=0.7)]
    assert beside_bars([*bars, *others], 0.7).tolist() == [False, False, True, False, False, False]
    assert not beside_bars([bars[0], *others], 0.7).any()


def test_the_last_bar_of_a_line_has_one_leg() -> None:
    last = bar(0.8, coherence=0.8)
    last.score, last.evidence["strength_db"] = 0.8, 13.0
    last.votes = {"measured": {"pipe": -3.0, "clutter": 3.0}}
    bars = [bar(0.2 * n) for n in range(4)]
    for one_leg in (False, True):
        last.evidence["one_leg"], last.group = one_leg, None
        group_rows([*bars, last], 0.7)
        assert (last.group is not None) == one_leg


def test_side_lobes_between_the_bars_take_no_part() -> None:
    lobes = [bar(0.2 * n + 0.07 * k, 1.9, coherence=0.7) for n in range(10) for k in (1, 2)]
    out = group_rows([*(bar(0.2 * n) for n in range(10)), *lobes], 0.7)
    row = [b for b in out if b.group == "row-0-1"]
    assert [round(b.x, 3) for b in sorted(row, key=lambda b: b.x)] == [round(0.2 * n, 3) for n in range(10)]
    assert abs(row[0].evidence["pitch_m"] - 0.2) < 1e-6


def test_scattered_stones_make_no_row() -> None:
    bodies = [bar(x, t) for x, t in ((0.1, 2.0), (0.33, 3.4), (0.41, 2.6), (0.9, 2.1), (1.35, 2.2))]
    assert all(b.group is None for b in group_rows(bodies, 0.7))


def test_multiples_in_a_row_belong_to_their_bars_and_a_void_below_does_not() -> None:
    bars = [bar(0.2 * n) for n in range(8)]
    void = bar(0.61, 9.0, -10.0)
    out = group_rows([*bars, *(bar(0.2 * n, 4.0, -20.0) for n in range(8)), void], 0.7)
    assert len(out) == 9
    assert any(b is void for b in out)


def test_a_mesh_is_found_with_its_pitch() -> None:
    meshed = section(0.17)
    (mesh,) = find_mesh(meshed, Settings())
    assert abs(mesh.evidence["pitch_m"] - 0.17) < 0.003
    assert mesh.length is not None
    assert mesh.length > 4.0


def test_noise_has_no_mesh() -> None:
    assert find_mesh(section(None), Settings()) == []
