"""Detection: candidates, fits, evidence, linking, classification, the anomaly table."""

from gprscan.detection.detect import detect

__all__ = ["detect"]
