"""Canonical units (ns, m, m/ns, MHz) and the parsing of quantities such as ``"200 MHz"``."""

from __future__ import annotations

import re

from gprscan.errors import UnitsError

# speed of light in air, m/ns: 299 792 458 m/s divided by the square root of 1.0006 is 0.2997
C_AIR = 0.299792458

_FACTORS = {
    "ns": {"ns": 1.0, "us": 1e3, "µs": 1e3, "ps": 1e-3, "ms": 1e6, "s": 1e9},
    "m": {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "km": 1e3, "ft": 0.3048, "in": 0.0254},
    "MHz": {"mhz": 1.0, "ghz": 1e3, "khz": 1e-3, "hz": 1e-6},
    "m/ns": {"m/ns": 1.0, "cm/ns": 1e-2, "m/us": 1e-3, "m/µs": 1e-3, "m/s": 1e-9},
}

_QUANTITY = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s\d].*?)?\s*$")


def parse(value: float | int | str, unit: str) -> float:
    """Turn a number or a text such as ``"0.2 GHz"`` into a number in a canonical unit.

    Parameters
    ----------
    value : float, int or str
        A bare number is taken to be in `unit` already.
    unit : {"ns", "m", "MHz", "m/ns"}
        Canonical unit of the result.

    Returns
    -------
    float
        The quantity in `unit`.

    Raises
    ------
    UnitsError
        If the text is no quantity, or its unit does not measure what `unit` measures.

    Examples
    --------
    >>> parse("0.2 GHz", "MHz")
    200.0
    """
    if not isinstance(value, str):
        try:
            return float(value)
        except TypeError:
            msg = f"{value!r} is not a quantity. Write a number, or a number and a unit, for example '5 {unit}'."
            raise UnitsError(msg) from None
    match = _QUANTITY.match(value)
    if match is None:
        msg = f"{value!r} is not a quantity. Write a number, or a number and a unit, for example '5 {unit}'."
        raise UnitsError(msg)
    number, suffix = float(match[1]), match[2]
    if suffix is None:
        return number
    factors = _FACTORS[unit]
    factor = factors.get(suffix.lower()) if unit != "ns" else factors.get(suffix, factors.get(suffix.lower()))
    if factor is None:
        msg = f"{value!r} has the unit {suffix!r}, but {unit} is needed here. Accepted: {', '.join(factors)}."
        raise UnitsError(msg)
    return number * factor
