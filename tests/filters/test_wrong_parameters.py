"""Parameters of the right type that make no sense are refused, with the step and the reason."""

from __future__ import annotations

from typing import Any

import pytest

from gprscan.errors import ParameterError
from gprscan.steps import get_step
from tests.filters import lines

WRONG: list[tuple[str, dict[str, Any], str]] = [
    # order 0 halved every amplitude, a negative one turned the band inside out
    ("bandpass", {"low": 200, "high": 800, "order": 0}, "order is 0"),
    ("bandpass", {"low": 200, "high": 800, "order": -4}, "order is -4"),
    ("time_zero", {"traces": -5}, "traces is -5"),
    ("time_zero", {"drift": -1.0}, "drift is -1"),
    ("time_zero", {"shift": []}, "0 shifts"),
    ("time_zero", {"shift": [0.1, 0.2]}, "2 shifts"),
    ("time_zero", {"search": 0.001}, "search"),
    ("whiten", {"gain": []}, "gain must be pairs"),
    ("whiten", {"gain": [(400.0, 1.0), (200.0, 1.0)]}, "growing"),
]


@pytest.mark.parametrize(("name", "parameters", "reason"), WRONG)
def test_refused(name: str, parameters: dict[str, Any], reason: str) -> None:
    with pytest.raises(ParameterError, match=f"{name}: .*{reason}"):
        get_step(name).function(lines.noise(), **parameters)
