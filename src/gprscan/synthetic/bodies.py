"""Buried bodies of the classes met under roads: what they are made of and how the truth records them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gprscan.synthetic.media import Medium
from gprscan.synthetic.shapes import Arch, Box, Ellipse, Shape, Wedge, paint

WATER = (80.0, 0.02)
CONCRETE = (7.0, 0.005)
PVC = (3.0, 0.0)


@dataclass(frozen=True)
class Part:
    """A piece of a body; later pieces are painted over earlier ones."""

    shape: Shape
    permittivity: float = 1.0
    conductivity: float = 0.0
    conductor: bool = False


@dataclass(frozen=True)
class Body:
    """A body of one class.

    Parameters
    ----------
    kind : str
        Class in the truth record, such as ``"air_void"``.
    category : {"void", "anomaly", "utility", "structure", "geology"}
        Group of the class.
    material : str
        In words.
    outline : Shape
        Outer shape; its top is the depth on record.
    parts : tuple of Part
        What is painted.
    polarity : int
        Sign of the onset relative to the incident wave: +1 to a lower permittivity, -1 to metal or water.
    permittivity : float or None
        Of the outer part; None for metal.
    extra : dict
        Further entries of the truth record.
    apex_depth : float, optional
        Depth below the middle of the body, where that is not its shallowest point.
    """

    kind: str
    category: str
    material: str
    outline: Shape
    parts: tuple[Part, ...]
    polarity: int
    permittivity: float | None
    extra: dict[str, Any] = field(default_factory=dict)
    apex_depth: float | None = None

    @property
    def x(self) -> float:
        """Position of the apex, or of the middle, along the line in m."""
        x0, x1, _, _ = self.outline.box
        return 0.5 * (x0 + x1)

    @property
    def top(self) -> float:
        """Depth of the top below the ground in m, at the middle."""
        return self.outline.box[2] if self.apex_depth is None else self.apex_depth

    def paint_on(self, medium: Medium) -> None:
        """Put every part into a medium, in place."""
        for part in self.parts:
            paint(medium, part.shape, part.permittivity, part.conductivity, conductor=part.conductor)


def air_void(outline: Shape) -> Body:
    """A void filled with air."""
    return Body("air_void", "void", "air", outline, (Part(outline),), 1, 1.0)


def water_void(outline: Shape) -> Body:
    """A void filled with water."""
    return Body("water_void", "void", "water", outline, (Part(outline, *WATER),), -1, WATER[0])


def debonding(x: float, width: float, interface: float, thickness: float) -> Body:
    """An air gap below the bound layer, its top at the layer's lower face."""
    outline = Box(x - width / 2, x + width / 2, interface, interface + thickness, "slab")
    return Body("debond_cavity", "void", "air", outline, (Part(outline),), 1, 1.0)


def loose_zone(outline: Ellipse, host: float, rng: np.random.Generator, *, pockets_per_m2: float = 110.0) -> Body:
    """Loosened soil: less dense than its host, riddled with air pockets of 1 to 2.5 cm."""
    count = round(np.pi * outline.a * outline.b * pockets_per_m2)
    angle, radius = rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 0.85, count))
    pockets = [
        (outline.x + outline.a * r * np.cos(w), outline.z + outline.b * r * np.sin(w), rng.uniform(0.010, 0.025))
        for w, r in zip(angle, radius, strict=True)
    ]
    eps = 0.62 * host
    parts = (Part(outline, eps, 0.003), *(Part(Ellipse(x, z, r, r)) for x, z, r in pockets))
    extra = {
        "air_pockets": [[round(float(v), 3) for v in pocket] for pocket in pockets],
        "expected_polarity_note": "top of the patch only; the pockets scatter with mixed sign",
    }
    return Body("loose_zone", "anomaly", "loosened soil", outline, parts, 1, round(eps, 3), extra)


def water_rich_zone(outline: Ellipse, host: float) -> Body:
    """A patch of soil close to saturation."""
    eps = 1.8 * host
    return Body(
        "water_rich_zone",
        "anomaly",
        "wet soil",
        outline,
        (Part(outline, eps, 0.04),),
        -1,
        round(eps, 3),
        {"sigma_S_m": 0.04},
    )


def metal_pipe(x: float, top: float, radius: float) -> Body:
    """A metal pipe crossing at a right angle."""
    outline = Ellipse(x, top + radius, radius, radius)
    return Body("metal_pipe", "utility", "pec", outline, (Part(outline, conductor=True),), -1, None)


def pvc_pipe(x: float, top: float, radius: float, *, water: bool, wall: float = 0.008) -> Body:
    """A plastic pipe filled with water or with air."""
    outline = Ellipse(x, top + radius, radius, radius)
    bore = Ellipse(x, top + radius, radius - wall, radius - wall)
    fill = Part(bore, *WATER) if water else Part(bore)
    name = "water" if water else "air"
    return Body(
        f"pvc_pipe_{name}",
        "utility",
        f"pvc/{name}",
        outline,
        (Part(outline, *PVC), fill),
        -1 if water else 1,
        PVC[0],
        {"wall_m": wall},
    )


def concrete_pipe(x: float, top: float, radius: float, wall: float, *, host: float) -> Body:
    """A concrete pipe filled with air."""
    outline = Ellipse(x, top + radius, radius, radius)
    bore = Ellipse(x, top + radius, radius - wall, radius - wall)
    extra = {
        "wall_m": wall,
        "expected_polarity_note": "sign of the outer step; the inner wall to air (+1) is the stronger echo",
    }
    sign = 1 if host > CONCRETE[0] else -1
    return Body(
        "concrete_pipe",
        "utility",
        "concrete/air",
        outline,
        (Part(outline, *CONCRETE), Part(bore)),
        sign,
        CONCRETE[0],
        extra,
    )


def rebar_mesh(first: float, last: float, spacing: float, depth: float, radius: float = 0.008) -> Body:
    """A row of bars across the line, as in a concrete slab."""
    bars = [float(x) for x in np.arange(first, last + 1e-9, spacing)]
    outline = Box(bars[0], bars[-1], depth - radius, depth + radius, "row")
    parts = tuple(Part(Ellipse(x, depth, radius, radius), conductor=True) for x in bars)
    extra = {"spacing_m": round(spacing, 3), "bars_x_m": [round(x, 3) for x in bars]}
    return Body("rebar_mesh", "structure", "pec", outline, parts, -1, None, extra)


def manhole(x: float, width: float, bottom: float, *, wall: float = 0.12, cover: float = 0.055) -> Body:
    """A shaft with concrete walls and floor, air inside, a metal cover flush with the road."""
    outline = Box(x - width / 2, x + width / 2, 0.0, bottom, "vertical shaft")
    inside = Box(outline.x0 + wall, outline.x1 - wall, cover, bottom - wall)
    lid = Box(inside.x0 - 0.04, inside.x1 + 0.04, 0.0, cover)
    parts = (Part(outline, *CONCRETE), Part(inside), Part(lid, conductor=True))
    extra = {"inner_width_m": round(inside.x1 - inside.x0, 3)}
    return Body("manhole", "structure", "concrete/air/metal cover", outline, parts, -1, None, extra)


def dipping_layer(length: float, z0: float, z1: float, bottom: float, permittivity: float) -> Body:
    """Wetter ground below a plane that dips along the line, from `z0` at its start to `z1` at its end."""
    outline = Wedge(0.0, z0, length, z1, bottom)
    extra = {
        "sigma_S_m": 0.015,
        "interface_xz": [[0.0, round(z0, 3)], [round(length, 3), round(z1, 3)]],
        "dip_deg": round(float(np.degrees(np.arctan((z1 - z0) / length))), 2),
    }
    return Body(
        "dipping_layer",
        "geology",
        f"eps {permittivity:.1f}",
        outline,
        (Part(outline, permittivity, 0.015),),
        -1,
        round(permittivity, 3),
        extra,
        0.5 * (z0 + z1),
    )


__all__ = [
    "Arch",
    "Body",
    "Box",
    "Ellipse",
    "Part",
    "air_void",
    "concrete_pipe",
    "debonding",
    "dipping_layer",
    "loose_zone",
    "manhole",
    "metal_pipe",
    "pvc_pipe",
    "rebar_mesh",
    "water_rich_zone",
    "water_void",
]
