"""Mean and median over a window of traces and samples."""

from __future__ import annotations

from typing import Literal

import xarray as xr

from gprscan import model
from gprscan.errors import ParameterError
from gprscan.filters import _arrays
from gprscan.kernels import smoothing as kernels
from gprscan.kernels.jit import threads
from gprscan.steps import step


@step(cut="halo", halo=lambda line, values: int(values["traces"]) // 2)
def smooth(
    line: xr.Dataset, traces: int = 3, samples: int = 1, method: Literal["mean", "median"] = "mean"
) -> xr.Dataset:
    """Replace each sample by the mean or the median of a window of traces and samples.

    ``y(i, k) = mean or median of x(j, l) over |j - i| <= traces / 2, |l - k| <= samples / 2`` (Huang, Yang and Tang 1979,
    IEEE Trans. Acoustics, Speech and Signal Processing 27, 13, for the median).

    Parameters
    ----------
    line : xarray.Dataset
        A line.
    traces, samples : int
        Size of the window, odd (an even number means the next odd one); it is cut at the edges of the line.
    method : {"mean", "median"}
        The median keeps edges and throws out spikes.

    Returns
    -------
    xarray.Dataset
        The line, float32. Dead traces and samples that are not finite stay as they are and do not count.

    Raises
    ------
    ParameterError
        If the window is empty or has more than 9999 values.
    """
    beside, above = traces // 2, samples // 2
    if traces < 1 or samples < 1 or (2 * beside + 1) * (2 * above + 1) > 9999:
        msg = f"smooth: a window of {traces} traces x {samples} samples; 1 to 9999 values are possible."
        raise ParameterError(msg)
    source, target = _arrays.buffers(line, separate=True)
    stack = zip(_arrays.channels(source), _arrays.channels(target), strict=True)
    states = _arrays.states(_arrays.channels(source))
    for (profile, result), state in zip(stack, states, strict=True):
        if method == "median":
            pair = (kernels.window_median_serial, kernels.window_median_parallel)
            _arrays.run(*pair, profile, profile.view("int32"), result, state, beside, above)
        elif threads() > 1:
            runs = max(1, min(16, profile.shape[0] // (4 * beside + 1)))
            kernels.window_mean_parallel(profile, result, state, beside, above, runs)
        else:
            kernels.window_mean_serial(profile, result, state, beside, above)
    return model.with_amplitude(line, target)
