"""Pictures of lines and surveys: radargrams, A-scans, wiggles and maps. Every function returns Matplotlib axes."""

from gprscan.plot.maps import survey_map
from gprscan.plot.pipes import unrolled_pipe
from gprscan.plot.radargram import radargram
from gprscan.plot.style import KIND_COLOURS
from gprscan.plot.traces import ascan, wiggle

__all__ = ["KIND_COLOURS", "ascan", "radargram", "survey_map", "unrolled_pipe", "wiggle"]
