"""DZT files made byte by byte: every bit depth, header size and number of channels, side files, faults."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest

import gprscan as gs
from gprscan import model
from gprscan.errors import ReadError, TruncatedFileError
from gprscan.model.findings import load
from tests.io.builders import dzt_header, dzt_samples, gga, make_dzt, nmea, radar


def codes(line: object) -> set[str]:
    return {finding.code for finding in load(line)}  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4"])
@pytest.mark.parametrize("n_channels", [1, 2, 3, 8])
@pytest.mark.parametrize("data", [1024, 128, 9])
def test_depths_channels_and_header_sizes(tmp_path: Path, dtype: str, n_channels: int, data: int) -> None:
    values = radar(12, 32, dtype, n_channels)
    line = gs.read(make_dzt(tmp_path / "a.DZT", values, data=data))
    expected = values[:, 0] if n_channels == 1 else values.transpose(1, 0, 2)
    np.testing.assert_array_equal(line["amplitude"].values, expected)
    assert line["amplitude"].dtype == np.dtype(dtype)
    assert line["amplitude"].dims == (("trace", "twt") if n_channels == 1 else ("channel", "trace", "twt"))
    if n_channels > 1:
        assert line["channel"].values.tolist() == [str(i) for i in range(n_channels)]


def test_axes_and_header(tmp_path: Path) -> None:
    line = gs.read(make_dzt(tmp_path / "a.DZT", radar(12, 50, "i2", 1), window=50.0, position=-5.0, spm=40.0))
    np.testing.assert_allclose(line["twt"], np.arange(50) * 1.0 - 5.0)
    np.testing.assert_allclose(line["distance"], np.arange(12) / 40)
    assert line.attrs["acquired"] == "2025-03-14T15:09:26"
    assert line.attrs["instrument"] == "GSSI SIR-4000"
    assert float(line["frequency"]) == 400


def test_time_zero_from_the_depth_of_the_first_sample(tmp_path: Path) -> None:
    """SIR-3000 leaves the position at 0 and states top = -0.3 m for a permittivity of 9: 2 * 0.3 * 3 / c ns."""
    line = gs.read(make_dzt(tmp_path / "a.DZT", radar(12, 50, "i2", 1), position=0.0, top=-0.3, epsr=9.0))
    assert line.attrs["time_zero"] == pytest.approx(1.8 / 0.299792458, rel=1e-6)


def test_time_zero_from_the_direct_wave(tmp_path: Path) -> None:
    line = gs.read(make_dzt(tmp_path / "a.DZT", radar(40, 64, "i2", 1), position=0.0, window=64.0))
    assert line.attrs["time_zero"] == pytest.approx(8.0, abs=1.0)
    assert "time-zero-estimated" in codes(line)


def status_file(path: Path, *, marks: tuple[int, ...] = (), **header: object) -> np.ndarray:
    values = radar(30, 40, "i2", 1)
    values[:, 0, 0] = np.arange(30) - 32768  # a scan counter, unsigned 0, 1, 2 ...
    values[:, 0, 1] = -32768
    values[list(marks), 0, 1] = 0x6400 - 32768
    make_dzt(path, values, **header)
    return values


def test_status_words_are_kept_but_not_processed(tmp_path: Path) -> None:
    values = status_file(tmp_path / "a.DZT", marks=(4, 17))
    line = gs.read(tmp_path / "a.DZT")
    np.testing.assert_array_equal(line["amplitude"].values, values[:, 0])
    assert line["status"].values.tolist() == [1, 1] + [0] * 38
    seen = model.amplitude(line)
    np.testing.assert_array_equal(seen[:, :2], np.repeat(values[:, 0, 2:3], 2, axis=1))
    np.testing.assert_array_equal(seen[:, 2:], values[:, 0, 2:])
    assert np.flatnonzero(line["mark"].values).tolist() == [4, 17]
    assert "status-words" in codes(line)
    # what comes out of a step is radar throughout
    assert "status" not in model.with_amplitude(line, seen).coords
    # a cut of the window takes its flags along
    assert model.amplitude(line.isel(twt=slice(1, None)))[0, 0] == values[0, 0, 2]


@pytest.mark.parametrize(("dtype", "words"), [("i2", (0xFF00, 0)), ("i2", (0xFFFF, 0x8000)), ("i1", (0xFF, 0xF0))])
def test_constant_status_words_of_old_recorders(tmp_path: Path, dtype: str, words: tuple[int, int]) -> None:
    values = radar(30, 40, dtype, 1)
    half = 2 ** (8 * values.dtype.itemsize - 1)
    values[:, 0, 0], values[:, 0, 1] = words[0] - half, words[1] - half
    line = gs.read(make_dzt(tmp_path / "a.DZT", values))
    assert int(line["status"].sum()) == 2
    assert not line["mark"].values.any()


def test_radar_in_the_first_samples_is_left_alone(tmp_path: Path) -> None:
    line = gs.read(make_dzt(tmp_path / "a.DZT", radar(40, 64, "i2", 1)))
    assert "status" not in line.coords
    assert "status-words" not in codes(line)


def test_distance_from_marks(tmp_path: Path) -> None:
    status_file(tmp_path / "a.DZT", marks=(5, 10, 20), spm=0.0, mpm=2.0)
    line = gs.read(tmp_path / "a.DZT")
    distance = line["distance"].values
    assert distance[[0, 5, 10, 15, 20]] == pytest.approx([0, 2, 4, 5, 6])
    assert distance[25] == pytest.approx(7)  # the last rate goes on
    assert "distance-from-marks" in codes(line)


def test_time_triggered(tmp_path: Path) -> None:
    make_dzt(tmp_path / "a.DZT", radar(12, 32, "i2", 1), spm=0.0)
    line = gs.read(tmp_path / "a.DZT")
    assert "distance" not in line.coords
    assert "time-triggered" in codes(line)
    given = gs.read(tmp_path / "a.DZT", spacing="5 cm")
    assert model.trace_spacing(given) == pytest.approx(0.05)
    assert "time-triggered" not in codes(given)


def test_dual_frequency_has_one_antenna_per_channel(tmp_path: Path) -> None:
    line = gs.read(make_dzt(tmp_path / "a.DZT", radar(9, 32, "i4", 2), antennas=[b"300MHz", b"800MHz"]))
    assert line["frequency"].values.tolist() == [300, 800]
    nameless = gs.read(make_dzt(tmp_path / "b.DZT", radar(9, 32, "i4", 2), antennas=[b"300MHz", b"none"]))
    assert nameless["frequency"].values[0] == 300
    assert np.isnan(nameless["frequency"].values[1])
    assert "antenna-frequency-unknown" in codes(nameless)


@pytest.mark.parametrize("talker", ["GP", "GN", "BD"])
def test_dzg_with_blanks_and_any_talker(tmp_path: Path, talker: str) -> None:
    make_dzt(tmp_path / "LINE.DZT", radar(41, 32, "i2", 1), spm=20.0)
    step = 0.5 / 102_600  # half a metre east at this latitude, degrees
    blocks = []
    for i, scan in enumerate(range(0, 41, 10)):
        height = "" if talker == "GP" else "12.5"
        blocks.append(f"$GSSIS,{scan},-1\n{gga(3600 + i, 114.03 + i * step, 22.7, talker=talker, height=height)}\r\n\n")
    blocks.insert(2, "$GSSIS,15,-1\n\n")  # no sentence after it
    blocks.insert(3, "$GSSIS,16,-1\n$GPGGA,010001,,,,,0,00,,,M,,M,,*hh\r\n\n")
    (tmp_path / "line.dzg").write_bytes("".join(blocks).encode())
    line = gs.read(tmp_path / "LINE.DZT")
    assert line["x"].dims == ("trace",)
    assert "4547" in line["spatial_ref"].attrs["crs_wkt"]
    assert float(line["x"][40] - line["x"][0]) == pytest.approx(2.0, abs=0.02)
    assert float(line["x"][5]) == pytest.approx(float(line["x"][0] + line["x"][10]) / 2, abs=1e-6)
    assert ("gnss_height" in line.coords) == (talker != "GP")
    assert (line["fix_quality"].values == 4).all()
    assert str(line["time"].values[0]).startswith("2025-03-14T01:00:00")  # the header lends its date
    assert "gnss-date-borrowed" in codes(line)


def test_dzg_over_midnight(tmp_path: Path) -> None:
    make_dzt(tmp_path / "a.DZT", radar(31, 32, "i2", 1))
    text = ""
    for scan, second in ((0, 86399.0), (10, 0.0), (20, 1.0), (30, 2.0)):
        text += f"$GSSIS,{scan},-1\n{gga(second, 114.03 + scan * 1e-6, 22.7)}\r\n\n"
    rmc = nmea("GNRMC,235959.00,A,2242.0,N,11401.8,E,1.0,90,311225,,,A")
    (tmp_path / "a.DZG").write_bytes((f"$GSSIS,0,-1\n{rmc}\r\n" + text).encode())
    times = gs.read(tmp_path / "a.DZT")["time"].values
    assert str(times[0])[:19] == "2025-12-31T23:59:59"
    assert str(times[10])[:19] == "2026-01-01T00:00:00"
    assert (np.diff(times) > np.timedelta64(0, "ns")).all()


def test_invalid_fixes_are_dropped_and_counted(tmp_path: Path) -> None:
    make_dzt(tmp_path / "a.DZT", radar(31, 32, "i2", 1))
    text = "".join(f"$GSSIS,{scan},-1\n{gga(scan, 114.03, 22.7, quality=0)}\r\n\n" for scan in (0, 10, 20, 30))
    (tmp_path / "a.DZG").write_text(text)
    line = gs.read(tmp_path / "a.DZT")
    assert "x" not in line.coords
    assert {"gnss-quality-zero", "gnss-unusable"} <= codes(line)


DZX = """<?xml version="1.0" encoding="UTF-8"?>
<DZX xmlns="www.geophysical.com/DZX/1.02"><GlobalProperties><horizontalUnit>m</horizontalUnit>
<unitsPerScan>{spacing}</unitsPerScan><dielectric>9</dielectric></GlobalProperties>
<ChannelProperties><channel>0</channel><centerFreqMHz>350</centerFreqMHz></ChannelProperties>
<File><Profile><WayPt><scan>3</scan><mark>User</mark><distance>1.5</distance></WayPt>
<WayPt><scan>13</scan><mark>User</mark><distance>2.5</distance></WayPt><WayPt><scan>0</scan></WayPt>
<BinaryData size="3">#0V%T</BinaryData></Profile></File></DZX>"""


def test_dzx_marks_and_channels(tmp_path: Path) -> None:
    make_dzt(tmp_path / "a.DZT", radar(20, 32, "i2", 1), spm=0.0, antennas=[b"5103"])
    (tmp_path / "a.dzx").write_text(DZX.format(spacing="0.0"))
    line = gs.read(tmp_path / "a.DZT")
    assert np.flatnonzero(line["mark"].values).tolist() == [3, 13]
    assert float(line["distance"][13] - line["distance"][3]) == pytest.approx(1.0)
    assert float(line["frequency"]) == 350


def test_dzx_that_contradicts_the_header(tmp_path: Path) -> None:
    make_dzt(tmp_path / "a.DZT", radar(20, 32, "i2", 1), spm=20.0)
    (tmp_path / "a.DZX").write_text(DZX.format(spacing="0.02"))
    line = gs.read(tmp_path / "a.DZT")
    assert model.trace_spacing(line) == pytest.approx(0.05)
    assert "spacing-disagreement" in codes(line)


@pytest.mark.parametrize("text", ["", "<DZX", "<!DOCTYPE x [<!ENTITY a 'b'>]><DZX>&a;</DZX>", "\x00\x01"])
def test_broken_dzx_does_not_cost_the_line(tmp_path: Path, text: str) -> None:
    make_dzt(tmp_path / "a.DZT", radar(20, 32, "i2", 1))
    (tmp_path / "a.DZX").write_text(text)
    assert "side-file-unreadable" in codes(gs.read(tmp_path / "a.DZT"))


def test_truncated(tmp_path: Path) -> None:
    values = radar(12, 32, "i2", 2)
    path = make_dzt(tmp_path / "LINE012.DZT", values)
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(
        TruncatedFileError, match=r"LINE012\.DZT: .*32 samples.*2 channels.*on_truncated='trim'.*11 whole"
    ):
        gs.read(path)
    line = gs.read(path, on_truncated="trim")
    np.testing.assert_array_equal(line["amplitude"].values, values[:11].transpose(1, 0, 2))
    assert "truncated-file" in codes(line)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"bits": 24}, "bits"),
        ({"nsamp": 0}, "samples"),
        ({"window": 0.0}, "window"),
        ({"window": float("nan")}, "window"),
        ({"data": 500}, "past the end"),
    ],
)
def test_headers_that_cannot_be_trusted(tmp_path: Path, change: dict[str, float], word: str) -> None:
    fields = {"nsamp": 32, "bits": 16, **change}
    (tmp_path / "a.dzt").write_bytes(dzt_header(**fields) + dzt_samples(radar(9, 32, "i2", 1)))  # type: ignore[arg-type]
    with pytest.raises(ReadError, match=word):
        gs.read(tmp_path / "a.dzt")


def test_zero_permittivity_and_clipping_are_findings(tmp_path: Path) -> None:
    values = radar(30, 64, "i2", 1)
    values[5:20, 0, 30:36] = 32767
    line = gs.read(make_dzt(tmp_path / "a.DZT", values, epsr=0.0))
    assert {"permittivity-invalid", "clipped-samples"} <= codes(line)


def test_channel_headers_that_disagree(tmp_path: Path) -> None:
    values = radar(9, 32, "i2", 2)
    raw = dzt_header(nsamp=32, bits=16, nchan=2) + dzt_header(nsamp=64, bits=16, nchan=2) + dzt_samples(values)
    (tmp_path / "a.DZT").write_bytes(raw)
    assert "channel-headers-disagree" in codes(gs.read(tmp_path / "a.DZT"))


def test_a_header_that_contradicts_itself(tmp_path: Path) -> None:
    """Depth and permittivity imply another window than the one stated: by a factor of ten."""
    path = make_dzt(tmp_path / "a.dzt", radar(20, 64, "i2", 1), depth=0.25)
    found = {f.code: f for f in load(gs.read(path))}
    assert found["window-disagreement"].severity == "warning"
    assert "rhf_range, ns 50" in found["window-disagreement"].evidence
    assert "window-disagreement" not in codes(gs.read(make_dzt(tmp_path / "b.dzt", radar(20, 64, "i2", 1))))
    raw = bytearray(make_dzt(tmp_path / "c.dzt", radar(20, 64, "i2", 2)).read_bytes())
    struct.pack_into("<f", raw, 1024 + 26, 100.0)
    (tmp_path / "c.dzt").write_bytes(raw)
    found = {f.code: f for f in load(gs.read(tmp_path / "c.dzt"))}
    assert "channel 1, ns 100" in found["channel-windows-disagree"].evidence


def test_picks_and_ranges_of_a_dzx(tmp_path: Path) -> None:
    """RADAN keeps layers and targets as groups of points: scan, sample, channel, property."""
    path = make_dzt(tmp_path / "a.dzt", radar(20, 64, "i2", 1))
    points = "".join(
        f"<LayerWayPt><scanSampChanProp>{s},{30 + s},0,2</scanSampChanProp><timeAmpDepVel>{5 + s},1,0,0</timeAmpDepVel>"
        "</LayerWayPt>"
        for s in range(3)
    )
    (tmp_path / "a.DZX").write_text(
        '<DZX xmlns="www.geophysical.com/DZX/1.02"><GlobalProperties><dielectric>4</dielectric></GlobalProperties>'
        f"<LayerGroup><layerNum>0</layerNum><groupName>base</groupName>{points}</LayerGroup>"
        "<TargetGroup><groupName>pipe</groupName><TargetWayPt><scanSampChanProp>7,40,0,0</scanSampChanProp></TargetWayPt>"
        "<TargetWayPt><scanSampChanProp>x,40,0,0</scanSampChanProp></TargetWayPt></TargetGroup>"
        "<File><scanRange>0,99</scanRange><Profile><WayPt><scan>4</scan><mark>User</mark></WayPt></Profile></File></DZX>"
    )
    line = gs.read(path)
    picks = json.loads(line.attrs["vendor_header"])["picks"]
    assert picks[0] == {"group": "base", "kind": "layer", "points": [[0, 30, 0, 5.0], [1, 31, 0, 6.0], [2, 32, 0, 7.0]]}
    assert picks[1] == {"group": "pipe", "kind": "target", "points": [[7, 40, 0, None]]}
    assert np.flatnonzero(line["mark"]).tolist() == [4]
    assert {"picks-in-side-file", "trace-count-disagreement", "permittivity-disagreement"} <= codes(line)
