"""Reports: tables, GIS files and the HTML report of a survey."""

from gprscan.report.result import SurveyResult

__all__ = ["SurveyResult"]
