"""Filters: a line in, a line out. Each is a registered step, a method of ``line.gpr`` and an entry of a recipe."""

from gprscan.filters.attributes import envelope
from gprscan.filters.background import background
from gprscan.filters.bands import bandpass
from gprscan.filters.baseline import dc, dewow
from gprscan.filters.deconvolution import deconvolve, deconvolve_sparse, estimate_wavelet, whiten
from gprscan.filters.editing import edit_traces, find_traces, trim
from gprscan.filters.gains import agc, estimate_attenuation, gain_exponential, gain_inverse_envelope, gain_power
from gprscan.filters.repair import clip_levels, declip, despike, find_tones, notch
from gprscan.filters.sampling import resample, stack
from gprscan.filters.spacing import regularize
from gprscan.filters.time_zero import time_zero

__all__ = [
    "agc",
    "background",
    "bandpass",
    "clip_levels",
    "dc",
    "declip",
    "deconvolve",
    "deconvolve_sparse",
    "despike",
    "dewow",
    "edit_traces",
    "envelope",
    "estimate_attenuation",
    "estimate_wavelet",
    "find_tones",
    "find_traces",
    "gain_exponential",
    "gain_inverse_envelope",
    "gain_power",
    "notch",
    "regularize",
    "resample",
    "stack",
    "time_zero",
    "trim",
    "whiten",
]
