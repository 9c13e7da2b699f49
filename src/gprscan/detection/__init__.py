"""Detection: candidates, fits, evidence, linking, classification, the anomaly table."""

from gprscan.detection.entry import detect
from gprscan.detection.inpipe.pipeline import wall_thickness

__all__ = ["detect", "wall_thickness"]
