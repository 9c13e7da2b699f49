"""Settings of `gprscan.detect`, as they stand in the ``[detect]`` table of a recipe."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from gprscan.detection.ground import Ground
from gprscan.units import C_AIR


class Settings(BaseModel):
    """What detection looks for. Lengths scale with the antenna's wavelength where a unit is not given.

    Attributes
    ----------
    ground : list of [thickness, permittivity]
        Usual build-up of the ground in m from the surface down; the last layer goes on for ever.
    velocity_spread : float
        Relative standard deviation of the velocities that follow from it.
    velocity_min, velocity_max : float
        Range of velocities that are searched, m/ns.
    frequency : float
        Centre frequency in MHz to assume where the line does not say.
    aperture : float
        Longest half-aperture of a hyperbola in m, for an antenna of 400 MHz; it scales with the wavelength.
    coherence : float
        Least agreement of the two legs of a hyperbola (0 to 1) for a candidate.
    strength : float
        Least amplitude of a candidate, as a multiple of the typical echo at its time.
    hazards : bool
        Whether voids can be there at all.
    report : float
        Least probability of being a body (not natural clutter) for a row of the table. Chosen for about one false alarm per
        km of empty road, as ``benchmarks/learn_tables.py`` prints them.
    hazard : float
        Least probability of being a hazard of some kind for a row to be called one; less is `unknown`.
    sure : float
        Least probability of being a body for what the channels of an array show to be called a hazard; less is `unknown`. A swath
        meets many times the stones of one line per km, and what is a void shows on several channels.
    absolute : bool
        Whether the direct wave is a fair scale for echoes, as under the antennas that the tables were learnt with; else
        amplitude and reflectivity against it cast no vote.
    outstanding_db : float or None
        A hyperbola that stands out from its surroundings by as much, its legs alike, is shown as `unknown` where the
        votes take it for clutter: who looks for pipes and bars wants to see it. None: it is left out.
    model : str or None
        ONNX file of a model that votes on hyperbolas (`gprscan.detection.rescore`); a relative path in a recipe file is
        beside it.
    background_m : float
        Length of the sliding median in m.
    block_m : float
        Most length of line that is searched at a time, m.
    bound_layer : bool
        Whether the thickness of the asphalt or slab above hazards is measured, for schemes that grade by it.
    """

    model_config = ConfigDict(extra="forbid")

    ground: list[tuple[float, float]] = Field([(0.12, 5.2), (0.28, 7.8), (1.0, 11.0)], min_length=1)
    velocity_spread: float = Field(0.10, gt=0, lt=1)
    velocity_min: float = Field(0.055, gt=0.01, lt=0.3)
    velocity_max: float = Field(0.20, gt=0.02, le=0.3)
    frequency: float = Field(400.0, gt=1)
    aperture: float = Field(1.4, gt=0.05)
    coherence: float = Field(0.3, gt=0, lt=1)
    strength: float = Field(1.4, gt=0)
    hazards: bool = True
    report: float = Field(0.80, ge=0, le=1)
    hazard: float = Field(0.5, ge=0, le=1)
    sure: float = Field(0.93, ge=0, le=1)
    absolute: bool = True
    outstanding_db: float | None = Field(None, gt=0)
    model: str | None = None
    background_m: float = Field(4.0, gt=0.1)
    block_m: float = Field(250.0, gt=5)
    bound_layer: bool = False

    def prior_ground(self) -> Ground:
        """Prior of the velocity over time."""
        return Ground(tuple(self.ground), 1.0, self.velocity_spread)

    @property
    def velocity(self) -> float:
        """Velocity in the deepest layer in m/ns, for sizes and windows."""
        return float(C_AIR / self.ground[-1][1] ** 0.5)
