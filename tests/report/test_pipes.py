"""What the report shows of a pipe segment."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from gprscan.report.pipes import segments


@pytest.mark.parametrize(("wall", "pictured"), [(0.10, True), (0.66, False)])
def test_a_segment_without_bodies_is_pictured_if_the_image_reaches_behind_its_wall(tmp_path, wall, pictured):
    coords = {
        "chainage": np.arange(3.0),
        "clock": np.arange(0.0, 360.0, 30.0),
        "radial_depth": np.arange(0.02, 0.6, 0.1),
    }
    echo = xr.DataArray(np.full((3, 12, 6), -30.0, "float32"), coords, ("chainage", "clock", "radial_depth"))
    (tmp_path / "pipe_images").mkdir()
    volume = xr.Dataset({"echo_db": echo}, attrs={"segment": "A-B", "wall_thickness": wall})
    volume.to_netcdf(tmp_path / "pipe_images" / "A-B.nc", engine="h5netcdf")
    lines = pd.DataFrame({"line": ["RUN"], "pipe": ['{"segment": "A-B", "wall_thickness": 0.1}']})
    [segment] = segments(SimpleNamespace(lines=lines), SimpleNamespace(rows=[]), tmp_path)
    assert (segment["unrolled"] is not None) == pictured
