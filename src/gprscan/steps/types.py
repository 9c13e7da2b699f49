"""Parameter types of steps: numbers in canonical units that also accept text such as ``"200 MHz"``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator

from gprscan.units import parse

Time = Annotated[float, BeforeValidator(lambda value: parse(value, "ns"))]
Length = Annotated[float, BeforeValidator(lambda value: parse(value, "m"))]
Frequency = Annotated[float, BeforeValidator(lambda value: parse(value, "MHz"))]
Velocity = Annotated[float, BeforeValidator(lambda value: parse(value, "m/ns"))]
