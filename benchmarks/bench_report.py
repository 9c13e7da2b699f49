"""What reports cost, against what their parts cost at the least.

    python benchmarks/bench_report.py [--anomalies 1000] [--repeat 3]

Pictures are held against the bare drawing of an image of the same size by Matplotlib, ranges of grades against one
grade, and each table against ``json.dumps`` of the same rows. A ratio of 1 is the limit.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from gprscan import model, risk
from gprscan.report import SurveyResult, anomaly_figures, gis, html, tables
from gprscan.risk.evaluate import evaluate, grade_range
from gprscan.risk.inputs import gather


def best(task: Callable[[], object], repeat: int) -> float:
    """Return the shortest of some runs, s."""
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def survey(n: int) -> SurveyResult:
    """Return a graded survey of one line with so many bodies."""
    rng = np.random.default_rng(1)
    kinds = rng.choice(["cavity", "debond", "loose", "pipe"], n)
    rows = [
        {
            "anomaly_id": f"L1-{k:04d}", "line": "L1", "source_file": "L1.DZT", "kind": str(kinds[k]),
            "distance_m": 0.1 * k, "offset_m": 0.0, "twt_ns": 10.0, "velocity_m_ns": 0.1,
            "top_depth_m": float(rng.uniform(0.1, 1.5)),
            "sigma_depth_m": 0.05, "length_m": 0.8, "width_m": 0.6, "confidence": 0.8, "x": 503_000.0 + 0.1 * k,
            "y": 2_511_000.0, "geometry": f"POINT ({503_000 + 0.1 * k} 2511000)", "probabilities": '{"cavity": 0.8}',
            "evidence": '{"values": {"snr_db": 20.0}}',
        }
        for k in range(n)
    ]  # fmt: skip
    row = {"line": "L1", "source_file": "L1.DZT", "status": "ok", "placed": True, "n_channels": 1, "length_m": 0.1 * n}
    track = f"LINESTRING (503000 2511000, {503_000 + 0.1 * n} 2511000)"
    record = {"row": row, "anomalies": rows, "track": track, "coverage": None, "crs": "EPSG:4547"}
    result = SurveyResult.from_records([record])
    result.anomalies = risk.grade(result.anomalies)
    result.run = {"scheme": risk.load_scheme(risk.DEFAULT_SCHEME).definition()}
    return result


def bare_picture(values: np.ndarray) -> None:
    """Draw an image of the size of a card's pictures, and nothing else."""
    figure = Figure(figsize=(5.6, 2.5), dpi=110)
    figure.add_axes((0, 0, 1, 1)).imshow(values.T, aspect="auto", cmap="gray")
    figure.savefig(io.BytesIO(), format="png")


def measure(n: int, repeat: int, folder: Path) -> list[tuple[str, float, float]]:
    """Return rows of name, seconds, and ratio to the limit."""
    noise = np.random.default_rng(0).standard_normal((400, 400)).astype("float32")
    line = model.from_array(noise, dt=0.1, spacing=0.05, frequency=400, separation=0.1, time_zero=5.0)
    body: dict[str, Any] = {
        "kind": "cavity",
        "distance_m": 10.0,
        "twt_ns": 10.0,
        "top_depth_m": 0.5,
        "velocity_m_ns": 0.1,
    }
    bare = best(lambda: bare_picture(noise), repeat)
    drawn = best(lambda: anomaly_figures(line, line, body | {"polarity": 1}, folder), repeat) / 3
    rows = [("one picture of a card", drawn, drawn / bare)]
    for name in ("gprscan_screening", "seoul_2016"):
        scheme = risk.load_scheme(name)
        readings = gather(body | {"length_m": 0.8}, {}, scheme.uncertainty)
        one = best(lambda s=scheme, r=readings: evaluate(s, r.values()), 100)  # type: ignore[misc]
        span = best(lambda s=scheme, r=readings: grade_range(s, r), 20)  # type: ignore[misc]
        rows.append((f"range of a grade, {name}", span, span / one))
    result = survey(n)
    plain = pd.DataFrame(result.anomalies.drop(columns="geometry")).astype(object)
    limit = best(lambda: json.dumps(plain.to_dict("records"), default=str), repeat)
    writers = {"csv": tables.write_csv, "xlsx": tables.write_xlsx, "geojson": gis.write_geojson, "kml": gis.write_kml}
    for suffix, write in {**writers, "gpkg": gis.write_geopackage}.items():
        spent = best(lambda w=write, s=suffix: w(result, folder / f"a.{s}"), repeat)  # type: ignore[misc]
        rows.append((f"anomalies.{suffix}, {n} bodies", spent, spent / limit))
    spent = best(lambda: html.render(result, folder), repeat)
    return [*rows, (f"report.html, {n} bodies", spent, spent / limit)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--anomalies", type=int, default=1000)
    parser.add_argument("--repeat", type=int, default=3)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(chosen.anomalies, chosen.repeat, Path(folder))
    print(f"{'what':<40}{'seconds':>10}{'ratio':>8}")
    for name, seconds, ratio in rows:
        print(f"{name:<40}{seconds:>10.4f}{ratio:>8.1f}")


if __name__ == "__main__":
    main()
