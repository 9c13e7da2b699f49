"""Findings: what looks wrong in a file or a line, coded, with the evidence and the consequence."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

import xarray as xr

from gprscan import names

Severity = Literal["info", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """One thing that a user should know before trusting a line.

    Attributes
    ----------
    code : str
        Stable identifier in kebab case, for example ``"header-window-mismatch"``.
    severity : {"info", "warning", "error"}
        ``error`` means that some of the data cannot be used.
    what : str
        One sentence for a person.
    where : str
        File, field, traces or samples concerned.
    evidence : str
        The numbers behind it.
    consequence : str
        What was done about it, and what the user should do.
    """

    code: str
    severity: Severity
    what: str
    where: str = ""
    evidence: str = ""
    consequence: str = ""


def dump(findings: list[Finding] | tuple[Finding, ...]) -> str:
    """Serialise findings to the JSON string kept in the attribute ``findings``."""
    return json.dumps([asdict(f) for f in findings], ensure_ascii=False)


def load(line: xr.Dataset) -> list[Finding]:
    """Return the findings stored on a line."""
    text = line.attrs.get(names.FINDINGS) or "[]"
    return [Finding(**entry) for entry in json.loads(text)]


def add(line: xr.Dataset, *findings: Finding) -> xr.Dataset:
    """Return the line with further findings attached; the input is left alone."""
    attrs: dict[str, Any] = {**line.attrs, names.FINDINGS: dump([*load(line), *findings])}
    return line.assign_attrs(attrs)
