"""Channels of an array in a file each become one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan.errors import LineError
from gprscan.io.channel_set import group, join
from gprscan.survey import open_line, plan_survey


def channel(value: int, n_traces: int = 12, n_samples: int = 16, dt: float = 0.5):
    return gs.from_array(
        np.full((n_traces, n_samples), value, "int16"), dt=dt, spacing=0.05, frequency=400 + value, separation=0.1
    )


def test_files_are_grouped_by_their_names():
    names = ["M_A002.rd3", "M_A001.rd3", "m_a010.rd3", "M_A001.iprb", "X_A.rd3", "LINE_A1B.rd3", "L.rd3"]
    grouped = [[path.name for path in members] for members in group([Path(name) for name in names])]
    assert grouped == [
        ["M_A001.rd3", "M_A002.rd3", "m_a010.rd3"],
        ["M_A001.iprb"],
        ["X_A.rd3"],
        ["LINE_A1B.rd3"],
        ["L.rd3"],
    ]


def test_a_set_of_files_is_one_line_of_several_channels(tmp_path):
    for number in (1, 2, 3):
        gs.write(channel(number), tmp_path / f"MIRA_A{number:03d}.rd3")
    (tmp_path / "survey.toml").write_text(
        'name = "array"\n[[lines]]\npath = "MIRA_A*.rd3"\nid = "mira"\nchannel_offsets = [-0.1, 0.0, 0.1]\n'
    )
    (job,) = plan_survey(tmp_path).jobs
    assert job.id == "mira"
    assert [path.name for path in job.more] == ["MIRA_A002.rd3", "MIRA_A003.rd3"]
    line = open_line(job)
    assert line["amplitude"].dims == ("channel", "trace", "twt")
    assert line["amplitude"].mean(("trace", "twt")).values.tolist() == [1, 2, 3]
    assert line["offset"].values.tolist() == [-0.1, 0.0, 0.1]
    assert "channel-offsets-unknown" not in {finding.code for finding in line.gpr.findings}
    assert line["channel"].values.tolist() == ["MIRA_A001", "MIRA_A002", "MIRA_A003"]


def test_without_a_survey_file_the_set_is_found_too(tmp_path):
    for number in (1, 2):
        gs.write(channel(number), tmp_path / f"MIRA_A{number:03d}.rd3")
    (job,) = plan_survey(tmp_path).jobs
    assert job.id == "MIRA"
    assert open_line(job).sizes["channel"] == 2


def test_a_few_missing_traces_are_cut_off_and_noticed():
    line = join([channel(1, 12), channel(2, 10)], ["a", "b"])
    assert line.sizes["trace"] == 10
    assert "ragged-channels" in {finding.code for finding in line.gpr.findings}
    assert line["frequency"].values.tolist() == [401.0, 402.0]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (channel(2, dt=0.25), "another time axis"),
        (channel(2, n_samples=17), "another time axis"),
        (channel(2, n_traces=40), "between 12 and 40 traces"),
    ],
)
def test_channels_that_do_not_fit_together(other, message):
    with pytest.raises(LineError, match=message):
        join([channel(1), other], ["a", "b"])
