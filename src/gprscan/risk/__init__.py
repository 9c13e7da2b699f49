"""Risk grading: a rule engine over scheme files; every grade carries its scheme, inputs, rule and range."""

from gprscan.risk.grading import DEFAULT_SCHEME, grade
from gprscan.risk.scheme import Scheme, list_schemes, load_scheme

__all__ = ["DEFAULT_SCHEME", "Scheme", "grade", "list_schemes", "load_scheme"]
