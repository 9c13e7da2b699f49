"""Random road scenes for training and testing: a road, what is buried in it, and the survey over it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gprscan.errors import ParameterError
from gprscan.synthetic import bodies as make
from gprscan.synthetic import roads, truth
from gprscan.synthetic.bodies import Arch, Body, Box, Ellipse
from gprscan.synthetic.fdtd import LAYER_CELLS, Record, simulate
from gprscan.synthetic.media import Layer, Medium

_PAD = 0.40  # grid beyond the first and the last antenna midpoint, m


@dataclass(frozen=True)
class Survey:
    """Antenna and geometry of a scene; lengths in m, frequency in MHz."""

    frequency: float
    separation: float
    antenna_height: float
    spacing: float
    n_traces: int
    depth: float
    time_window: float
    step: float
    pulse: str = "ricker"

    @property
    def length(self) -> float:
        """Length of the grid in m."""
        return 2 * _PAD + (self.n_traces - 1) * self.spacing

    @property
    def midpoint(self) -> NDArray[np.floating]:
        """Nominal antenna midpoints in m."""
        return _PAD + np.arange(self.n_traces) * self.spacing


@dataclass(frozen=True)
class Scene:
    """A road scene before it is simulated."""

    template: str
    kind: str
    seed: int
    clutter: str
    survey: Survey
    layers: tuple[Layer, ...]
    scatterers: tuple[roads.Scatterer, ...]
    bodies: tuple[Body, ...]

    def host(self) -> Medium:
        """Return the ground without any body; the same at each call."""
        survey = self.survey
        return roads.road_medium(
            self.layers,
            self.scatterers,
            self.clutter,
            np.random.default_rng([self.seed, 1]),
            length=survey.length,
            depth=survey.depth,
            air=max(18, round(survey.antenna_height / survey.step) + LAYER_CELLS + 1) * survey.step,
            step=survey.step,
        )

    def medium(self, *, without: Body | None = None) -> Medium:
        """Return the ground with its bodies, one of them left out if asked for."""
        ground = self.host()
        for body in self.bodies:
            if body is not without:
                body.paint_on(ground)
        return ground


@dataclass(frozen=True)
class SimulatedScene:
    """Clean traces of a scene and its truth record."""

    scene: Scene
    record: Record
    truth: dict[str, Any]


def _survey(rng: np.random.Generator, plan: Template, *, step: float | None = None) -> Survey:
    shallow = plan.shallow
    frequency = float(rng.choice([600.0, 900.0] if shallow else [270.0, 300.0, 350.0, 400.0, 400.0, 400.0, 500.0]))
    if step is None:
        step = 0.010 if frequency <= 400 else (0.008 if frequency <= 600 else 0.006)
    wanted = float(rng.choice([0.03, 0.04] if frequency > 600 else [0.04, 0.05]))
    spacing = round(wanted / step) * step
    depth = 1.15 if shallow else float(rng.uniform(1.45, 1.85))
    if frequency > 600:
        depth = 0.85
    length = float(rng.uniform(2.6, 3.4)) if shallow else float(rng.uniform(3.6, 5.2))
    length = max(length, plan.length)
    window = 24.5 * depth * float(rng.uniform(0.92, 1.05))
    return Survey(
        frequency=frequency,
        separation=float(rng.uniform(0.10, 0.17)),
        antenna_height=float(rng.uniform(0.012, 0.05)),
        spacing=spacing,
        n_traces=int(length / spacing) + 1,
        depth=round(depth, 2),
        time_window=round(window, 1),
        step=step,
        pulse=str(rng.choice(["ricker", "ricker", "ricker", "gaussian_derivative"])),
    )


@dataclass
class _Draw:
    """What a recipe needs to place a body."""

    rng: np.random.Generator
    layers: tuple[Layer, ...]
    x: float
    shallow: bool = False

    @property
    def bound(self) -> float:
        return self.layers[0].thickness

    @property
    def host(self) -> float:
        return self.layers[-1].permittivity

    def depth(self, low: float = 0.45, high: float = 1.0) -> float:
        if self.shallow:
            return float(self.rng.uniform(self.bound + 0.06, 0.45))
        return float(self.rng.uniform(low, high))

    def size(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high)) * (0.6 if self.shallow else 1.0)


def _void_outline(draw: _Draw, shape: str) -> Any:
    top, width = draw.depth(), draw.size(0.24, 0.95)
    if shape == "circle":
        radius = min(width, 0.55) / 2
        return Ellipse(draw.x, top + radius, radius, radius)
    height = float(np.clip(width * draw.rng.uniform(0.3, 0.6), 0.10, 0.45))
    if shape == "ellipse":
        return Ellipse(draw.x, top + height / 2, width / 2, height / 2)
    if shape == "rect":
        return Box(draw.x - width / 2, draw.x + width / 2, top, top + height)
    return Arch(draw.x, top, width, height, 0.6 * height)


def _air(shape: str) -> Callable[[_Draw], Body]:
    return lambda draw: make.air_void(_void_outline(draw, shape))


def _water(draw: _Draw) -> Body:
    return make.water_void(_void_outline(draw, str(draw.rng.choice(["circle", "ellipse", "arch"]))))


def _debond(draw: _Draw) -> Body:
    return make.debonding(draw.x, draw.size(0.6, 1.3), draw.bound, float(draw.rng.uniform(0.024, 0.06)))


def _patch(draw: _Draw) -> Ellipse:
    a, b = draw.size(0.25, 0.6), draw.size(0.15, 0.20)
    return Ellipse(draw.x, draw.depth(0.45, 0.9) + b, a, b)


def _loose(draw: _Draw) -> Body:
    return make.loose_zone(_patch(draw), draw.host, draw.rng)


def _wet(draw: _Draw) -> Body:
    return make.water_rich_zone(_patch(draw), draw.host)


def _metal(draw: _Draw) -> Body:
    return make.metal_pipe(draw.x, draw.depth(), draw.size(0.03, 0.12))


def _pvc_air(draw: _Draw) -> Body:
    return make.pvc_pipe(draw.x, draw.depth(), draw.size(0.055, 0.12), water=False)


def _pvc_water(draw: _Draw) -> Body:
    return make.pvc_pipe(draw.x, draw.depth(), draw.size(0.055, 0.12), water=True)


def _wide_pvc(draw: _Draw) -> Body:
    return make.pvc_pipe(draw.x, draw.depth(), draw.size(0.10, 0.225), water=False)


def _pipe_sized_void(draw: _Draw) -> Body:
    radius = draw.size(0.10, 0.225)
    return make.air_void(Ellipse(draw.x, draw.depth() + radius, radius, radius))


def _concrete(draw: _Draw) -> Body:
    radius = draw.size(0.18, 0.36)
    return make.concrete_pipe(draw.x, draw.depth(0.5, 0.85), radius, round(0.18 * radius, 3), host=draw.host)


def _manhole(draw: _Draw) -> Body:
    return make.manhole(draw.x, draw.size(0.75, 1.0), float(draw.rng.uniform(1.25, 1.45)))


RECIPES: dict[str, Callable[[_Draw], Body]] = {
    "circle": _air("circle"),
    "ellipse": _air("ellipse"),
    "rect": _air("rect"),
    "arch": _air("arch"),
    "water": _water,
    "debond": _debond,
    "loose": _loose,
    "wet": _wet,
    "metal": _metal,
    "pvc_air": _pvc_air,
    "pvc_water": _pvc_water,
    "wide_pvc": _wide_pvc,
    "small_void": _pipe_sized_void,
    "concrete": _concrete,
    "manhole": _manhole,
}


@dataclass(frozen=True)
class Template:
    """What a scene holds.

    Clutter level, recipes from left to right, rebar, a dipping layer, a slab, high frequency, the least length of the
    line in m, and how many of the first bodies lie so close that their curves cross.
    """

    clutter: str
    recipes: tuple[str, ...] = ()
    rebar: bool = False
    dip: bool = False
    slab: bool = False
    shallow: bool = False
    length: float = 0.0
    close: int = 1


TEMPLATES: dict[str, Template] = {
    "empty_low": Template("low"),
    "void_circle": Template("low", ("circle",)),
    "metal": Template("high", ("metal",)),
    "empty_medium": Template("medium"),
    "void_ellipse": Template("medium", ("ellipse",)),
    "void_metal_pvc": Template("low", ("arch", "metal", "pvc_air")),
    "debond": Template("high", ("debond",)),
    "empty_high": Template("high"),
    "void_rect": Template("high", ("rect",)),
    "pvc_air": Template("low", ("pvc_air",)),
    "waterrich": Template("medium", ("wet",)),
    "pipes_void": Template("medium", ("metal", "ellipse", "concrete")),
    "void_arch": Template("low", ("arch",)),
    "empty_medium_rebar": Template("medium", rebar=True),
    "loose": Template("low", ("loose",)),
    "void_water": Template("medium", ("water",)),
    "pvc_water": Template("medium", ("pvc_water",)),
    "rebar_debond_void": Template("medium", ("debond", "arch"), rebar=True),
    "manhole": Template("low", ("manhole",)),
    "void_shallow": Template("high", ("ellipse",), shallow=True),
    "debond_long": Template("medium", ("debond",), slab=True),
    "concrete": Template("high", ("concrete",)),
    "four_objects": Template("medium", ("circle", "metal", "pvc_water", "wet")),
    "wet_loose_void_high": Template("high", ("wet", "loose", "rect")),
    "empty_high_dip": Template("high", dip=True),
    "crossing_pipes": Template("low", ("metal", "metal", "pvc_air", "circle"), close=3),
    "five_objects": Template("medium", ("small_void", "metal", "concrete", "pvc_water", "wet"), length=4.6),
    "void_wide_pvc": Template("medium", ("small_void", "wide_pvc")),
    "dip_void_pvc": Template("low", ("small_void", "pvc_air"), dip=True),
    "long_high": Template("high", ("water", "metal", "loose", "circle", "pvc_air"), length=8.5),
    "long_medium": Template("medium", ("debond", "concrete", "wet", "rect", "metal", "loose"), length=9.0),
}


def random_scene(template: str, seed: int, *, step: float | None = None) -> Scene:
    """Draw a road scene.

    Parameters
    ----------
    template : str
        One of `TEMPLATES`.
    seed : int
        The same seed draws the same scene.
    step : float, optional
        Node distance of the grid in m; 1 cm up to 400 MHz and 8 mm above where not given.

    Returns
    -------
    Scene
        Road, bodies and survey.

    Raises
    ------
    ParameterError
        If there is no such template.
    """
    if template not in TEMPLATES:
        msg = f"there is no scene template {template!r}; known: {', '.join(TEMPLATES)}."
        raise ParameterError(msg)
    plan = TEMPLATES[template]
    rng = np.random.default_rng([seed, 0])
    survey = _survey(rng, plan, step=step)
    layers = roads.on_nodes(roads.random_layers(rng, plan.clutter, concrete=plan.rebar or plan.slab), survey.step)
    placed = tuple(_place(plan, layers, survey, rng))
    scatterers = roads.scatterers_below(rng, plan.clutter, layers, length=survey.length, depth=survey.depth)
    clear = tuple(
        s for s in scatterers if not any(roads.overlaps(s.shape, body) for body in placed if body.category != "geology")
    )
    kind = "empty" if not plan.recipes else ("single" if len(plan.recipes) == 1 and not plan.rebar else "mixed")
    return Scene(template, kind, seed, plan.clutter, survey, layers, clear, placed)


def _place(plan: Template, layers: tuple[Layer, ...], survey: Survey, rng: np.random.Generator) -> list[Body]:
    """Draw the bodies, spread along the line without overlap."""
    placed: list[Body] = []
    for number, name in enumerate(plan.recipes):
        # equal shares of the inner 3/4 of the line, each body near the middle of its own; close ones divide one share
        inner = survey.length - 2 * _PAD
        share = 0.76 * inner / (len(plan.recipes) - plan.close + 1)
        left, room = max(number - plan.close + 1, 0) * share, share
        if number < plan.close:
            left, room = number * share / plan.close, share / plan.close
        centre = _PAD + 0.12 * inner + left + 0.5 * room
        draw = _Draw(rng, layers, centre + float(rng.uniform(-0.15, 0.15)) * room, plan.shallow)
        body = RECIPES[name](draw)
        # wider than its room, or cut by a dipping layer
        while body.outline.box[1] - body.outline.box[0] > 0.9 * room or (plan.dip and body.outline.box[3] > 0.95):
            body = RECIPES[name](draw)
        placed.append(body)
    if plan.rebar:
        spacing = round(float(rng.uniform(0.12, 0.22)) / survey.step) * survey.step
        depth = round(float(rng.uniform(0.06, 0.08)) / survey.step) * survey.step
        placed.append(make.rebar_mesh(0.3, survey.length - 0.3, spacing, depth))
    if plan.dip:
        deeper = 0.4 if plan.recipes else 0.0  # below the bodies
        ends = rng.permutation(rng.uniform((0.6, 0.95), (0.8, 1.2))) + deeper
        wet = layers[-1].permittivity * float(rng.uniform(1.3, 1.6))
        placed.append(make.dipping_layer(survey.length, float(ends[0]), float(ends[1]), survey.depth, wet))
    return placed


def simulate_scene(scene: Scene, *, twins: bool = True, parallel: bool = False) -> SimulatedScene:
    """Simulate a scene and write down its truth.

    Parameters
    ----------
    scene : Scene
        What to simulate.
    twins : bool
        Simulate the apex trace of each body a second time without the body, for the size of its echo.
    parallel : bool
        Share the traces out over numba's threads.

    Returns
    -------
    SimulatedScene
        Clean traces and the truth record.
    """
    survey = scene.survey
    arguments: dict[str, Any] = {
        "frequency": survey.frequency,
        "separation": survey.separation,
        "antenna_height": survey.antenna_height,
        "time_window": survey.time_window,
        "pulse": survey.pulse,
        "parallel": parallel,
    }
    record = simulate(scene.medium(), survey.midpoint, **arguments)
    objects = truth.object_records(scene.bodies, scene.host(), record)
    if twins:
        far = _far_from_bodies(scene, record.midpoint)
        direct = float(np.abs(record.traces).max())
        for entry, body in zip(objects, scene.bodies, strict=True):
            apex = entry["apex_trace"]
            twin = simulate(scene.medium(without=body), survey.midpoint[apex : apex + 1], **arguments)
            full = record.traces[apex]
            entry["measured_from_twin"] = truth.measured(
                full, twin.traces[0], record.traces, entry, far, record.dt, direct
            )
    return SimulatedScene(scene, record, _scene_record(scene, record, objects))


def _far_from_bodies(scene: Scene, midpoint: NDArray[np.floating]) -> NDArray[np.bool_]:
    far = np.ones(midpoint.size, bool)
    for body in scene.bodies:
        x0, x1, _, _ = body.outline.box
        far &= (midpoint < x0 - 0.6) | (midpoint > x1 + 0.6)
    return far


def _scene_record(scene: Scene, record: Record, objects: list[dict[str, Any]]) -> dict[str, Any]:
    survey = scene.survey
    return {
        "scene": scene.template,
        "kind": scene.kind,
        "seed": scene.seed,
        "engine": "gprscan.synthetic.fdtd (2-D TMz, CPML)",
        "empty": all(entry["category"] == "geology" for entry in objects),
        "has_void": any(entry["category"] == "void" for entry in objects),
        "clutter_level": scene.clutter,
        "grid": {"dl_m": survey.step, "domain_x_m": round(survey.length, 3), "depth_m": survey.depth},
        "acquisition": truth.acquisition_record(
            record, frequency=survey.frequency, spacing=survey.spacing, pulse=survey.pulse
        ),
        "host_layers": truth.layer_records(scene.layers, survey.depth),
        "objects": objects,
        "clutter_objects": [scatterer.record() for scatterer in scene.scatterers],
    }
