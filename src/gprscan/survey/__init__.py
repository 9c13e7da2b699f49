"""Surveys: a file, a folder or a survey file in; every line scanned once, and one result of all."""

from gprscan.report import SurveyResult
from gprscan.survey.batch import Progress, scan
from gprscan.survey.config import LineOptions, SurveyFile, load_survey
from gprscan.survey.discover import Plan, plan_survey
from gprscan.survey.runner import LineJob, open_line, scan_line

__all__ = [
    "LineJob",
    "LineOptions",
    "Plan",
    "Progress",
    "SurveyFile",
    "SurveyResult",
    "load_survey",
    "open_line",
    "plan_survey",
    "scan",
    "scan_line",
]
