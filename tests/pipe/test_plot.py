"""The pipe rolled out."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from gprscan.errors import ParameterError
from gprscan.plot.pipes import unrolled_pipe

ROW = {
    "kind": "cavity",
    "clock_deg": 300.0,
    "clock_from_deg": 290.0,
    "clock_to_deg": 310.0,
    "chainage_from_m": 12.0,
    "chainage_to_m": 12.6,
    "distance_m": 12.3,
    "radial_from_outer_wall_m": 0.05,
}


def test_bodies_are_where_they_are():
    at_invert = ROW | {"kind": "water_rich", "clock_deg": 176.0, "clock_from_deg": 166.0, "clock_to_deg": 186.0}
    axes = unrolled_pipe(pd.DataFrame([ROW, at_invert]))
    boxes = [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in axes.patches]
    assert boxes[1] == pytest.approx((12.0, -70.0, 0.6, 20.0))  # left of the crown, looking downstream
    seen = [y for _, y, _, h in boxes[3:] if y < 180 and y + h > -180]
    assert seen == pytest.approx([-194.0, 166.0])  # at the invert: at both edges
    assert axes.get_xlim() == pytest.approx((11.0, 13.6))
    plt.close(axes.figure)


def test_another_table_is_refused():
    with pytest.raises(ParameterError, match="clock_deg"):
        unrolled_pipe(pd.DataFrame({"kind": ["cavity"]}))
