"""CSV and XLSX: encoding, injection, nulls, and the register of Chinese cities."""

from __future__ import annotations

import csv
import io

import openpyxl
import pandas as pd
import pytest

from gprscan.report import tables, write_all
from tests.report import surveys
from tests.report.conftest import made

HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "a\x00b\x0bc", '=HYPERLINK("http://x")']


def rows_of(path):
    text = path.read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_is_utf8_with_a_mark_and_holds_every_body(tmp_path, survey):
    path = tmp_path / "a.csv"
    tables.write_csv(survey, path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = rows_of(path)
    assert [row["anomaly_id"] for row in rows] == ["L01-001", "L01-002", "L01-003", "L02-001"]
    assert [row["kind_zh"] for row in rows] == ["空洞", "管线", "脱空", "空洞"]
    assert [row["placed"] for row in rows] == ["true", "true", "true", "false"]
    assert rows[0]["crs"] == "EPSG:4547"
    assert rows[3]["x"] == rows[3]["longitude"] == rows[3]["crs"] == ""
    assert float(rows[3]["distance_m"]) == 6.0
    assert rows[1]["risk_rank"] == rows[1]["length_m"] == ""
    assert int(rows[0]["risk_rank"]) == survey.anomalies["risk_rank"].iloc[0]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_file_becomes_a_formula(tmp_path, text):
    result = made([surveys.record("L01", [surveys.anomaly(source_file=text, anomaly_id=text)], source_file=text)])
    tables.write_csv(result, tmp_path / "anomalies.csv")
    tables.write_xlsx(result, tmp_path / "anomalies.xlsx")
    cell = rows_of(tmp_path / "anomalies.csv")[0]["source_file"]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "\x00" not in cell
    book = openpyxl.load_workbook(tmp_path / "anomalies.xlsx")
    for sheet in book:
        for row in sheet.iter_rows():
            assert all(entry.data_type != "f" for entry in row)


def test_the_workbook_has_the_register_and_invents_nothing(tmp_path, survey):
    tables.write_xlsx(survey, tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["成果汇总表", "anomalies", "lines", "inputs", "run"]
    register = pd.read_excel(tmp_path / "a.xlsx", sheet_name="成果汇总表")
    assert register["编号 id"].tolist() == ["L01-001", "L01-002", "L01-003", "L02-001"]
    assert register["病害类型 kind"].tolist()[0] == "空洞 cavity"
    assert register["风险等级 grade"].tolist()[0].startswith("S")
    assert register["等级方案 scheme"].tolist()[0] == "gprscan_screening 1"
    for unknown in (
        "道路名称 road",
        "验证状态 verification",
        "周边管线相对位置 utilities nearby",
        "编制人 prepared by",
    ):
        assert register[unknown].isna().all()
    assert pd.isna(register["风险等级 grade"].iloc[1])  # a pipe is not graded


def test_a_failed_write_leaves_every_old_file(tmp_path, survey, monkeypatch):
    write_all(survey, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(tables, "scalar", lambda value: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_all(survey, tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
