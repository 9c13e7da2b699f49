"""Speed of the filters, as ratios to the limit for their kind on the same array in the same run.

Filters that pass over the samples once are measured against a copy of the array, those in the frequency domain against
the forward and inverse transform that they cannot do without (scipy.fft, float32, both cores). Where scipy has the same
function, how many times longer it takes is given too; with ``--peers PYTHON``, an interpreter that has ImpDAR and
readgssi (whose filter is that of obspy), theirs as well. Peers get a tenth of the traces, and ten times their time is
compared. GPRPy is not on the package index and is left out.

Run ``python benchmarks/bench_filters.py`` for 16 channels x 20,000 traces x 512 samples, ``--small`` for a tenth of the
traces, ``--only WORD`` for the filters with that word in their name. Beside the time by the clock stands the time of the
processor: on a machine that does other work too, that tells what the clock would say on an idle one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr
from scipy import fft, ndimage, signal

from gprscan import from_array
from gprscan.steps import get_step, run_blocks

# step, parameters, limit, how often it is repeated
SINGLE_PASS: list[tuple[str, dict[str, Any], float]] = [
    ("dc", {}, 4.0),
    ("dewow", {}, 4.0),
    ("gain_power", {}, 4.0),
    ("gain_exponential", {"attenuation": 0.5}, 4.0),
    ("background", {"method": "mean"}, 4.0),
    ("background", {"method": "sliding_mean", "traces": 151}, 4.0),
    ("agc", {}, 6.0),
    ("background", {"method": "median", "traces": 151}, 40.0),
    ("dewow", {"method": "median"}, 40.0),
]
# the issue sets no limit for these: the ratio to a copy is printed for the record
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("background", {"method": "svd"}),
    ("background", {"method": "rpca"}),
    ("deringing", {"frequencies": [400.0], "traces": 151}),
    ("height_correction", {"heights": 0.3}),
    ("tau_p_filter", {"low": -2.0, "high": 6.0}),
    ("edit_traces", {}),
    ("despike", {}),
    ("deconvolve", {}),
    ("smooth", {"traces": 5, "samples": 3}),
]
TRANSFORMS: list[tuple[str, dict[str, Any], float]] = [
    ("bandpass", {}, 2.5),
    ("bandpass", {"low": 150, "high": 800, "method": "fir"}, 2.5),
    ("dewow", {"method": "highpass"}, 2.5),
    ("envelope", {}, 2.5),
]
# how far their impulse responses reach at the sampling of the benchmark, as a share of the trace: the padding they need
REACH = {"dewow": 0.25, "bandpass": 0.5, "envelope": 0.5}
CHAIN: list[dict[str, Any]] = [
    {"step": "dc"},
    {"step": "dewow"},
    {"step": "bandpass"},
    {"step": "gain_exponential", "attenuation": 0.5},
    {"step": "agc"},
    {"step": "envelope"},
]


def best(run: Callable[[], Any], repeats: int = 3) -> tuple[float, float]:
    """Return the shortest of several times, by the clock and of the processor, in s; the first, which compiles, is not
    counted.
    """
    run()
    clock, processor = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        run()
        clock.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    return min(clock), min(processor)


def transform(samples: np.ndarray, pad: float) -> tuple[float, float]:
    """Return the time of the forward and inverse transform of `samples`, in blocks that fit the cache."""
    n = samples.shape[-1]
    length = fft.next_fast_len(n + int(pad * n), real=True)
    rows = samples.reshape(-1, n)
    size = max(1, (1 << 20) // n)
    result = np.empty_like(rows)

    def run() -> None:
        for start in range(0, len(rows), size):
            spectrum = fft.rfft(rows[start : start + size], length, workers=2)
            result[start : start + size] = fft.irfft(spectrum, length, workers=2)[:, :n]

    return best(run)


PEERS = """
import json, sys, time, warnings
import numpy as np
warnings.simplefilter("ignore")
from impdar.lib.RadarData import RadarData
from readgssi import filtering
n = int(sys.argv[1])
samples = np.random.default_rng(0).standard_normal((512, n), dtype="float32")
def line():
    data = RadarData(None)
    data.data, data.snum, data.tnum, data.dt = samples.copy(), 512, n, 1e-10
    data.travel_time = 1e-4 * np.arange(512)
    return data
header = {"rhf_sps": 50, "rh_nsamp": 512, "rhf_range": 51.2, "samp_freq": 1e10}
cases = {
    "background {'method': 'mean'}": {
        "ImpDAR": lambda: line().horizontalfilt(0, n), "readgssi": lambda: filtering.bgr(samples.copy(), header)},
    "background {'method': 'sliding_mean', 'traces': 151}": {
        "readgssi": lambda: filtering.bgr(samples.copy(), header, 151)},
    "agc {}": {"ImpDAR": lambda: line().agc(window=75)},
    "bandpass {}": {"ImpDAR": lambda: line().vertical_band_pass(160, 800),
                    "readgssi": lambda: filtering.bp(samples.copy(), dict(header, samp_freq=1e10), 160e6, 800e6)},
}
found = {}
for label, who in cases.items():
    for name, run in who.items():
        times = []
        for _ in range(2):
            start = time.perf_counter()
            try:
                run()
            except Exception as error:
                print(name, label, repr(error), file=sys.stderr)
                break
            times.append(time.perf_counter() - start)
        else:
            found.setdefault(label, {})[name] = min(times)
print("RESULT" + json.dumps(found))
"""


def others(line: xr.Dataset, python: str | None) -> dict[str, dict[str, float]]:
    """Return ten times what peers take for a tenth of the traces, in s: by the label of the filter, then by their name."""
    rows = line["amplitude"].values.reshape(-1, line.sizes["twt"])[::10].copy()
    sos = signal.butter(4, [0.032, 0.16], "bandpass", output="sos")
    runs = {
        "dewow {}": lambda: rows - ndimage.uniform_filter1d(rows, 37, axis=1),
        "dc {}": lambda: signal.detrend(rows, type="constant", axis=1),
        "bandpass {}": lambda: signal.sosfiltfilt(sos, rows, axis=1),
        "envelope {}": lambda: np.abs(signal.hilbert(rows, axis=1)),
        "background {'method': 'median', 'traces': 151}": lambda: ndimage.median_filter(rows[:2000], (151, 1)),
    }
    found = {label: {"scipy": 10 * best(run, 1)[0]} for label, run in runs.items()}
    found["background {'method': 'median', 'traces': 151}"]["scipy"] *= len(rows) / 2000
    if python is not None:
        ran = subprocess.run([python, "-c", PEERS, str(len(rows))], capture_output=True, text=True, check=True)
        print(ran.stderr.strip()[-500:])
        for label, times in json.loads(ran.stdout.split("RESULT")[1]).items():
            found.setdefault(label, {}).update({name: 10 * seconds for name, seconds in times.items()})
    return found


def chain_report(line: xr.Dataset) -> str:
    """Return how six steps in blocks compare with the slowest of them, and with one after the other."""
    options = [{key: value for key, value in entry.items() if key != "step"} for entry in CHAIN]
    functions = [get_step(entry["step"]).function for entry in CHAIN]
    alone = [best(lambda f=f, o=o: f(line, **o), 2) for f, o in zip(functions, options, strict=True)]

    def one_by_one() -> None:
        result = line
        for function, given in zip(functions, options, strict=True):
            result = function(result, **given)

    blocks, steps = best(lambda: run_blocks(line, CHAIN), 2), best(one_by_one, 1)
    slowest = max(alone)
    return (
        f"six steps in blocks: {blocks[0]:.3f} s, {blocks[0] / slowest[0]:.2f} x the slowest of them "
        f"({blocks[1] / slowest[1]:.2f} by the processor; at most 3); one by one {steps[0]:.3f} s"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--peers", help="a Python that has ImpDAR and readgssi")
    given = parser.parse_args()
    samples = np.random.default_rng(0).standard_normal((16, 2000 if given.small else 20000, 512), dtype="float32")
    line = from_array(samples, dt=0.1, spacing=0.02, frequency=400, separation=0.15, time_zero=3.0)
    copy = best(samples.copy)
    print(f"{samples.shape} float32, {samples.nbytes / 1e6:.0f} MB; copy {copy[0]:.3f} s, processor {copy[1]:.3f} s")
    compared = others(line, given.peers)
    transforms = {pad: transform(samples, pad) for pad in sorted(set(REACH.values()))}
    print("| filter | s | processor s | limit is | ratio | by the processor | at most | peers take |")
    print("|---|--:|--:|---|--:|--:|--:|---|")
    cases = [(*case, "copy") for case in SINGLE_PASS] + [(*case, "transform") for case in TRANSFORMS]
    for name, options, limit, kind in [*cases, *((*case, None, "copy") for case in OTHERS)]:
        label = f"{name} {options if options else '{}'}"
        if given.only and not any(word in label for word in given.only):
            continue
        seconds = best(
            lambda n=name, o=options: get_step(n).function(line, **o), 2 if limit is not None and limit < 20 else 1
        )
        unit = copy if kind == "copy" else transforms[REACH[name]]
        # a copy runs on one core, and filters and transforms on both
        share = seconds[1] / unit[1] / (2.0 if kind == "copy" else 1.0)
        peers = ", ".join(f"{who} {t / seconds[0]:.1f} x" for who, t in compared.get(label, {}).items())
        most = "none" if limit is None else f"{limit:g}"
        print(
            f"| `{label}` | {seconds[0]:.3f} | {seconds[1]:.3f} | {kind} | {seconds[0] / unit[0]:.2f} | {share:.2f} | {most} "
            f"| {peers} |",
            flush=True,
        )
    if not given.only or "chain" in given.only:
        print(chain_report(line))


if __name__ == "__main__":
    main()
