"""Slow, obviously right NumPy twins of the kernels, written from the cited equations; used by tests and benchmarks."""

from __future__ import annotations

import numpy as np


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
