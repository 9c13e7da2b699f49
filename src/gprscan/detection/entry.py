"""``gprscan.detect``: chooses between lines over ground and lines inside a pipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import xarray as xr

from gprscan import names
from gprscan.detection import pipeline
from gprscan.errors import LineError
from gprscan.model import pipe_of, require_line
from gprscan.steps import Recipe, load_recipe

if TYPE_CHECKING:
    import geopandas


def detect(
    line: xr.Dataset,
    recipe: str | Path | Recipe = "road",
    *,
    include: Sequence[str] = (),
    model: str | Path | None = None,
) -> geopandas.GeoDataFrame:
    """Find voids, pipes and other bodies under a line, or behind the wall of the pipe that it was measured in.

    Parameters
    ----------
    line : xarray.Dataset
        The raw line over ``twt``, with distances along it; detection conditions it itself. A line that knows its pipe
        is searched with the recipe ``pipe`` where the given one is for the ground, and one on the face of a wall with
        ``wall``, or ``structure`` where the wall's thickness is not known, so that one survey may hold them all.
    recipe : str, path or Recipe
        Whose ``[detect]`` table is used.
    include : sequence of str
        Kinds to keep that are left out otherwise: ``"interface"``, ``"clutter"``. Not used inside pipes.
    model : path-like, optional
        ONNX file of a model that has one capped vote (needs the extra ``ml``); instead of the recipe's. Not used inside
        pipes.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per body, with the columns `gprscan.names.DETECTION_COLUMNS`, ``asphalt_m`` and its sigma, and inside a pipe those of
        `gprscan.detection.inpipe.pipeline.PIPE_COLUMNS`; geometry in the line's CRS, null where the line has no
        positions. ``attrs["line"]`` says what the line could have shown.

    Raises
    ------
    LineError
        If this is no line over ``twt``, or the recipe is for pipes and the line knows of none.
    MissingPositionError
        If the distance between its traces is not known.
    RecipeError
        If the recipe's ``[detect]`` table has a wrong entry, or the model is none.
    MissingExtraError
        If there is a model and onnxruntime is not installed.
    """
    line = require_line(line)
    loaded = load_recipe(recipe)
    if model is not None:
        loaded = loaded.model_copy(update={"detect": {**loaded.detect, "model": str(model)}})
    for_pipes = loaded.detect.get("geometry") == "pipe"
    if pipe_of(line) is not None:
        from gprscan.detection.inpipe.pipeline import detect_in_pipe

        return detect_in_pipe(line, loaded if for_pipes else "pipe")
    if names.WALL in line.attrs:
        from gprscan.detection.inpipe.on_wall import detect_on_wall, is_measurable

        if is_measurable(line):
            return detect_on_wall(line, loaded if loaded.detect.get("geometry") == "wall" else "wall")
        loaded = load_recipe("structure") if loaded.name == "road" else loaded
    if for_pipes:
        msg = (
            f"the recipe {loaded.name!r} is for lines inside a pipe, and this one knows of none. Put RUN.pipe.toml beside "
            "the file (gprscan survey new-pipe), or give from_array(..., pipe={...})."
        )
        raise LineError(msg)
    return pipeline.detect(line, loaded, include=include)
