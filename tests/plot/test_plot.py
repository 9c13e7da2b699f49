"""Pictures: what is thinned out, what is drawn where, and that a void can be seen."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from gprscan import model, names, plot
from gprscan.errors import MissingPositionError, ParameterError
from gprscan.plot.picture import picture
from gprscan.report import SurveyResult
from tests.report import surveys


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def line():
    return surveys.line()


@pytest.fixture
def table():
    return SurveyResult.from_records([surveys.record()]).anomalies


def flat_line(n_traces=5000, n_samples=100, **kwargs):
    return model.from_array(np.zeros((n_traces, n_samples), "float32"), dt=0.1, spacing=0.02, frequency=400, **kwargs)


def test_a_long_line_is_thinned_out_without_losing_an_echo():
    long = flat_line(20_000)
    values = long[names.AMPLITUDE].values
    values[12_345, 50], values[777, 20] = -9.0, 5.0
    shown = picture(long, max_columns=500)
    assert shown.values.shape[0] <= 501
    assert shown.values.min() == -9.0
    assert shown.values.max() == 5.0
    column = int(np.argmin(shown.values.min(axis=1)))
    width = (shown.x[1] - shown.x[0]) / shown.values.shape[0]
    assert shown.x[0] + (column + 0.5) * width == pytest.approx(12_345 * 0.02, abs=width)


def test_many_samples_are_thinned_out_too():
    tall = flat_line(10, 9000)
    tall[names.AMPLITUDE].values[3, 4567] = -7.0
    shown = picture(tall, max_rows=1000)
    assert shown.values.shape[1] <= 1000
    assert shown.values.min() == -7.0


def test_the_edges_of_the_picture_are_half_a_trace_outside():
    shown = picture(flat_line(101))
    assert shown.x == pytest.approx((-0.01, 2.01))
    assert shown.values.shape == (101, 100)


def test_gaps_stay_blank_and_reversed_lines_are_drawn_forwards():
    distance = np.r_[np.arange(50) * 0.1, 20 + np.arange(50) * 0.1][::-1]
    line = model.from_array(np.ones((100, 8), "float32"), dt=0.1, distance=distance)
    shown = picture(line)
    empty = np.isnan(shown.values[:, 0])
    where = np.linspace(*shown.x, empty.size)
    assert empty[(where > 6) & (where < 19)].all()
    assert not empty[(where < 4.5) | (where > 20.5)].any()


def test_dead_traces_do_not_hide_their_neighbours():
    line = flat_line(1000)
    line[names.AMPLITUDE].values[:] = 1.0
    line[names.AMPLITUDE].values[::2] = np.nan
    assert np.isfinite(picture(line, max_columns=100).values).all()


def test_without_distances_the_axis_counts_traces():
    line = model.from_array(np.zeros((30, 8), "float32"), dt=0.1)
    assert plot.radargram(line).get_xlabel() == "Trace"


def test_axes_time_depth_and_anomalies(line, table):
    ax = plot.radargram(line, anomalies=table, balance=True)
    assert ax.get_xlabel() == "Distance (m)"
    assert ax.get_ylabel() == "Two-way time (ns)"
    bottom, top = ax.get_ylim()
    assert bottom > top  # time grows downwards
    assert [child.get_ylabel() for child in ax.child_axes] == ["Depth (m) at 0.100 m/ns"]
    assert any(text.get_text().startswith("cavity") for text in ax.texts)
    (box,) = ax.patches
    assert box.get_x() < 6.0 < box.get_x() + box.get_width()
    assert box.get_y() < 10.0 < box.get_y() + box.get_height()


def test_a_migrated_line_is_drawn_over_depth(line, table):
    deep = line.rename({"twt": "depth"}).assign_coords(depth=("depth", np.linspace(0, 1.75, line.sizes["twt"])))
    ax = plot.radargram(deep, anomalies=table)
    assert ax.get_ylabel() == "Depth (m)"
    assert not ax.child_axes
    (box,) = ax.patches
    assert box.get_y() < 0.5 < box.get_y() + box.get_height()


@pytest.mark.parametrize("below_the_edge", [1.5, 2.5, 3.5, 10.0])
def test_no_label_is_cut_at_the_top(line, table, below_the_edge):
    twt = float(line[names.TWT][0]) + below_the_edge
    ax = plot.radargram(line, anomalies=table.assign(twt_ns=twt))
    ax.figure.canvas.draw()
    (label,) = [text for text in ax.texts if text.get_text().startswith("cavity")]
    frame = label.get_bbox_patch().get_window_extent()
    assert frame.y1 <= ax.get_window_extent().y1


def test_the_void_stands_out_of_a_raw_line_by_the_gain_of_the_drawing(line):
    """In the picture, the apex is much darker or brighter than the ground around it."""

    def contrast(balance):
        (image,) = plot.radargram(line, balance=balance).get_images()
        limit = image.get_clim()[1]
        shown = np.clip(image.get_array().T, -limit, limit) / limit
        apex = np.abs(shown[115:125, 140:160]).max()  # 6 m, 10 ns
        return apex - np.abs(shown[200:300, 150:200]).mean()

    assert contrast(True) > 0.6
    assert contrast(True) > contrast(False)


def test_a_part_that_is_not_there_is_an_error(line):
    with pytest.raises(ParameterError, match="nothing to draw"):
        plot.radargram(line, distance=(900, 950))
    with pytest.raises(ParameterError, match="nothing to draw"):
        plot.wiggle(line, distance=(900, 950))


def test_channels_are_found_by_position_and_label():
    line = model.from_array(np.zeros((2, 20, 8), "float32"), dt=0.1, channels=["left", "right"])
    line[names.AMPLITUDE].values[1] = 3.0
    assert picture(line, channel="right").values.max() == 3.0
    assert picture(line, channel=-1).values.max() == 3.0
    assert picture(line).values.max() == 0.0
    with pytest.raises(ParameterError, match="channels are left, right"):
        plot.radargram(line, channel="middle")
    with pytest.raises(ParameterError, match="the line has 2"):
        plot.wiggle(line, channel=5)


@pytest.mark.parametrize(
    ("polarity", "words"),
    [
        (1, "like the incident wave"),
        (-1, "opposite to the incident wave"),
        (0, "polarity undecided"),
    ],
)
def test_the_ascan_shows_the_polarity_against_the_direct_wave(line, polarity, words):
    ax = plot.ascan(line, 6.0, twt=10.0, polarity=polarity)
    assert any(words in text.get_text() for text in ax.texts)
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    heads = {round(arrow.xy[0], 1): np.sign(arrow.xy[1] - arrow.xyann[1]) for arrow in arrows}
    assert heads[0.3] == 1  # the direct wave, at 0.1 m / 0.2998 m/ns, is the reference: up
    assert heads.get(10.0, 0) == polarity
    assert len(arrows) == 1 + abs(polarity)


def test_the_ascan_is_scaled_to_the_body_not_to_the_direct_wave(line):
    ax = plot.ascan(line, 6.0, twt=10.0, polarity=1)
    assert 3.0 < ax.get_ylim()[1] < 6.0  # the echo is 3, the direct wave 20


def test_a_dead_line_is_still_drawn():
    line = flat_line(50)
    plot.radargram(line, balance=True)
    plot.ascan(line, 0.5, twt=3.0, polarity=1)
    line[names.AMPLITUDE].values[:] = np.nan
    plot.radargram(line, balance=True)
    plot.ascan(line, 0.5, twt=3.0, polarity=1)
    plot.wiggle(line)


def test_the_map_has_coverage_tracks_bodies_and_their_uncertainty():
    result = SurveyResult.from_records([surveys.record(), surveys.record("L02", placed=False)])
    ax = plot.survey_map(result.anomalies, result.tracks, result.coverage)
    assert ax.get_xlabel() == "East (m)"
    assert ax.get_aspect() == 1.0
    (circle,) = [p for p in ax.patches if hasattr(p, "get_radius")]
    assert circle.get_radius() == pytest.approx(0.10)  # two standard deviations of 0.05 m
    assert [text.get_text().split()[0] for text in ax.get_legend().get_texts()] == ["cavity"]


def test_a_survey_without_positions_has_no_map():
    result = SurveyResult.from_records([surveys.record(placed=False)])
    with pytest.raises(MissingPositionError, match="nothing in this survey has a position"):
        plot.survey_map(result.anomalies, result.tracks)


def test_a_row_without_numbers_is_left_out_and_costs_nothing(line):
    rows = pd.DataFrame([{"kind": "cavity", "distance_m": None, "twt_ns": None, "velocity_m_ns": None}])
    assert not plot.radargram(line, anomalies=rows).patches
