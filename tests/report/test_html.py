"""``report.html``: one file, no network, nothing from a file is markup, and it says what it must."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from gprscan import detect
from gprscan.report import anomaly_figures, bodies, html, write_all
from gprscan.report.words import Words, _dictionary
from tests.detection.lines import make
from tests.report import surveys
from tests.report.conftest import made

HOSTILE = "</script><script>alert('x')</script><img src=x onerror=alert(1)>{{ 7*7 }}\x00.DZT"


class Page(HTMLParser):
    """What a browser would load, run and show."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.scripts, self.words, self.ids, self.targets = [], [], [], [], []
        self._inside = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append((tag, values))
        self._inside = (tag, values) if tag in ("script", "style") else None
        if tag == "script":
            self.scripts.append("")
        if "id" in values:
            self.ids.append(values["id"])
        if values.get("href", "").startswith("#"):
            self.targets.append(values["href"][1:])

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._inside = None

    def handle_data(self, data):
        if self._inside is None:
            self.words.append(data)
        elif self._inside[0] == "script":
            self.scripts[-1] += data

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def page_of(result, folder, lang="both"):
    return Page(write_all(result, folder, lang).read_text("utf-8"))


def test_nothing_is_loaded_from_anywhere(tmp_path, survey):
    text = write_all(survey, tmp_path).read_text("utf-8")
    page = Page(text)
    for tag, values in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            value = values.get(name, "")
            assert value == "" or value.startswith(("#", "data:image/png;base64,")), (tag, name, value[:60])
        assert not [name for name in values if name.startswith("on")]
    style = "".join(re.findall(r"<style>(.*?)</style>", text, re.S))
    assert "url(" not in style
    assert "@import" not in style
    assert "sourceMappingURL" not in text


def test_the_policy_allows_these_scripts_and_no_network(tmp_path, survey):
    page = page_of(survey, tmp_path)
    policy = next(v["content"] for tag, v in page.tags if v.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "connect-src" not in policy
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    plain = [v.get("type") for tag, v in page.tags if tag == "script"]
    run = [script for script, kind in zip(page.scripts, plain, strict=True) if kind is None]
    assert len(run) == 2
    assert [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in run] == allowed
    assert "script-src 'unsafe" not in policy


def test_every_link_has_its_target(tmp_path, survey):
    page = page_of(survey, tmp_path)
    assert len(page.ids) == len(set(page.ids))
    assert set(page.targets) <= set(page.ids)
    assert {"a1", "a2", "a3", "a4"} <= set(page.targets)


def test_text_from_files_is_text(tmp_path):
    body = surveys.anomaly(line_id=HOSTILE, source_file=HOSTILE, anomaly_id=HOSTILE, group_id=HOSTILE, acquired=HOSTILE)
    body["evidence"] = json.dumps(
        {"values": {HOSTILE: HOSTILE, "reference": HOSTILE}, "votes": {HOSTILE: {HOSTILE: 1.0}}}
    )
    body["probabilities"] = json.dumps({HOSTILE: 0.5})
    finding = dict.fromkeys(("code", "severity", "what", "where", "evidence", "consequence"), HOSTILE)
    row = {
        "source_file": HOSTILE,
        "setting": HOSTILE,
        "notes": json.dumps([HOSTILE]),
        "findings": json.dumps([finding]),
    }
    result = made(
        [surveys.record(HOSTILE, [body], **row)],
        survey=HOSTILE,
        recipe={"name": HOSTILE, "process": [{"step": HOSTILE}]},
    )
    result.manifest.append({"path": HOSTILE, "status": "failed", "error": HOSTILE})
    calm = page_of(made([surveys.record()]), tmp_path / "calm")
    page = page_of(result, tmp_path / "hostile")
    assert [tag for tag, _ in page.tags].count("script") == [tag for tag, _ in calm.tags].count("script")
    assert not [v for tag, v in page.tags if tag == "img" and v.get("src") == "x"]
    assert not [v for _, v in page.tags if "onerror" in v]
    assert "49.DZT" not in page.text
    data = next(
        s for s, (tag, v) in zip(page.scripts, (t for t in page.tags if t[0] == "script"), strict=True) if v.get("type")
    )
    assert json.loads(data)["bodies"][0]["id"].startswith("</script>")
    assert "\x00" not in (tmp_path / "hostile" / "report.html").read_text("utf-8")


def test_it_says_what_a_reader_must_know(tmp_path, survey):
    survey.manifest.append({"path": "bad.DZT", "sha256": "ab" * 32, "status": "failed", "error": "not whole traces"})
    text = page_of(survey, tmp_path, "en").text
    for expected in (
        "Screening result. Verify before excavation.",
        "non-standard screening grade",
        "EPSG:4547",
        "gprscan 0.1.0",
        "0f" * 32,
        "ab" * 32,
        "not whole traces",
        "Lines without position: 1 of 2",
        "Files that could not be used: 1",
        "no position: line coordinates only",
        "likelihood",
        "Onset like the incident wave",
        "40.0 m",
        "0.50 ± 0.03",
        "Assumed for all graded anomalies",
    ):
        assert expected in text, expected


@pytest.mark.parametrize(
    ("lang", "there", "absent"), [("zh", "成果汇总表", "Anomaly table"), ("en", "Anomaly table", "成果汇总表")]
)
def test_one_language_shows_only_that(tmp_path, survey, lang, there, absent):
    text = page_of(survey, tmp_path, lang).text
    assert there in text
    assert absent not in text


def test_both_languages_show_the_field_words(tmp_path, survey):
    text = page_of(survey, tmp_path).text
    for word in ("空洞", "脱空", "管线", "筛查结果，开挖前须验证", "Screening result. Verify before excavation."):
        assert word in text


def test_every_value_that_detection_measures_has_words():
    # the last point lies at the end of the line
    line, _ = make((2.0, 0.5, -0.4), (4.0, 0.7, 0.5), (5.95, 0.6, 0.4), length=6.0)
    table = detect(line, include=("clutter", "interface"))
    measured = {name for evidence in table["evidence"] for name in json.loads(evidence)["values"]}
    assert {"one_leg", "amplitude_db", "excess_settled"} <= measured
    assert measured - {"kind"} <= set(_dictionary()["features"])


def test_nothing_found_comes_with_coverage_depth_and_detectability(tmp_path):
    text = page_of(made([surveys.record(anomalies=[])]), tmp_path, "en").text
    assert "No anomaly was flagged" in text
    assert "20.0 m and 24 m²" in text
    assert "1.8 m penetration depth" in text
    assert "What could have been seen" in text
    assert re.search(r"0\.30 0\.90 0\.90 0\.90", text)


def test_a_size_that_no_depth_shows_has_a_dash_and_no_depth(tmp_path):
    sizes = json.dumps([{"diameter_m": 0.1, "max_depth_m": None}, {"diameter_m": 0.5, "max_depth_m": 1.5}])
    text = page_of(made([surveys.record(anomalies=[], detectability=sizes)]), tmp_path, "en").text
    assert re.search(r"0\.10 – – – 0\.50 1\.50 1\.50 1\.50", text)


def test_nothing_found_without_detectability_says_that_silence_has_no_weight(tmp_path):
    record = surveys.record(anomalies=[], detectability="[]", penetration_depth_m=None)
    text = page_of(made([record]), tmp_path, "en").text
    assert "silence on them carries no weight" in text
    assert "Lines of unknown penetration depth: 1" in text


def test_a_survey_without_positions_has_plans_in_line_coordinates(tmp_path):
    page = page_of(made([surveys.record(placed=False)]), tmp_path, "en")
    assert "there is no map" in page.text
    assert "plan in line coordinates" in page.text
    assert [v for tag, v in page.tags if tag == "svg" and v.get("class") == "plan"]
    assert not [v for _, v in page.tags if v.get("id") == "map-data"]


def test_a_scheme_of_the_users_own_prints_its_own_words(tmp_path):
    page = page_of(made([surveys.record()], scheme="seoul_2016"), tmp_path, "zh")
    assert "优先" in page.text
    assert "非标准筛查等级" not in page.text


def test_cards_show_pictures_until_the_file_is_full(tmp_path, monkeypatch):
    line = surveys.line()
    rows = []
    for number in (1, 2):
        row = surveys.anomaly(number)
        paths = anomaly_figures(line, line, row, tmp_path / "figures" / "L01")
        row["figures"] = json.dumps(
            {role: path.removeprefix(f"{tmp_path.as_posix()}/") for role, path in paths.items()}
        )
        rows.append(row)
    result = made([surveys.record("L01", rows)])
    full = page_of(result, tmp_path, "en")
    assert len([v for tag, v in full.tags if tag == "img"]) == 6
    size = sum(path.stat().st_size for path in (tmp_path / "figures" / "L01").glob("L01-001-*.png"))
    monkeypatch.setattr(bodies, "MAX_PICTURE_BYTES", size + 1000)
    cut = page_of(result, tmp_path, "en")
    assert 0 < len([v for tag, v in cut.tags if tag == "img"]) < 6
    assert "No pictures are in this file for this anomaly" in cut.text


def test_pictures_outside_of_the_output_folder_are_not_taken(tmp_path):
    (tmp_path / "secret.png").write_bytes(b"secret")
    row = surveys.anomaly(figures=json.dumps({"raw": "../secret.png", "processed": str(tmp_path / "secret.png")}))
    page = page_of(made([surveys.record("L01", [row])]), tmp_path / "out", "en")
    assert not [v for tag, v in page.tags if tag == "img"]


def test_cards_are_capped_and_the_report_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(bodies, "MAX_CARDS", 2)
    monkeypatch.setattr(html, "MAX_CARDS", 2)
    rows = [surveys.anomaly(n, confidence=0.1 * n) for n in range(1, 6)]
    page = page_of(made([surveys.record("L01", rows)]), tmp_path, "en")
    assert len([v for tag, v in page.tags if tag == "article"]) == 2
    assert "2 worst of 5 anomalies" in page.text
    assert set(page.targets) <= set(page.ids)


def test_the_bars_of_a_mesh_share_a_card(tmp_path):
    rows = [surveys.anomaly(n, kind="rebar", group_id="L01-g1", distance_m=0.2 * n) for n in range(1, 9)]
    page = page_of(made([surveys.record("L01", rows)]), tmp_path, "en")
    assert len([v for tag, v in page.tags if tag == "article"]) == 1
    assert "8 bars" in page.text
    assert set(page.targets) <= set(page.ids)


def test_the_worst_comes_first():
    rows = [
        surveys.anomaly(1, kind="pipe"),
        surveys.anomaly(2, top_depth_m=1.4, length_m=0.3, width_m=0.3),
        surveys.anomaly(3, top_depth_m=0.1),
        surveys.anomaly(4, kind="rebar", confidence=0.99),
    ]
    ordered = bodies.ordered(made([surveys.record("L01", rows)]))
    assert [row["anomaly_id"] for row in ordered] == ["L01-003", "L01-002", "L01-001", "L01-004"]
    assert [row["number"] for row in ordered] == [1, 2, 3, 4]


def test_every_word_is_in_both_languages():
    content = _dictionary()
    for key, texts in content.items():
        entries = texts.values() if "en" not in texts else [texts]
        for entry in entries:
            if isinstance(entry, dict):
                assert entry["en"], key
                assert entry["zh"], key
                assert set(re.findall(r"{(\w+)}", entry["en"])) == set(re.findall(r"{(\w+)}", entry["zh"])), key
    assert Words("both").plain("table") == "成果汇总表 / Anomaly table"


def test_an_estimated_length_is_printed_with_its_deviation(tmp_path):
    texts = []
    for name, more in (("plain", {}), ("estimated", {"sigma_length_m": 0.12})):
        rows = [surveys.anomaly(1, length_m=0.82, width_m=None, **more)]
        texts.append(page_of(made([surveys.record("L01", rows)]), tmp_path / name, "en").text)
    plain, estimated = texts
    assert "0.82 ± 0.12" in estimated
    assert "0.82 ± 0.12" not in plain
    assert plain.count("upper bound") == estimated.count("upper bound") + 1
