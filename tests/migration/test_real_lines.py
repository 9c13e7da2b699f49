"""Migration of real lines from the shared folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from scipy.signal import find_peaks

from gprscan import filters, io
from gprscan.migration import kirchhoff, stolt
from tests.migration.lines import envelope


def test_the_rebar_slab_collapses_to_fourteen_points(shared: Path) -> None:
    folder = shared / "data" / "real" / "dzt" / "TFHRCFASTNDElab__CHARISMA__rebar_lab"
    picks = np.array(json.loads((folder / "reference_picks.json").read_text())["picks_inch"]) * 0.0254
    line = filters.background(filters.dewow(filters.time_zero(io.read(folder / "FILE____488.DZT"))))
    before = envelope(line)[:, 200:260].max(axis=1)
    for migrate in (kirchhoff, stolt):
        image = migrate(line, 0.11, 50, depth_step=0.001, max_depth=0.1)
        strength = envelope(image)[:, 20:80].max(axis=1)
        # side lobes reach 0.36 of the strongest bar, the weakest bar, at the very start of the line, 0.46
        found, _ = find_peaks(strength, height=0.42 * strength.max())
        assert found.size == 14
        np.testing.assert_allclose(line["distance"].values[found], picks[:, 0], atol=0.02)
        # a focus measure, kurtosis along the line: it grows as the flanks collapse
        assert _kurtosis(strength) > 1.3 * _kurtosis(before)


def _kurtosis(strength: np.ndarray) -> float:
    return float(np.mean(strength**4) / np.mean(strength**2) ** 2)
