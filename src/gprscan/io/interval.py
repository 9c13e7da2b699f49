"""Sampling intervals in fields that seismic formats define and radar programs reinterpret."""

from __future__ import annotations

from gprscan.errors import ReadError
from gprscan.io.source import Source
from gprscan.model.findings import Finding

TO_NS = {"ps": 1e-3, "ns": 1.0, "us": 1e3, "s": 1e9}
# ns: from 100 GHz sampling to the longest records of ice radars
SHORTEST, LONGEST = 1e-3, 100.0
LONGEST_WINDOW = 2e5


def radar_interval(
    source: Source, value: float, n_samples: int, usual: str, given: str | None, *, declared: str = "", field: str
) -> tuple[float, list[Finding]]:
    """Return the sampling interval in ns of a field whose unit radar programs do not agree on.

    Parameters
    ----------
    source : Source
        The file.
    value : float
        What the field holds.
    n_samples : int
        Samples per trace.
    usual : str
        Unit that radar programs of this format use, a key of `TO_NS`.
    given : str or None
        Unit that the user declared with ``interval_unit=``.
    declared : str
        Unit that the file itself declares in words, empty where it does not.
    field : str
        Name of the field, for messages.

    Returns
    -------
    float, list of Finding
        ns, and a finding where the unit is neither declared by the file nor by the user.

    Raises
    ------
    ReadError
        If the interval is no interval of a radar in the unit that applies: the data are then probably not radar.
    """
    unit = given or declared or usual
    dt = value * TO_NS[unit]
    if not (SHORTEST <= dt <= LONGEST and dt * n_samples <= LONGEST_WINDOW):
        msg = (
            f"{source.name}: {field} is {value:g}; taken as {unit} that is one sample every {dt:g} ns and a window of "
            f"{dt * n_samples:g} ns, which no ground-penetrating radar records. If the field has another unit, say "
            f"which: gprscan.read(path, interval_unit='ns'); {', '.join(TO_NS)} are known."
        )
        raise ReadError(msg)
    if given or declared:
        return dt, []
    what = "The unit of the sampling interval is not stated in the file."
    evidence = f"{field} {value:g} taken as {unit}: dt {dt:g} ns, window {dt * n_samples:g} ns"
    then = (
        "Plausible for radar, but a seismic recording would look the same. Depths depend on it: check the window, "
        "or declare the unit with gprscan.read(path, interval_unit=...)."
    )
    return dt, [Finding("interval-unit-assumed", "warning", what, source.name, evidence, then)]
