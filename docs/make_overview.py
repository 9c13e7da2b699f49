"""Draw the picture of the README from the sample survey: ``python docs/make_overview.py``."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

import gprscan as gs
from gprscan.survey.sample import sample_folder

TARGET = Path(__file__).resolve().parent / "images" / "overview.png"


def main() -> None:
    """Detect on the array line of the sample, and draw one channel with what was found on it."""
    line = gs.read(sample_folder() / "LINE001.dzt")
    hits = gs.detect(line, recipe="road")
    channel = line.isel(channel=4)
    raw = channel.gpr.time_zero()
    clean = raw.gpr.dewow().gpr.background(method="median", window=4.0).gpr.bandpass().gpr.gain_exponential()
    figure, (upper, lower) = plt.subplots(2, 1, figsize=(9.6, 5.4), layout="constrained", sharex=True)
    gs.plot.radargram(raw, upper, balance=True)
    gs.plot.radargram(clean, lower, anomalies=hits)
    upper.set_title("As recorded (simulated array, one of eight channels)", loc="left", fontsize=10)
    lower.set_title("Processed, with what gprscan.detect found", loc="left", fontsize=10)
    upper.set_xlabel("")
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=110)
    with Image.open(drawn) as image:
        TARGET.parent.mkdir(exist_ok=True)
        image.convert("RGB").quantize(128).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
