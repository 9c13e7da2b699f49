"""gprscan: from ground-penetrating radar files to a graded, georeferenced map of underground voids."""

import sys as _sys

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)

if "xarray" in _sys.modules:
    # `.gpr` must work on a dataset that xarray opened, without making a bare `import gprscan` pay for xarray
    from gprscan.model import accessor as _accessor  # noqa: F401
