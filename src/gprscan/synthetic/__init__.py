"""Simulated lines with known truth: analytic diffractors, long roads, and a two-dimensional FDTD engine."""

from gprscan.synthetic.convolution import road_line
from gprscan.synthetic.degradation import LEVELS, Acquisition, Degraded, degrade
from gprscan.synthetic.diffraction import diffractor
from gprscan.synthetic.fdtd import Record, simulate
from gprscan.synthetic.illumination import Road
from gprscan.synthetic.media import Layer, Medium, layered_medium
from gprscan.synthetic.scenes import TEMPLATES, Scene, SimulatedScene, random_scene, simulate_scene
from gprscan.synthetic.wavelets import gaussian_derivative, ricker

__all__ = [
    "LEVELS",
    "TEMPLATES",
    "Acquisition",
    "Degraded",
    "Layer",
    "Medium",
    "Record",
    "Road",
    "Scene",
    "SimulatedScene",
    "degrade",
    "diffractor",
    "gaussian_derivative",
    "layered_medium",
    "random_scene",
    "ricker",
    "road_line",
    "simulate",
    "simulate_scene",
]
