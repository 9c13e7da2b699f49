"""What was done to a line: ordered, parameterised, versioned and chained by hashes.

The chain hashes (parent, step, parameters, version) and never the samples: hashing those costs more than most steps.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from importlib.metadata import version
from typing import Any

import xarray as xr

from gprscan import names


def load(line: xr.Dataset) -> list[dict[str, Any]]:
    """Return the provenance entries of a line, oldest first."""
    return json.loads(line.attrs.get(names.PROVENANCE) or "[]")


def append(line: xr.Dataset, parent: xr.Dataset, step: str, parameters: dict[str, Any]) -> xr.Dataset:
    """Return `line` with the provenance of `parent` and one more entry.

    Parameters
    ----------
    line : xarray.Dataset
        Result of the step.
    parent : xarray.Dataset
        The line that went into the step.
    step : str
        Registered name of the step.
    parameters : dict
        Resolved parameters, JSON serialisable.
    """
    chain = load(parent)
    software = version("gprscan")
    body = {"step": step, "parameters": parameters, "version": software}
    previous = chain[-1]["hash"] if chain else line.attrs.get(names.SOURCE_SHA256, "")
    digest = hashlib.sha256((previous + json.dumps(body, sort_keys=True)).encode()).hexdigest()
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    arguments = ", ".join(f"{key}={value}" for key, value in parameters.items())
    history = f"{now} gprscan {software}: {step}({arguments})"
    earlier = parent.attrs.get(names.HISTORY)
    return line.assign_attrs(
        {
            names.PROVENANCE: json.dumps([*chain, {**body, "hash": digest}], ensure_ascii=False),
            names.HISTORY: f"{earlier}\n{history}" if earlier else history,
        }
    )
