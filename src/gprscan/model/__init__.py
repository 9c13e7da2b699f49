"""The line: one xarray.Dataset; how it is made, checked, and what was done to it."""

from gprscan.model import accessor as _accessor  # noqa: F401  (registers .gpr)
from gprscan.model.findings import Finding
from gprscan.model.line import (
    amplitude,
    antenna_separation,
    centre_frequency,
    from_array,
    regular_spacing,
    require_line,
    sampling_interval,
    trace_spacing,
    with_amplitude,
)
from gprscan.model.pipe import attach_pipe, clock_angles, is_ring, pipe_of

__all__ = [
    "Finding",
    "amplitude",
    "antenna_separation",
    "attach_pipe",
    "clock_angles",
    "centre_frequency",
    "from_array",
    "regular_spacing",
    "is_ring",
    "pipe_of",
    "require_line",
    "sampling_interval",
    "trace_spacing",
    "with_amplitude",
]
