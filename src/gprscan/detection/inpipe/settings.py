"""Settings of detection inside a pipe, as they stand in the ``[detect]`` table of the recipe ``pipe``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class PipeSettings(BaseModel):
    """What detection behind a pipe's wall looks for.

    Attributes
    ----------
    geometry : "pipe" or "wall"
        Marks the recipe as one for in-pipe lines, or for the face of a wall or slope.
    reach : float
        Greatest depth outside the inner wall surface that is searched, m.
    aperture : float
        Half-angle of the migration, degrees.
    at_wall_db : float
        Least echo of a body that lies against the wall, dB against a wall with air behind it.
    behind_db : float
        Least echo of a body behind the wall.
    inside_db : float
        Least echo of a body inside of a wall; what lies inside the wall of a pipe is not searched for bodies.
    contrast_db : float
        Least excess over the usual level at the same depth.
    thin : float
        Share of the usual thickness that must be lost for the wall to be called thin.
    least_cover : float
        Cover of bars below which it is reported as low, m.
    frequency : float
        Centre frequency in MHz to assume where the line does not say.
    """

    model_config = ConfigDict(extra="forbid")

    geometry: Literal["pipe", "wall"] = "pipe"
    reach: float = Field(default=0.6, gt=0.05, le=3.0)
    aperture: float = Field(default=45.0, gt=5, lt=80)
    at_wall_db: float = Field(default=-18.0, lt=0)
    behind_db: float = Field(default=-19.0, lt=0)
    inside_db: float = Field(default=-12.0, lt=20)
    contrast_db: float = Field(default=10.0, gt=0)
    thin: float = Field(default=0.12, gt=0, lt=1)
    least_cover: float = Field(default=0.025, ge=0, lt=0.5)
    frequency: float = Field(default=900.0, gt=10)
