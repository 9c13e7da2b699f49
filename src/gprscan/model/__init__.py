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

__all__ = [
    "Finding",
    "amplitude",
    "antenna_separation",
    "centre_frequency",
    "from_array",
    "regular_spacing",
    "require_line",
    "sampling_interval",
    "trace_spacing",
    "with_amplitude",
]
