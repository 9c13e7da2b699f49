"""Colours of kinds, and fonts that can write their Chinese names."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gprscan import names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# one colour per kind on every map and radargram; red, orange and yellow by severity, as Chinese platforms draw them
KIND_COLOURS = {
    "cavity": "#d7191c",
    "debond": "#f07f00",
    "loose": "#b89600",
    "water_rich": "#1f78d1",
    "pipe": "#4d4d4d",
    "rebar": "#8c6bb1",
    "nail_head": "#5e3c99",
    "manhole": "#2d7d46",
    "wall_thinning": "#c2185b",
    "low_cover": "#795548",
    "joint": "#00838f",
    "unknown": "#7a7a7a",
    "interface": "#a0a0a0",
    "clutter": "#a0a0a0",
}
_CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "WenQuanYi Micro Hei",
)


def colour(kind: object) -> str:
    """Return the colour of a kind."""
    return KIND_COLOURS.get(str(kind), KIND_COLOURS["unknown"])


@functools.cache
def fonts() -> tuple[str, ...]:
    """Return the font families to write with; the second one, where there is one, knows Chinese."""
    from matplotlib import font_manager

    known = {entry.name for entry in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *[name for name in _CHINESE_FONTS if name in known][:1])


def kind_words(kind: object) -> str:
    """Return the name of a kind in English, and in Chinese where a font can write it."""
    chinese, english = names.KINDS.get(str(kind), ""), str(kind).replace("_", " ")
    return f"{english} {chinese}" if chinese and len(fonts()) > 1 else english


def legend_below(axes: Axes, handles: Iterable[Any], labels: Iterable[str], columns: int) -> None:
    """Put a legend whose labels may be Chinese under the axis."""
    axes.legend(
        list(handles),
        list(labels),
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=columns,
        frameon=False,
        prop={"family": list(fonts()), "size": 7.5},
    )
