"""``gprscan doctor``: whether the installation is sound, and what is in it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import click

from gprscan.cli import console
from gprscan.cli.status import ExitStatus


@click.command("doctor")
def command() -> None:
    """Check versions, compiled kernels, their cache, coordinate systems, GIS drivers and the sample survey."""
    rows = [("ok", "gprscan", version("gprscan")), ("ok", "python", f"{platform.python_version()} on {sys.platform}")]
    rows += _dependencies()
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("kernels", _kernels),
        ("kernel cache", _cache),
        ("coordinates", _coordinates),
        ("GIS drivers", _drivers),
        ("formats", _formats),
        ("sample survey", _sample),
        ("temporary folder", _temporary),
    )
    for name, check in checks:
        try:
            rows.append(("ok", name, check()))
        except Exception as error:
            rows.append(("BAD", name, f"{type(error).__name__}: {error}"))
    console.table(("", "what", "found"), rows)
    bad = any(row[0] == "BAD" for row in rows)
    click.get_current_context().exit(int(ExitStatus.UNEXPECTED if bad else ExitStatus.OK))


def _dependencies() -> list[tuple[str, str, str]]:
    from packaging.requirements import Requirement

    rows = []
    for text in requires("gprscan") or []:
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            rows.append(("BAD", requirement.name, f"missing; {requirement} is needed"))
            continue
        fits = requirement.specifier.contains(found, prereleases=True)
        rows.append(("ok" if fits else "BAD", requirement.name, found if fits else f"{found}; {requirement} is needed"))
    return rows


def _kernels() -> str:
    import numba

    @numba.njit
    def twice(value: float) -> float:
        return 2.0 * value

    if twice(21.0) != 42.0:
        msg = "a compiled function returned a wrong number"
        raise RuntimeError(msg)
    interpreted = " (NUMBA_DISABLE_JIT is set: very slow)" if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0" else ""
    return f"compile and run with {numba.get_num_threads()} threads{interpreted}"


def _cache() -> str:
    import gprscan.kernels

    folder = Path(os.environ.get("NUMBA_CACHE_DIR") or Path(gprscan.kernels.__file__).parent)
    if os.access(folder, os.W_OK):
        return f"written to {folder}"
    return f"{folder} is read-only: kernels are kept in the user's cache folder, or compiled each time"


def _coordinates() -> str:
    from pyproj import Transformer

    x, y = Transformer.from_crs("EPSG:4326", "EPSG:4547", always_xy=True).transform(114.03, 22.70)
    # CGCS2000 / 3-degree Gauss-Kruger CM 114E: false easting 500 km, and 22.7 degrees are about 2511 km of meridian
    if not (503_000 < x < 503_200 and 2_510_000 < y < 2_513_000):
        msg = f"114.03 E, 22.70 N became ({x:.0f}, {y:.0f}) in EPSG:4547; the PROJ data are damaged"
        raise RuntimeError(msg)
    return "EPSG:4547 and WGS 84 convert as they should"


def _drivers() -> str:
    import pyogrio

    writable = {name for name, mode in pyogrio.list_drivers().items() if "w" in mode}
    absent = {"GPKG", "GeoJSON"} - writable
    if absent:
        msg = f"GDAL cannot write {', '.join(sorted(absent))}"
        raise RuntimeError(msg)
    return f"GDAL {'.'.join(map(str, pyogrio.__gdal_version__))} writes GeoPackage and GeoJSON"


def _formats() -> str:
    from gprscan.io import registry

    return " ".join(entry.name for entry in registry.list_formats())


def _sample() -> str:
    from gprscan.survey.sample import sample_folder

    return str(sample_folder())


def _temporary() -> str:
    with tempfile.NamedTemporaryFile() as file:
        return f"{Path(file.name).parent} can be written"
