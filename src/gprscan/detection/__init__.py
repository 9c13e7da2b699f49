"""Detection: candidates, fits, evidence, linking, classification, the anomaly table."""

from gprscan.detection.pipeline import detect

__all__ = ["detect"]
