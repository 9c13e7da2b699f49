"""Reports: tables, GIS files and the HTML report of a survey."""

from gprscan.report.figures import anomaly_figures
from gprscan.report.html import render
from gprscan.report.result import SurveyResult
from gprscan.report.write import rebuild, write_all

__all__ = ["SurveyResult", "anomaly_figures", "rebuild", "render", "write_all"]
