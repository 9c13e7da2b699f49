"""The centre frequency of an antenna from the name that a recorder writes; absent where the name does not tell."""

from __future__ import annotations

import re

from gprscan.model.findings import Finding

# GSSI model numbers and their nominal centre frequencies in MHz: those that the maker's product names and other open
# readers agree on; a model that is not here is reported as unknown rather than guessed
GSSI_MODELS = {
    "3101": 900.0,
    "3207": 100.0,
    "41000": 1000.0,
    "42000": 2000.0,
    "5100": 1500.0,
    "5103": 400.0,
    "5104": 270.0,
    "5106": 200.0,
    "50270": 270.0,
    "50300": 300.0,
    "50400": 400.0,
    "50800": 800.0,
    "51600": 1600.0,
    "52600": 2600.0,
    "62000": 2000.0,
    "62300": 2300.0,
}
_WITH_UNIT = re.compile(r"(?<![\d.])(\d+(?:\.\d+)?)(?:\s*/\s*(\d+(?:\.\d+)?))?\s*([mg])hz", re.IGNORECASE)
_LEADING_MODEL = re.compile(r"\s*(?:model\s*|d)?(\d{4,5})[a-z]*\b", re.IGNORECASE)
_LEADING_NUMBER = re.compile(r"\s*(\d{2,4})(?![\d.])")
# centre frequencies that antennas without a unit in their name are sold with
_USUAL = {
    *(25, 50, 80, 100, 120, 160, 200, 225, 250, 270, 300, 350, 400, 450, 500, 600, 750, 800, 900),
    *(1000, 1200, 1300, 1500, 1600, 2000, 2300, 2600),
}


def decode_frequency(name: str, *, maker: str = "") -> tuple[float | None, list[Finding]]:
    """Read a centre frequency out of an antenna's name.

    Parameters
    ----------
    name : str
        As recorded: ``"400MHz"``, ``"1.5/1.6GHz"``, ``"5106"``, ``"250 MHz shielded=1"``.
    maker : {"", "GSSI", "MALA"}
        Whose model numbers apply.

    Returns
    -------
    float or None, list of Finding
        MHz, and what a user should know: that a unit was taken for granted, or that the name does not tell.
    """
    text = name.strip()
    match = _WITH_UNIT.search(text)
    if match:
        factor = 1e3 if match[3].lower() == "g" else 1.0
        value = float(match[1]) * factor
        if match[2] is None:
            return (value, []) if value > 0 else (None, [unknown(text)])
        return value, [_note("two frequencies named", text, value, "The first one is used.")]
    match = _LEADING_MODEL.match(text)
    if match and maker == "GSSI" and match[1] in GSSI_MODELS:
        return GSSI_MODELS[match[1]], []
    match = _LEADING_NUMBER.match(text)
    if match and int(match[1]) in _USUAL:
        value = float(match[1])
        return value, [_note("no unit in the antenna's name", text, value, "MHz was taken for granted.")]
    return None, [unknown(text)]


def _note(what: str, text: str, value: float, consequence: str) -> Finding:
    return Finding(
        "antenna-frequency-inferred",
        "info",
        f"The centre frequency is inferred: {what}.",
        "antenna name",
        f"{text!r} read as {value:g} MHz",
        f"{consequence} Override it with gprscan.read(path, frequency=...) if it is wrong.",
    )


def unknown(text: str) -> Finding:
    """Return the finding for an antenna whose frequency the file does not tell."""
    return Finding(
        "antenna-frequency-unknown",
        "warning",
        "The file does not tell the centre frequency of the antenna.",
        "antenna name",
        f"{text!r}" if text else "no antenna name",
        "Left out. Windows that scale with the antenna need it: gprscan.read(path, frequency=400), in MHz.",
    )
