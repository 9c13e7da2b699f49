"""Velocity of radar waves in the ground, and what follows from it: permittivity, water, time and depth."""

from gprscan.velocity.conversion import depth_to_time, time_to_depth
from gprscan.velocity.focusing import focused_profile, focusing_scan
from gprscan.velocity.hyperbola import HyperbolaFit, diffraction_times, fit_diffraction
from gprscan.velocity.moveout import moveout_semblance, pick_moveout
from gprscan.velocity.pavement import pavement
from gprscan.velocity.permittivity import (
    crim_permittivity,
    crim_porosity,
    crim_saturation,
    permittivity_from_velocity,
    topp_exact_permittivity,
    topp_permittivity,
    topp_water_content,
    velocity_from_permittivity,
)
from gprscan.velocity.plate import plate_layers
from gprscan.velocity.pooling import layer_thickness, layered_section, pool_velocities
from gprscan.velocity.profile import interval_velocity, layered, rms_velocity
from gprscan.velocity.waveform import PavementFit, early_waveform, fit_pavement, layered_response

__all__ = [
    "HyperbolaFit",
    "PavementFit",
    "crim_permittivity",
    "crim_porosity",
    "crim_saturation",
    "depth_to_time",
    "diffraction_times",
    "early_waveform",
    "fit_diffraction",
    "fit_pavement",
    "focused_profile",
    "focusing_scan",
    "interval_velocity",
    "layer_thickness",
    "layered",
    "layered_response",
    "layered_section",
    "moveout_semblance",
    "pavement",
    "permittivity_from_velocity",
    "pick_moveout",
    "plate_layers",
    "pool_velocities",
    "rms_velocity",
    "time_to_depth",
    "topp_exact_permittivity",
    "topp_permittivity",
    "topp_water_content",
    "velocity_from_permittivity",
]
