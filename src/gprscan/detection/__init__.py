"""Detection: candidates, fits, evidence, linking, classification, the anomaly table."""

from gprscan.detection.entry import detect
from gprscan.detection.inpipe.cylinder import cylinder_image, write_cylinder_image
from gprscan.detection.inpipe.pipeline import wall_thickness

__all__ = ["cylinder_image", "detect", "wall_thickness", "write_cylinder_image"]
