"""Slow, obviously right NumPy twins of the kernels, written from the cited equations; used by tests and benchmarks."""

from __future__ import annotations

import numpy as np
from scipy import signal
from scipy.optimize import minimize_scalar

from gprscan.kernels.section_knots import ROWS_BEYOND

# --- FDTD (Yee 1966; Roden and Gedney 2000), physical fields, every array over the whole grid -------------------------

ETA0 = 376.730313668  # ohm
C0 = 0.299792458  # m/ns


def cpml_profile(distance: np.ndarray, thickness: float, step: float, permittivity: float) -> tuple[np.ndarray, ...]:
    """Loss (S/m), stretching and frequency shift (S/m) at a distance (m) into the layer; zero, one and zero outside."""
    u = np.clip(distance, 0.0, None) / thickness
    sigma = 0.8 * 4 / (ETA0 * step * np.sqrt(permittivity)) * u**3
    kappa = 1.0 + 4.0 * u**3
    alpha = np.where(distance >= 0, 0.05 * (1.0 - u), 0.0)
    return sigma, kappa, alpha


def fdtd_tmz(permittivity, conductivity, conductor, step, dt, current, source, receiver, cells, boundary_permittivity):
    """Ez (V/m) at a receiver for a line current (A) at the half steps; one value per step, before it is made.

    dHx/dt = -1/mu0 dEz/dz, dHy/dt = 1/mu0 dEz/dx, eps dEz/dt + sigma Ez = dHy/dx - dHx/dz - J; inside the layers each
    derivative is divided by kappa and a convolution psi is added (Roden and Gedney 2000, eqs. 14-17).
    """
    nx, nz = permittivity.shape
    eps0, mu0 = 1.0 / (ETA0 * C0), ETA0 / C0
    thickness = cells * step

    def layers(positions, length):
        """Decay b and weight a of the convolution and 1/kappa at positions (m) along an axis of the given length (m)."""
        inside = np.maximum(thickness - positions, positions - (length - thickness))
        sigma, kappa, alpha = cpml_profile(inside, thickness, step, boundary_permittivity)
        b = np.exp(-(sigma / kappa + alpha) * dt / eps0)
        a = np.where(sigma > 0, sigma * (b - 1.0) / np.where(sigma > 0, kappa * (sigma + kappa * alpha), 1.0), 0.0)
        return b, a, 1.0 / kappa

    x, z = np.arange(nx) * step, np.arange(nz) * step
    bx, ax, kx = (v[:, None] for v in layers(x, x[-1]))
    bxh, axh, kxh = (v[:, None] for v in layers(x[:-1] + step / 2, x[-1]))
    bz, az, kz = layers(z, z[-1])
    bzh, azh, kzh = layers(z[:-1] + step / 2, z[-1])
    ez, hx, hy = np.zeros((nx, nz)), np.zeros((nx, nz - 1)), np.zeros((nx - 1, nz))
    psi_hx, psi_hy, psi_ex, psi_ez = (np.zeros_like(v) for v in (hx, hy, ez, ez))
    out = np.zeros(len(current))
    eps = permittivity.astype(float) * eps0
    for n, amperes in enumerate(current):
        out[n] = ez[receiver]
        along = np.diff(ez, axis=0) / step
        down = np.diff(ez, axis=1) / step
        psi_hy = bxh * psi_hy + axh * along
        psi_hx = bzh * psi_hx + azh * down
        hy += dt / mu0 * (kxh * along + psi_hy)
        hx -= dt / mu0 * (kzh * down + psi_hx)
        curl_x, curl_z = np.zeros((nx, nz)), np.zeros((nx, nz))
        curl_x[1:-1] = np.diff(hy, axis=0) / step
        curl_z[:, 1:-1] = np.diff(hx, axis=1) / step
        psi_ex = bx * psi_ex + ax * curl_x
        psi_ez = bz * psi_ez + az * curl_z
        density = np.zeros((nx, nz))
        density[source] = amperes / step**2
        drive = kx * curl_x + psi_ex - kz * curl_z - psi_ez - density
        ez = (eps / dt - conductivity / 2) / (eps / dt + conductivity / 2) * ez + drive / (eps / dt + conductivity / 2)
        ez[conductor] = 0.0
        ez[[0, -1]] = 0.0
        ez[:, [0, -1]] = 0.0
    return out


# --- migration and travel times ----------------------------------------------------------------------------------------


def two_way_time(x: float, depth: float, velocity: float, separation: float, height: float) -> float:
    """Fermat's principle by exhaustion: the least time over the points where each leg may cross the ground."""
    if height == 0:
        return sum(float(np.hypot(x + side * separation / 2, depth)) / velocity for side in (-1, 1))
    total = 0.0
    for side in (-1, 1):
        offset = abs(x + side * separation / 2)
        low, high = 0.0, offset
        for _ in range(6):  # the time is convex in the crossing point: zoom in on the least of a grid
            u = np.linspace(low, high, 201)
            time = np.hypot(u, height) / 0.299792458 + np.hypot(offset - u, depth) / velocity
            best = int(np.argmin(time))
            low, high = u[max(best - 1, 0)], u[min(best + 1, 200)]
        total += float(time.min())
    return total


def gradient_time(x: np.ndarray, depth: np.ndarray, surface_velocity: float, gradient: float) -> np.ndarray:
    """One-way time along a circular ray, v = v0 + k z (Slotnick 1959): acosh(1 + k^2 (x^2 + z^2) / (2 v0 v)) / k."""
    product = 2 * surface_velocity * (surface_velocity + gradient * depth)
    return np.arccosh(1 + gradient**2 * (x**2 + depth**2) / product) / gradient


def half_derivative(traces: np.ndarray, dt: float) -> np.ndarray:
    """Multiply by sqrt(-i omega) in float64, with as many zeros as samples appended."""
    n = traces.shape[-1]
    frequency = np.fft.rfftfreq(2 * n, dt)
    operator = np.sqrt(2 * np.pi * frequency) * np.exp(-0.25j * np.pi)
    return np.fft.irfft(np.fft.rfft(traces.astype("float64"), 2 * n) * operator, 2 * n)[..., :n]


def kirchhoff(
    traces: np.ndarray, dt: float, dx: float, velocity: float, depths: np.ndarray, aperture: float
) -> np.ndarray:
    """Zero-offset sum with obliquity and spreading (Schneider 1978; Yilmaz 2001): cos(theta) / sqrt(pi v r), no taper.

    The samples are interpolated from the band-limited signal (16 times finer), the apex weight is left to the formula.
    """
    n_traces, n = traces.shape
    fine = 16
    data = half_derivative(traces, dt)
    spectrum = np.fft.rfft(data, 2 * n)
    data = np.fft.irfft(spectrum, 2 * n * fine)[:, : n * fine] * fine
    image = np.zeros((n_traces, depths.size))
    lateral = np.arange(n_traces) * dx
    for i, z in enumerate(depths):
        for x in range(n_traces):
            offset = lateral - lateral[x]
            r = np.hypot(offset, z) + 1e-12
            position = 2 * r / velocity / dt * fine
            near = (np.abs(offset) <= z * np.tan(np.radians(aperture)) + 1e-9) & (position <= n * fine - 1)
            taps = data[near, np.round(position[near]).astype(int)]
            image[x, i] = dx * np.sum(z / r[near] / np.sqrt(np.pi * velocity * r[near]) * taps)
    return image


def diffraction_sum(data, rows, early, late, first, last, pad):  # type: ignore[no-untyped-def]
    """The sum over tabulated curves, tap by tap."""
    n_traces = data.shape[1] - 2 * pad
    image = np.zeros((rows.shape[0], n_traces))
    for i in range(rows.shape[0]):
        for x in range(n_traces):
            for j in range(first[i], last[i]):
                for column in {pad + x + j, pad + x - j}:
                    image[i, x] += early[i, j] * data[rows[i, j], column] + late[i, j] * data[rows[i, j] + 1, column]
    return image


def section_sum(data, origin, n, traces, depths, widths, taper, scales, ratio, lattice, relief, copies, n_samples):  # type: ignore[no-untyped-def]
    """Sum along the curves of a section, each point and trace by itself; see `gprscan.kernels.section.section_sum`."""
    spacing, half, height, dt, time_start, most = scales

    def grid(place: float, lag: float, i: int) -> float:
        along = [
            np.interp(lag, lattice[1] * (np.arange(ratio.shape[2]) - lattice[2]), column)
            for column in ratio[:, i].astype("float64")
        ]
        return float(np.interp(place, lattice[0] + lattice[1] * np.arange(ratio.shape[0]), along))

    # beyond the ends the ground is turned about its last point
    around, relief = spacing * np.arange(1 - n, 2 * n - 1), np.pad(relief, n - 1, mode="reflect", reflect_type="odd")
    traced = spacing * np.arange(n)

    def leg(place: float, antenna: float, i: int) -> tuple[float, float]:
        ground = np.interp(place, around, relief)

        def ray(u: float) -> tuple[float, float, float]:
            entry = antenna + u * np.sign(place - antenna)
            below = np.interp(entry, around, relief) - ground + depths[i]
            return grid(place, entry - place, i), float(np.hypot(place - entry, below)), below

        u = 0.0
        if height > 0:
            below = np.interp(antenna, around, relief) - ground + depths[i]
            velocity, reach = 1 / grid(place, 0.0, i), abs(place - antenna)
            time = lambda u: np.hypot(u, height) / C0 + np.hypot(reach - u, below) / velocity  # noqa: E731
            u = float(minimize_scalar(time, bounds=(0.0, reach), method="bounded", options={"xatol": 1e-9}).x)
        mean, path, below = ray(u)
        bend = mean * below**2 / path**3
        if height > 0:
            bend = 1 / (1 / bend + C0 * np.hypot(u, height) ** 3 / height**2)
        return float(np.hypot(u, height)) / C0 * (height > 0) + mean * path, bend

    image = np.zeros((depths.size, len(traces)))
    for i in range(depths.size):
        for column, x in enumerate(traces):
            taps = min(int(widths[i]) + 2, taper.shape[1])
            for sign in (1, -1):
                legs = [
                    [leg(traced[x], traced[x] + sign * spacing * j + s * half, i) for s in (-1, 1)] for j in range(taps)
                ]
                times = [(one[0] + two[0] - time_start) / dt for one, two in legs]
                for j in range(sign < 0, taps):
                    weight = taper[i, j] * min(spacing * np.sqrt((legs[j][0][1] + legs[j][1][1]) / (2 * np.pi)), most)
                    near, far = max(j - 1, 0), min(j + 1, taps - 1)
                    aliasing = abs(times[far] - times[near]) / (far - near)
                    copy = int(np.clip(np.floor(2 * np.log2(max(aliasing, 1.0))), 0, copies - 1))
                    rows = copy * (n_samples + 2 * ROWS_BEYOND) + ROWS_BEYOND + np.arange(-1, n_samples + 1)
                    trace = data[rows, origin + x + sign * j]
                    image[i, column] += weight * np.interp(
                        times[j], np.arange(-1, n_samples + 1), trace, left=0, right=0
                    )
    return image


def stolt(traces: np.ndarray, dt: float, dx: float, velocity: float, depths: np.ndarray) -> np.ndarray:
    """Stolt (1978) without interpolation: transforms over time are summed at exactly omega = v/2 sqrt(kx^2 + kz^2)."""
    n_traces, n = traces.shape
    n_x, n_z = 2 * n_traces, 4 * depths.size
    step = depths[1] - depths[0]
    rows = np.fft.fft(traces.astype("float64"), n_x, axis=0)
    time = dt * np.arange(n)
    kz = 2 * np.pi * np.fft.rfftfreq(n_z, step)
    image = np.zeros((n_x, n_z // 2 + 1), complex)
    for i, kx in enumerate(2 * np.pi * np.fft.fftfreq(n_x, dx)):
        k = np.sqrt(kx**2 + kz**2)
        omega = 0.5 * velocity * k
        transform = np.exp(-1j * omega[:, None] * time[None, :]) @ rows[i]
        inside = (omega < np.pi / dt) & (kz > 0)
        image[i, inside] = transform[inside] * kz[inside] / k[inside]
    scale = 0.5 * velocity * dt / step
    return scale * np.fft.irfft(np.fft.ifft(image, axis=0), n_z, axis=1)[:n_traces, : depths.size]


def extrapolate(spectrum, kx, omega_step, half_velocities, depth_step, n_depths, sine_limit):  # type: ignore[no-untyped-def]
    """Gazdag (1978): multiply by exp(i kz dz) from depth to depth, and sum over the positive frequencies."""
    omega = omega_step * np.arange(spectrum.shape[1])
    field = np.where(omega > 0, spectrum, 0).astype(complex)
    image = np.zeros((kx.size, n_depths), complex)
    for i in range(n_depths):
        image[:, i] = field.sum(axis=1)
        if i < n_depths - 1:
            k = omega[None, :] / half_velocities[i]
            inside = np.abs(kx[:, None]) < sine_limit * k
            kz = np.sqrt(np.where(inside, k**2 - kx[:, None] ** 2, 0.0))
            field = np.where(inside, field * np.exp(1j * kz * depth_step), 0.0)
    return image


# --- filters ---------------------------------------------------------------------------------------------------------


def without_gaps(trace: np.ndarray) -> np.ndarray:
    """A trace in double precision with NaN for all that is not finite."""
    values = np.asarray(trace, dtype="float64").copy()
    values[~np.isfinite(values)] = np.nan
    return values


def live_rows(rows: np.ndarray) -> np.ndarray:
    """Which traces have two different finite samples."""
    return np.array([np.unique(row[np.isfinite(row)]).size > 1 for row in rows])


def running(trace: np.ndarray, half: int, statistic) -> np.ndarray:  # type: ignore[no-untyped-def]
    """A statistic of the finite samples within `half` samples of each one, 0 where there are none."""
    values = without_gaps(trace)
    result = np.zeros(values.size)
    for k in range(values.size):
        window = values[max(0, k - half) : k + half + 1]
        window = window[np.isfinite(window)]
        result[k] = statistic(window) if window.size else 0.0
    return result


def dewow(trace: np.ndarray, half: int, statistic=np.mean) -> np.ndarray:  # type: ignore[no-untyped-def]
    """The trace minus its running mean or median."""
    return np.asarray(trace, dtype="float64") - running(trace, half, statistic)


def agc(trace: np.ndarray, half: int) -> np.ndarray:
    """The trace over its running RMS; zero where all is zero."""
    rms = running(trace, half, lambda window: np.sqrt(np.mean(window**2)))
    return np.asarray(trace, dtype="float64") / np.where(rms > 0, rms, 1.0)


def sliding_background(rows: np.ndarray, half: int, statistic) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Each live trace minus a statistic, sample by sample, of the live traces within `half` traces of it."""
    live = live_rows(rows)
    result = np.asarray(rows, dtype="float64").copy()
    for i in np.flatnonzero(live):
        near = [without_gaps(rows[j]) for j in range(max(0, i - half), min(len(rows), i + half + 1)) if live[j]]
        for k in range(rows.shape[1]):
            window = np.array([row[k] for row in near])
            window = window[np.isfinite(window)]
            if window.size:
                result[i, k] -= statistic(window)
    return result


def without_eigenimages(rows: np.ndarray, rank: int) -> np.ndarray:
    """Set the largest singular values to zero (Freire and Ulrych 1988)."""
    u, s, v = np.linalg.svd(np.asarray(rows, dtype="float64"), full_matrices=False)
    s[:rank] = 0.0
    return (u * s) @ v


def hilbert(trace: np.ndarray, length: int) -> np.ndarray:
    """The Hilbert transform by its definition: each positive frequency turned back by 90 degrees."""
    spectrum = np.fft.fft(np.asarray(trace, dtype="float64"), length)
    return np.fft.ifft(spectrum * -1j * np.sign(np.fft.fftfreq(length))).real[: trace.size]


def mix(values: np.ndarray, first: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted sums of neighbours along the first axis, the ends held."""
    result = np.zeros((first.size, *values.shape[1:]))
    for j in range(first.size):
        for m in range(weights.shape[1]):
            if weights[j, m] != 0:
                result[j] += weights[j, m] * values[np.clip(first[j] + m, 0, len(values) - 1)]
    return result


def despike(profile: np.ndarray, beside: int, above: int, threshold: float) -> np.ndarray:
    """Local extremes along the trace that lie beyond `threshold` scaled MADs of their window become its median."""
    result = np.asarray(profile, dtype="float64").copy()
    n_traces, n = profile.shape
    for i in range(n_traces):
        for k in range(n):
            value, before, after = profile[i, k], profile[i, max(k - 1, 0)], profile[i, min(k + 1, n - 1)]
            if not np.isfinite(value) or not (
                (value > before and value >= after) or (value < before and value <= after)
            ):
                continue
            window = without_gaps(profile[max(0, i - beside) : i + beside + 1, max(0, k - above) : k + above + 1])
            centre = np.nanmedian(window)
            if abs(value - centre) > threshold * 1.4826 * np.nanmedian(np.abs(window - centre)):
                result[i, k] = centre
    return result


def fista(trace: np.ndarray, wavelet: np.ndarray, weight: float, step: float, iterations: int) -> np.ndarray:
    """Beck and Teboulle (2009) with the convolution as a matrix."""
    n = trace.size
    matrix = np.array([np.convolve(unit, wavelet)[wavelet.size // 2 :][:n] for unit in np.eye(n)]).T
    threshold = weight * step * np.abs(matrix.T @ trace).max()
    spikes, ahead, t = np.zeros(n), np.zeros(n), 1.0
    for _ in range(iterations):
        moved = ahead - step * matrix.T @ (matrix @ ahead - trace)
        fresh = np.sign(moved) * np.maximum(np.abs(moved) - threshold, 0.0)
        following = 0.5 * (1 + np.sqrt(1 + 4 * t**2))
        ahead = fresh + (t - 1) / following * (fresh - spikes)
        spikes, t = fresh, following
    return spikes


def window(profile: np.ndarray, beside: int, above: int, method: str) -> np.ndarray:
    """The mean or median of the finite samples of live traces in a window, for each finite sample of a live trace."""
    live = live_rows(profile)
    known = np.where(live[:, None], np.where(np.isfinite(profile), profile, np.nan), np.nan).astype("float64")
    result = np.asarray(profile, dtype="float64").copy()
    for i, k in np.argwhere(np.isfinite(known)):
        part = known[max(0, i - beside) : i + beside + 1, max(0, k - above) : k + above + 1]
        result[i, k] = np.nanmean(part) if method == "mean" else np.nanmedian(part)
    return result


def semblance(profile: np.ndarray, beside: int, above: int, dips: np.ndarray) -> np.ndarray:
    """Neidell and Taner (1971), the largest over dips in samples per trace; linear between samples."""
    n_traces, n = profile.shape
    best = np.zeros((n_traces, n))
    for i in range(n_traces):
        rows = range(max(0, i - beside), min(n_traces, i + beside + 1))
        for slope in dips:
            time = np.arange(n)
            flat = np.array([np.interp(time + slope * (j - i), time, profile[j], left=0, right=0) for j in rows])
            for k in range(n):
                part = flat[:, max(0, k - above) : k + above + 1]
                energy = len(part) * np.sum(part**2)
                if energy > 0:
                    best[i, k] = max(best[i, k], np.sum(part.sum(axis=0) ** 2) / energy)
    return best


# --- detection: diffraction coherence and hyperbolas ---------------------------------------------------------------------


def bistatic_curve(x, t0: float, velocity: float, separation: float) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Two-way time at distance x from the apex of a point, transmitter and receiver half a separation to each side."""
    half = separation / 2
    depth2 = (velocity * t0 / 2) ** 2 - half**2
    x = np.asarray(x, dtype=float)
    return (np.sqrt((x - half) ** 2 + depth2) + np.sqrt((x + half) ** 2 + depth2)) / velocity


def sample_at(trace: np.ndarray, position: float) -> complex:
    """Linear interpolation between samples; None beyond the last pair."""
    low = int(np.floor(position))
    part = position - low
    return trace[low] * (1 - part) + trace[low + 1] * part


def leg_coherence(
    section: np.ndarray,
    live: np.ndarray,
    x0: int,
    t0: float,
    dt: float,
    dx: float,
    velocity: float,
    separation: float,
    count: int,
) -> tuple[float, float]:
    """Agreement of the two legs of a hyperbola and their common amplitude (Neidell and Taner 1971, complex, per leg).

    Curves are rounded to the sample.

    ``section`` is analytic, (trace, sample), its first sample at time 0; the legs share the apex trace half and half.
    """
    sums, energies, weights = [], [], []
    for side in (-1, 1):
        total, energy, weight = 0.0 + 0.0j, 0.0, 0.0
        for m in range(count + 1):
            trace = x0 + side * m
            position = round(float(bistatic_curve(m * dx, t0, velocity, separation)) / dt)
            if position >= section.shape[1]:
                break
            w = np.cos(np.pi / 2 * m / (count + 1)) ** 2 * (0.5 if m == 0 else 1.0)
            if 0 <= trace < section.shape[0] and live[trace]:
                value = complex(section[trace, position])
                total += w * value
                energy += w * abs(value) ** 2
                weight += w
        sums.append(total)
        energies.append(energy)
        weights.append(weight)
    cross = (sums[0] * np.conj(sums[1])).real
    coherence = max(cross, 0.0) / np.sqrt(weights[0] * energies[0] * weights[1] * energies[1])
    return coherence, float(np.sqrt(max(cross, 0.0) / (weights[0] * weights[1])))


def flatten_curve(data, rows, distance, t_first, dt, air, t0, velocity, separation, before, after):  # type: ignore[no-untyped-def]
    """Traces cut along the travel-time curve of a point; zero outside of the record."""
    out = np.zeros((len(rows), before + after + 1))
    times = bistatic_curve(distance, t0 - air, velocity, separation) + air
    for i, row in enumerate(rows):
        for k, lag in enumerate(range(-before, after + 1)):
            position = (times[i] - t_first) / dt + lag
            if np.floor(position) >= 0 and np.floor(position) + 1 < data.shape[1]:
                out[i, k] = sample_at(data[row].astype(float), position)
    return out


def picked_delays(traces: np.ndarray, centre: int, half: int, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Delay in samples of each flattened trace against the stack, and its correlation squared."""
    n = traces.shape[0]
    window = np.hanning(2 * half + 1)
    model = traces[:, centre - half : centre + half + 1].mean(axis=0) * window
    delay, weight = np.zeros(n), np.zeros(n)
    for i in range(n):
        trace = traces[i].copy()
        if n >= 5 and 0 < i < n - 1:
            trace = trace + 0.5 * (traces[i - 1] + traces[i + 1])
        score = []
        for lag in range(-reach, reach + 1):
            part = trace[centre - half + lag : centre + half + 1 + lag] * window
            score.append(part @ model / (np.linalg.norm(part) * np.linalg.norm(model) + 1e-30))
        best = int(np.argmax(score))
        delay[i] = best - reach
        if 0 < best < 2 * reach and score[best] >= 0.4:
            a, b, c = score[best - 1 : best + 2]
            delay[i] += np.clip(0.5 * (a - c) / (a - 2 * b + c), -1, 1)
            weight[i] = min(b, 1.0) ** 2
    return delay, weight


def biweight_step(distance, delay, weight, ground_time, velocity, separation, prior, pull, least_scale):  # type: ignore[no-untyped-def]
    """Correction of (x, t, log v) by eight rounds of least squares with Tukey's biweight."""
    base = bistatic_curve(distance, ground_time, velocity, separation)
    jac = np.stack(
        [
            (bistatic_curve(distance - 1e-3, ground_time, velocity, separation) - base) / 1e-3,
            (bistatic_curve(distance, ground_time + 1e-3, velocity, separation) - base) / 1e-3,
            (bistatic_curve(distance, ground_time, velocity * np.exp(1e-3), separation) - base) / 1e-3,
        ],
        axis=1,
    )
    scale, w = 5 * least_scale, weight.copy()
    for _ in range(8):
        normal = jac.T @ (jac * (w / scale**2)[:, None]) + np.diag(prior)
        step = np.linalg.solve(normal, jac.T @ (w / scale**2 * delay) + pull)
        misfit = delay - jac @ step
        scale = max(1.4826 * np.median(np.abs(misfit[weight > 0])), least_scale)
        u = np.minimum(np.abs(misfit) / (4.7 * scale), 1)
        w = weight * (1 - u**2) ** 2
    return step, scale


# --- layers, slopes and robust components -------------------------------------------------------------------------------


def best_path(score: np.ndarray, reach: int, penalty: float) -> np.ndarray:
    """The path with the largest sum of scores less ``penalty d^2``, by trying every one."""
    import itertools

    best, found = -np.inf, None
    for path in itertools.product(range(score.shape[1]), repeat=score.shape[0]):
        steps = np.diff(path)
        if np.abs(steps).max() <= reach:
            value = sum(float(score[i, k]) for i, k in enumerate(path)) - penalty * float((steps**2).sum())
            if value > best:
                best, found = value, path
    return np.array(found)


def slant_stack(traces: np.ndarray, dt: float, dx: float, slopes: np.ndarray) -> np.ndarray:
    """Mean over traces of u(x, tau + p x), x from the middle, by linear interpolation of a 16 times finer trace."""
    n_traces, n = traces.shape
    fine = np.fft.irfft(np.fft.rfft(traces.astype("float64")), 16 * n) * 16
    time = np.arange(n) * dt
    place = (np.arange(n_traces) - (n_traces - 1) / 2) * dx
    return np.array(
        [
            np.mean(
                [np.interp(time + p * x, np.arange(16 * n) * dt / 16, row) for x, row in zip(place, fine, strict=True)],
                axis=0,
            )
            for p in slopes
        ]
    )


def principal_component_pursuit(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Low rank plus sparse: min |L|_* + lambda |S|_1, X = L + S, by ADMM (Candes et al. 2011, algorithm 1)."""
    weight = 1.0 / np.sqrt(max(matrix.shape))
    mu = matrix.size / (4.0 * np.abs(matrix).sum())
    low, sparse, dual = np.zeros_like(matrix), np.zeros_like(matrix), np.zeros_like(matrix)
    for _ in range(500):
        u, s, v = np.linalg.svd(matrix - sparse + dual / mu, full_matrices=False)
        low = (u * np.maximum(s - 1.0 / mu, 0.0)) @ v
        rest = matrix - low + dual / mu
        sparse = np.sign(rest) * np.maximum(np.abs(rest) - weight / mu, 0.0)
        dual = dual + mu * (matrix - low - sparse)
    return low, sparse


# ---------------------------------------------------------------------------------------------------------------------
# In-pipe: rays through gap, wall and ground, and the stack over fixed curves
# ---------------------------------------------------------------------------------------------------------------------


def fermat_time(edges: np.ndarray, index: np.ndarray, across: float, *, ring: bool) -> float:
    """Least time in ns (Fermat) from the inner edge to the outer one, through layers of constant index.

    Plane layers: `across` in m. Circular ones: `across` in radians, each leg by L^2 = R^2 + r^2 - 2 R r cos(phi - theta).
    """
    from scipy import optimize

    def time(crossings: np.ndarray) -> float:
        place = np.concatenate([[0.0], crossings, [across]])
        turn = np.diff(place)
        if ring:
            legs = np.sqrt(edges[:-1] ** 2 + edges[1:] ** 2 - 2 * edges[:-1] * edges[1:] * np.cos(turn))
        else:
            legs = np.hypot(np.diff(edges), turn)
        return float((index * legs).sum() / 0.299792458)

    start = across * np.arange(1, index.size) / index.size
    if index.size == 1:
        return time(np.empty(0))
    best = optimize.minimize(
        time, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000}
    )
    return float(best.fun)


def fermat_time_round_a_pipe(edges: np.ndarray, index: np.ndarray, along: float, turn: float) -> float:
    """Least time in ns from an antenna in a pipe to a point `along` m on and `turn` radians round, through circular layers in space.

    The ray is straight within a layer; where it crosses each face, along and round, is found by brute force.
    """
    from scipy import optimize

    n = index.size

    def time(crossings: np.ndarray) -> float:
        s = np.concatenate([[0.0], crossings[: n - 1], [along]])
        a = np.concatenate([[0.0], crossings[n - 1 :], [turn]])
        places = np.stack([s, edges * np.sin(a), edges * np.cos(a)], axis=1)
        return float((index * np.linalg.norm(np.diff(places, axis=0), axis=1)).sum() / 0.299792458)

    part = np.arange(1, n) / n
    options = {"xatol": 1e-8, "fatol": 1e-10, "maxiter": 6000, "adaptive": True}
    start = np.concatenate([along * part, turn * part])
    return float(optimize.minimize(time, start, method="Nelder-Mead", options=options).fun)


def curve_stack(data: np.ndarray, curves: np.ndarray, weights: np.ndarray, ring: bool) -> np.ndarray:
    """Weighted mean along one curve per depth, trace by trace."""
    n, samples = data.shape
    middle = curves.shape[1] // 2
    image = np.zeros((n, curves.shape[0]))
    for i in range(n):
        for k, curve in enumerate(curves):
            picked, weight = [], []
            for lag in range(-middle, middle + 1):
                trace = (i + lag) % n if ring else i + lag
                at = curve[lag + middle]
                if weights[k, lag + middle] > 0 and 0 <= trace < n and 0 <= at < samples - 1:
                    picked.append(np.interp(at, np.arange(samples), data[trace]))
                    weight.append(weights[k, lag + middle])
            image[i, k] = np.average(picked, weights=weight) if weight else 0.0
    return image


def reflected_field(k_air, permittivity, thickness, separation, height, k_x, weight):  # type: ignore[no-untyped-def]
    """Reflected part of the field of a line source above layers, by arrays (Chew 1995, sections 2.1 and 2.4)."""
    vertical = []
    for index in [1.0, *permittivity]:
        k_z = np.sqrt(k_air[:, None] ** 2 * index - k_x[None] ** 2)
        vertical.append(np.where(k_z.imag > 0, -k_z, k_z))
    reflection = np.zeros_like(vertical[0])
    for i in range(len(permittivity) - 1, -1, -1):
        step = (vertical[i] - vertical[i + 1]) / (vertical[i] + vertical[i + 1])
        below = reflection * np.exp(-2j * vertical[i + 1] * (thickness[i] if i < len(thickness) else 0.0))
        reflection = (step + below) / (1.0 + step * below)
    waves = reflection / vertical[0] * np.exp(-2j * vertical[0] * height) * np.cos(k_x * separation) * weight
    return waves.sum(axis=1)


def rank_one_less(data, x, valid, curve, t_first, dt, separation, air, span, width):  # type: ignore[no-untyped-def]
    """Section less what the traces along one hyperbola share, window by window (a rank-one model, as in CLEAN).

    Windows that begin after the arrival count where their semblance is 0.6 or more and the stack is no stronger than in the
    pulse, which those before hold.
    """
    place, time, velocity, reach, core = curve
    data = data.astype(float)
    near = np.flatnonzero((np.abs(x - place) <= reach) & valid)
    distance = x[near] - place
    before, after = span
    rows = np.arange(len(near))
    flat = flatten_curve(data, near, distance, t_first, dt, air, time, velocity, separation, before, after)
    taper = np.cos(0.5 * np.pi * np.clip(np.abs(distance) / (1.05 * core), 0, 1)) ** 2
    stack = taper @ flat / taper.sum()
    edge = np.clip((reach - np.abs(distance)) / (0.2 * reach), 0, 1)
    model, weight, pulse = np.zeros_like(flat), np.zeros(flat.shape[1]), 0.0
    for first in range(0, flat.shape[1], width // 2):
        cut = slice(first, min(first + width, flat.shape[1]))
        window = np.hanning(width + 2)[1 : 1 + cut.stop - cut.start]
        energy = stack[cut] ** 2 @ window
        if first < before:
            pulse = max(pulse, energy)
        elif energy > pulse or energy < 0.6 * (taper @ flat[:, cut] ** 2 @ window) / taper.sum():
            continue
        share = np.clip(flat[:, cut] @ (stack[cut] * window) / ((stack[cut] ** 2) @ window), -0.5, 2.5)
        lags = np.arange(-8, 9)
        bell = np.exp(-0.5 * (lags / 2.0) ** 2)
        smooth = share[np.clip(rows[:, None] + lags, 0, len(near) - 1)] @ (bell / bell.sum())
        model[:, cut] += (smooth * edge)[:, None] * (stack[cut] * window)
        weight[cut] += window
    model /= np.maximum(weight, 0.3)
    times = (bistatic_curve(distance, time - air, velocity, separation) + air - t_first) / dt
    for i, row in enumerate(near):
        whole = int(np.floor(times[i]))
        for k in range(flat.shape[1]):
            for j, part in ((whole - before + k, 1 - times[i] + whole), (whole - before + k + 1, times[i] - whole)):
                if 0 <= j < data.shape[1]:
                    data[row, j] -= part * model[i, k]
    return data


def both_legs(traces: np.ndarray, distance: np.ndarray, reach: float) -> tuple[float, float, float]:
    """Semblance of the left and of the right leg of flattened traces, and their agreement, by analytic signals."""
    spectrum = np.fft.fft(traces, axis=1)
    keep = np.zeros(traces.shape[1])
    keep[0] = 1.0
    keep[1 : (traces.shape[1] + 1) // 2] = 2.0
    analytic = np.fft.ifft(spectrum * keep, axis=1)
    taper = np.cos(0.5 * np.pi * np.clip(np.abs(distance) / reach, 0, 1)) ** 2
    weights = [taper * np.where(sign * distance > 0, 1.0, np.where(distance == 0, 0.5, 0.0)) for sign in (-1, 1)]
    sums = [w @ analytic for w in weights]
    energies = [float((w @ np.abs(analytic) ** 2).sum()) for w in weights]
    left, right = (
        float((np.abs(s) ** 2).sum() / (e * w.sum())) for s, e, w in zip(sums, energies, weights, strict=True)
    )
    cross = float(np.real(sums[0] * np.conj(sums[1])).sum())
    norm = np.sqrt(energies[0] * weights[0].sum() * energies[1] * weights[1].sum())
    return left, right, max(cross, 0.0) / float(norm)


def arrivals(echo, times, pulse, dt, shifts):  # type: ignore[no-untyped-def]
    """Misfit, time, delay and ratio of the best one or two arrivals whose first has a positive and a negative sign."""
    axis = dt * (np.arange(pulse.size) - pulse.size // 2)
    shapes = [np.interp(times - s, axis, pulse, left=0, right=0) for s in shifts]
    energy = float((echo**2).sum())
    best = {1: (np.inf, 0.0, np.nan, np.nan), -1: (np.inf, 0.0, np.nan, np.nan)}
    for i, one in enumerate(shapes):
        sign = 1 if one @ echo > 0 else -1
        misfit = 1 - (one @ echo) ** 2 / (one @ one) / energy
        if misfit < best[sign][0]:
            best[sign] = (misfit, shifts[i], np.nan, np.nan)
    for i, one in enumerate(shapes):
        for j in range(i + 4, min(i + 24, len(shifts))):
            basis = np.stack([one, shapes[j]])
            gram = basis @ basis.T
            if np.linalg.det(gram) < 1e-3 * gram[0, 0] * gram[1, 1]:
                continue
            a, b = np.linalg.solve(gram, basis @ echo)
            misfit = float(((echo - a * one - b * shapes[j]) ** 2).sum()) / energy + 0.03
            sign = 1 if a > 0 else -1
            if a * b < 0 and abs(b) <= 1.3 * abs(a) and misfit < best[sign][0]:
                best[sign] = (misfit, shifts[i], shifts[j] - shifts[i], -b / a)
    return np.array([best[1], best[-1]])


def wall_before(echo, times, pulse, dt, near, period):  # type: ignore[no-untyped-def]
    """Ratio of the first to the second of three arrivals that explain an echo best by least squares."""
    axis = dt * (np.arange(pulse.size) - pulse.size // 2)
    best, found = 0.0, np.nan
    for main in range(-3, 4):
        for before in range(4, 8):
            steps = np.array([main - before, main, main + 4]) / 12.0
            basis = np.stack([np.interp(times - near - s * period, axis, pulse, left=0, right=0) for s in steps])
            gram = basis @ basis.T
            wall, first, second = np.linalg.solve(gram + 1e-6 * gram[1, 1] * np.eye(3), basis @ echo)
            explained = float(np.array([wall, first, second]) @ basis @ echo)
            if first * second <= 0 and abs(wall) <= 0.7 * abs(first) and explained > best:
                best, found = explained, wall / first
    return found


def live_means(traces: np.ndarray, valid: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean of the live traces around each trace, and the share of the weight that fell on none."""
    half, n = window.size // 2, traces.shape[0]
    mean, missing = np.zeros(traces.shape), np.ones(n)
    for i in range(n):
        live = [j for j in range(max(i - half, 0), min(i + half + 1, n)) if valid[j]]
        weights = np.array([window[j - i + half] for j in live], float)
        missing[i] = 1.0 - weights.sum()
        if live:
            mean[i] = weights @ traces[live].astype(float) / max(weights.sum(), 0.05)
    return mean, missing


def pooled(values: np.ndarray, sigmas: np.ndarray, prior: float, spread: float) -> tuple[float, float]:
    """Mean and variance of measurements with a prior, with Cauchy weights iterated five times."""
    weight, mean = np.ones(values.size), prior
    for _ in range(5):
        precision = weight / sigmas**2
        mean = (prior / spread**2 + (precision * values).sum()) / (1 / spread**2 + precision.sum())
        weight = 1 / (1 + ((values - mean) / (2 * sigmas)) ** 2)
    return float(mean), float(1 / (1 / spread**2 + (weight / sigmas**2).sum()))


def scattered_by_cells(field: np.ndarray, curves: np.ndarray, n: int) -> np.ndarray:
    """Sum of the diffraction curves of all cells: `field` (n + 2 h, row), `curves` (2 h + 1, row, sample)."""
    half = curves.shape[0] // 2
    section = np.zeros((n, curves.shape[2]))
    for trace in range(n):
        for cell in range(trace, trace + 2 * half + 1):
            for row in range(field.shape[1]):
                section[trace] += field[cell, row] * curves[trace - cell + 2 * half, row]
    return section


def medians(traces: np.ndarray, rows: np.ndarray, starts: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Median over groups of traces, sample by sample."""
    return np.array([np.median(traces[rows[a:b]], axis=0) for a, b in zip(starts, stops, strict=True)])


def local_maxima(values: np.ndarray, floor: np.ndarray, beside: int, above: int) -> np.ndarray:
    """Row and column of what is above the floor of its column and exceeded by nothing in a rectangle around it."""
    found = []
    for i, k in np.ndindex(values.shape):
        around = values[max(i - beside, 0) : i + beside + 1, max(k - above, 0) : k + above + 1]
        if values[i, k] > floor[k] and values[i, k] >= around.max():
            found.append((i, k))
    return np.array(found, int).reshape(-1, 2)


def beside(traces, rows, x, valid, place, apart, statistic):  # type: ignore[no-untyped-def]
    """Number of the valid traces away from a place, and the median of a statistic of each."""
    taken = [traces[i] for i in rows if valid[i] and abs(x[i] - place) > apart]
    return len(taken), np.median([statistic(trace) for trace in taken]) if taken else np.nan


def pulse(wave: np.ndarray, lag: np.ndarray, dt: float, period: float) -> list[float]:
    """Numbers of a stacked echo in the order of `gprscan.kernels.echo.pulse`."""
    envelope = np.abs(signal.hilbert(wave))
    at = lag[np.argmax(np.where(np.abs(lag) < 0.7 * period, envelope, -1.0))]
    early, first = wave[lag < -period], np.abs(lag - at) <= 0.8 * period
    after = (lag > at + 0.8 * period) & (lag < at + 4 * period)
    power = np.abs(np.fft.rfft(wave[first] * np.hanning(first.sum()), 512)) ** 2
    freq = np.fft.rfftfreq(512, dt)
    power[(freq < 0.3 / period) | (freq > 2.0 / period)] = 0.0
    late = np.flatnonzero((lag > at + 1.4 * period) & (lag < lag[-1] - 0.2 * period))
    top = late[envelope[late].argmax()] if late.size else None
    return [
        envelope[lag == at][0], at, early.std() if early.size else 0.0,
        (wave[after] ** 2).sum(), (wave[first] ** 2).sum(), (freq * power).sum() / power.sum(),
        np.nan if top is None else lag[top], np.nan if top is None else envelope[top],
    ]  # fmt: skip


def under_roof(image, rows, dz, span, bounds):  # type: ignore[no-untyped-def]
    """Energies of the complex columns under a roof: its pulse, the inside, what the columns share there; mean column."""
    offset = np.arange(-span[0], span[1] + 1)
    columns = np.array(
        [[image[i, row + k] if 0 <= row + k < image.shape[1] else 0.0 for k in offset] for i, row in enumerate(rows)]
    )
    pulse, inside = np.abs(offset * dz) < bounds[0], (offset * dz > bounds[1]) & (offset * dz < bounds[2])
    energy, mean = np.abs(columns) ** 2, columns.mean(axis=0)
    return energy[:, pulse].mean(), energy[:, inside].mean(), (np.abs(mean[inside]) ** 2).mean(), mean.real


def strongest_near(modulus: np.ndarray, points: np.ndarray, beside: int, above: int) -> np.ndarray:
    """Trace and row of the largest value in a rectangle around each point, of equals the first."""
    out = []
    for trace, row in points:
        places = [
            (i, k) for i, k in np.ndindex(modulus.shape) if abs(i - trace) <= beside and abs(k - row) <= above
        ]  # fmt: skip
        out.append(max(places, key=lambda place: modulus[place]))
    return np.array(out, int).reshape(-1, 2)


def elsewhere_each(modulus, x, valid, roofs, reach, spans, most):  # type: ignore[no-untyped-def]
    """Median energy below each roof's depth and 70 % quantile of the largest moduli at it, in the traces beside the roof."""
    margin, half, begin, end = spans
    out = np.full((len(roofs), 2), np.nan)
    for i, (first, last, row) in enumerate(roofs):
        apart = x - 0.5 * (x[first] + x[last])
        away = [
            k for k in range(x.size)
            if valid[k] and -reach <= apart[k] < reach and (k < first - margin or k > last + margin)
        ]  # fmt: skip
        if len(away) < 4:
            continue
        part = modulus[away[:: int(np.ceil(len(away) / most))]].astype(float)
        below = part[:, row + begin : row + end]
        if below.size:
            out[i, 0] = np.median(below**2)
        out[i, 1] = np.quantile(part[:, max(row - half, 0) : row + half + 1].max(axis=1), 0.7)
    return out


def legs(traces, distance, lag, at, period, depth):  # type: ignore[no-untyped-def]
    """Largest sample near a time of the stack of outer legs, spreading undone, and of that of the apex."""
    near, tangent = np.abs(lag - at) <= 0.8 * period, np.abs(distance) / depth
    outer, inner = (tangent > 0.5) & (tangent < 1.0), tangent < 0.2
    if outer.sum() < 4 or inner.sum() < 2:
        return np.nan, np.nan
    stack = (traces * ((1 + tangent**2) ** 0.25)[:, None])[outer].mean(axis=0)
    return np.abs(stack[near]).max(), np.abs(traces[inner].mean(axis=0)[near]).max()


def scatter(traces, distance, lag, reach, first, last):  # type: ignore[no-untyped-def]
    """Unbiased mean square between two times of what traces near the apex do not share."""
    part = traces[np.abs(distance) < reach][:, (lag > first) & (lag < last)]
    return part.var(axis=0, ddof=1).mean() if len(part) > 2 else np.nan


def heard(data, x, valid, curves, sampling, ground, span, least):  # type: ignore[no-untyped-def]
    """Stack along each curve under a cosine-squared taper, what `pulse` reads in it, and `legs` and `scatter` in its traces."""
    t_first, dt, period = sampling
    lag = dt * np.arange(-span[0], span[1] + 1)
    waves, numbers, beside, counts = [], [], [], []
    for place, time, velocity, reach in curves:
        rows = np.flatnonzero(valid & (np.abs(x - place) <= reach))
        distance = x[rows] - place
        traces = flatten_curve(data, rows, distance, t_first, dt, ground[0], time, velocity, ground[1], *span)
        taper = np.cos(0.5 * np.pi * distance / reach) ** 2
        waves.append(taper @ traces / taper.sum())
        numbers.append(pulse(waves[-1], lag, dt, period))
        depth = velocity * time / 2
        below = scatter(traces, distance, lag, max(depth / 4, least), period, 4 * period)
        beside.append((*legs(traces, distance, lag, numbers[-1][1], period, depth), below))
        counts.append(rows.size)
    return np.array(waves), np.array(numbers), np.array(beside), np.array(counts)


def beside_each(traces, x, valid, places, apart, windows, reach, most):  # type: ignore[no-untyped-def]
    """Counts and medians of `beside` around each place: of the mean square in one window and of the peak in another."""
    counts, usual = np.zeros((len(places), 2), int), np.full((len(places), 2), np.nan)
    for i, place in enumerate(places):
        around = [k for k in range(x.size) if place - reach <= x[k] < place + reach]
        rows = around[:: max(int(np.ceil(len(around) / most)), 1)]
        for k, statistic in enumerate((lambda trace: np.mean(trace**2), lambda trace: np.abs(trace).max())):
            first, last = windows[i][2 * k : 2 * k + 2]
            if last > first:
                counts[i, k], usual[i, k] = beside(
                    traces[:, first:last], rows, x, valid, place, apart[i][k], statistic
                )  # fmt: skip
    return counts, usual


def turned_phase(echo, times, real, imaginary, dt, shifts):  # type: ignore[no-untyped-def]
    """Phase of the turned pulse ``cos(p) real - sin(p) imaginary`` that correlates best with an echo."""
    axis = dt * (np.arange(real.size) - real.size // 2)
    phases = np.radians(np.arange(-180.0, 180.0, 0.25))
    best, found = -np.inf, 0.0
    for s in shifts:
        one, other = (echo @ np.interp(times - s, axis, part, left=0, right=0) for part in (real, imaginary))
        score = np.cos(phases) * one - np.sin(phases) * other
        if score.max() > best:
            best, found = score.max(), phases[score.argmax()]
    return float(found)


def onsets(echoes, times, peaks, pulse, dt, period):  # type: ignore[no-untyped-def]
    """`arrivals` and `turned_phase` from 1.3 periods before each peak to 1.1 after it; NaN where there is no echo of 8 samples."""
    out, phases = np.full((len(peaks), 2, 4), np.nan), np.zeros(len(peaks))
    for i, peak in enumerate(peaks):
        near = (times > peak - 1.3 * period) & (times < peak + 1.1 * period)
        echo = echoes[i][near]
        if near.sum() >= 8 and np.any(echo != 0):
            turns, tried = (
                np.arange(peak + a * period, peak + b * period, period / 24) for a, b in ((-0.3, 0.3), (-0.75, 0.4))
            )
            phases[i] = turned_phase(echo, times[near], *pulse, dt, turns)
            out[i] = arrivals(echo, times[near], pulse[0], dt, tried)
    return out, phases


def pooled_around(values, sigmas, mine, first, last, prior, spread):  # type: ignore[no-untyped-def]
    """`pooled` of the measurements around each of some, without its own."""
    near = [[k for k in range(a, b) if k != own] for own, a, b in zip(mine, first, last, strict=True)]
    return np.array([pooled(values[k], sigmas[k], prior, spread) for k in near]).reshape(-1, 2).T


def reached(thickness, permittivity, factor: float, t: float) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """Depth after a two-way time and RMS velocity until then, by walking down in a hundred thousand steps."""
    velocity = factor * C0 / np.sqrt(np.asarray(permittivity))
    until = np.cumsum(2 * np.asarray(thickness) / velocity)
    v = velocity[np.searchsorted(until, (np.arange(100_000) + 0.5) * t / 100_000)]
    return float(v.mean() * t / 2), float(np.sqrt((v**2).mean()))


def compared(x, t, levels, under, bounce, around, like):  # type: ignore[no-untyped-def]
    """Strongest body right above and right below each, of equals the first along the line, and the number of its peers."""
    loudest, peers = np.full((len(x), 2), -1), np.zeros(len(x), int)
    along = np.argsort(x, kind="stable")
    for i in range(len(x)):
        apart, later = np.abs(x - x[i]), t[i] - t
        peers[i] = ((apart > 0.15) & (apart < around) & (levels > levels[i] - like)).sum()
        right = (apart < under) & (np.abs(later) > bounce[0]) & (np.abs(later) < bounce[1])
        for side, there in enumerate((right & (later > 0), right & (later < 0))):
            others = [j for j in along if there[j]]
            if others:
                loudest[i, side] = max(others, key=lambda j: levels[j])
    return loudest, peers


def without_lobes(first, last, depth, level, dx):  # type: ignore[no-untyped-def]
    """Events none of which is one with another that was chosen before it."""
    kept: list[int] = []
    for i in range(len(first)):
        overlap = np.minimum(last[i], last[kept]) - np.maximum(first[i], first[kept])
        lower = depth[i] - depth[kept]
        narrower = np.minimum(last[i] - first[i], (last - first)[kept])
        inside = (lower > -0.12) & (lower < 0.45) | (lower > 0) & (overlap > 0.5 * narrower)
        alike = level[i] >= 0.8 * level[kept]
        if not ((overlap * dx >= -0.05) & np.where(alike, np.abs(lower) < 0.12, inside)).any():
            kept.append(i)
    return kept


def pairs(x, t, reach, longest):  # type: ignore[no-untyped-def]
    """Each two of which the second comes later, but not by more than so much, near the first along the line."""
    return [
        (i, j) for i in range(len(x)) for j in range(i + 1, len(x))
        if t[j] - t[i] <= longest and abs(x[j] - x[i]) <= reach[i]
    ]  # fmt: skip


def owners(middles, apexes, roofs, near):  # type: ignore[no-untyped-def]
    """Which roofs are chosen, where each is a dict of trace and row, and none may run through the apex of another."""

    def through(i: int, k: int) -> bool:
        row = roofs[i].get(apexes[k], -1)
        return bool(row >= 0 and abs(row - middles[k]) <= near)

    kept: list[int] = []
    for i in range(len(roofs)):
        if not any(through(i, k) or through(k, i) for k in kept):
            kept.append(i)
    return np.isin(np.arange(len(roofs)), kept)
