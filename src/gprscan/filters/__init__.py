"""Filters: a line in, a line out. Each is a registered step, a method of ``line.gpr`` and an entry of a recipe."""

from gprscan.filters.attributes import (
    energy,
    envelope,
    instantaneous_frequency,
    instantaneous_phase,
    s_transform,
    spectral_decay,
)
from gprscan.filters.automatic import suggest_steps
from gprscan.filters.background import background
from gprscan.filters.balancing import balance_channels, balance_traces
from gprscan.filters.bands import bandpass
from gprscan.filters.baseline import dc, dewow
from gprscan.filters.deconvolution import deconvolve, deconvolve_sparse, estimate_wavelet, whiten
from gprscan.filters.dips import dip_filter
from gprscan.filters.editing import edit_traces, find_traces, trim
from gprscan.filters.gains import agc, estimate_attenuation, gain_exponential, gain_inverse_envelope, gain_power
from gprscan.filters.heights import height_correction, surface_time
from gprscan.filters.repair import clip_levels, declip, despike, find_tones, notch
from gprscan.filters.ringing import deringing, find_ringing
from gprscan.filters.sampling import resample, stack
from gprscan.filters.slant import tau_p, tau_p_filter
from gprscan.filters.smoothing import smooth
from gprscan.filters.spacing import regularize
from gprscan.filters.structure import coherence, dip, planarity
from gprscan.filters.time_zero import time_zero
from gprscan.filters.topography import topographic_correction
from gprscan.filters.tracking import track_interface, track_surface

__all__ = [
    "agc",
    "background",
    "balance_channels",
    "balance_traces",
    "bandpass",
    "clip_levels",
    "coherence",
    "dc",
    "declip",
    "deconvolve",
    "deconvolve_sparse",
    "deringing",
    "despike",
    "dewow",
    "dip",
    "dip_filter",
    "edit_traces",
    "energy",
    "envelope",
    "estimate_attenuation",
    "estimate_wavelet",
    "find_ringing",
    "find_tones",
    "find_traces",
    "gain_exponential",
    "gain_inverse_envelope",
    "gain_power",
    "height_correction",
    "instantaneous_frequency",
    "instantaneous_phase",
    "notch",
    "planarity",
    "regularize",
    "resample",
    "s_transform",
    "smooth",
    "spectral_decay",
    "stack",
    "suggest_steps",
    "surface_time",
    "tau_p",
    "tau_p_filter",
    "time_zero",
    "topographic_correction",
    "track_interface",
    "track_surface",
    "trim",
    "whiten",
]
