from . import (
    detection,
    errors,
    filters,
    geometry,
    io,
    migration,
    plot,
    report,
    risk,
    steps,
    survey,
    synthetic,
    units,
    velocity,
)
from .detection import detect, wall_thickness
from .io import read, write
from .model import from_array
from .survey import scan

__all__ = [
    "detect",
    "detection",
    "errors",
    "filters",
    "from_array",
    "geometry",
    "io",
    "migration",
    "plot",
    "read",
    "report",
    "risk",
    "scan",
    "steps",
    "survey",
    "synthetic",
    "units",
    "velocity",
    "wall_thickness",
    "write",
]
