"""Slow, obviously right NumPy twins of the kernels, written from the cited equations; used by tests and benchmarks."""

from __future__ import annotations

import numpy as np
