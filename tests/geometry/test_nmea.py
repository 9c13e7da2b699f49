"""NMEA sentences against an independent parser, and with every fault of real logs."""

from __future__ import annotations

import datetime
import math

import numpy as np
import pynmeagps
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprscan.geometry.nmea import NmeaError, NmeaLog, checksum, parse_sentence, write_gga, write_gst, write_rmc

GGA = "$GPGGA,195235.000,3531.51154,N,11947.11566,W,2,10,0.9,168.0,M,-29.8,M,1,138*69"
RMC = "$GPRMC,120657.00,A,4611.946689,N,01258.218589,E,000.7,207.3,061011,0.2,E,A*39"


def sealed(body: str) -> str:
    return f"${body}*{checksum(body):02X}"


def test_against_pynmeagps() -> None:
    ours = parse_sentence(GGA)
    theirs = pynmeagps.NMEAReader.parse(GGA + "\r\n")
    assert ours is not None
    assert ours.latitude == pytest.approx(theirs.lat, abs=1e-9)
    assert ours.longitude == pytest.approx(theirs.lon, abs=1e-9)
    assert (ours.quality, ours.height, ours.separation) == (theirs.quality, theirs.alt, theirs.sep)
    assert ours.time == theirs.time.hour * 3600 + theirs.time.minute * 60 + theirs.time.second
    ours, theirs = parse_sentence(RMC), pynmeagps.NMEAReader.parse(RMC + "\r\n")
    assert ours is not None
    assert ours.date == theirs.date
    assert ours.latitude == pytest.approx(theirs.lat, abs=1e-9)


@given(
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.integers(1, 8),
    st.floats(-400, 9000) | st.just(math.nan),
    st.datetimes(datetime.datetime(1981, 1, 1), datetime.datetime(2079, 1, 1)),
    st.floats(0.001, 50),
)
def test_what_is_written_is_read_here_and_elsewhere(
    lon: float, lat: float, quality: int, height: float, when: datetime.datetime, sigma: float
) -> None:
    time = np.datetime64(when, "ns")
    texts = (write_rmc(time, lon, lat), write_gga(time, lon, lat, quality, height), write_gst(time, sigma))
    log = NmeaLog()
    for text in texts:
        log.add(text, 3.0)
        assert pynmeagps.NMEAReader.parse(text + "\r\n") is not None
    theirs = pynmeagps.NMEAReader.parse(texts[1] + "\r\n")
    assert theirs.lat == pytest.approx(lat, abs=1e-8)
    assert theirs.lon == pytest.approx(lon, abs=1e-8)
    fixes = log.fixes()
    assert len(fixes) == 1
    assert fixes.longitude[0] == pytest.approx(lon, abs=2e-10)
    assert fixes.latitude[0] == pytest.approx(lat, abs=2e-10)
    assert fixes.quality is not None
    assert fixes.time is not None
    assert fixes.height is not None
    assert fixes.quality[0] == quality
    assert abs((fixes.time[0] - time).astype("i8")) < 1000
    assert fixes.height[0] == pytest.approx(height, abs=1e-4, nan_ok=True)
    assert fixes.sigmas()[0] == pytest.approx(sigma, abs=1e-3)
    assert not fixes.findings


@pytest.mark.parametrize("talker", ["GP", "GN", "GL", "GA", "BD", "GB", "QZ"])
def test_any_talker(talker: str) -> None:
    sentence = parse_sentence(sealed(f"{talker}GGA,000320,4739.2552,N,12218.5815,W,0,00,,,M,,M,,"))
    assert sentence is not None
    assert sentence.quality == 0
    assert math.isnan(sentence.height)
    assert sentence.longitude == pytest.approx(-(122 + 18.5815 / 60))


@pytest.mark.parametrize("text", ["", "GSSIS,1,-1", "$GPGSV,3,1,10*7D", "$GSSIS,23,-1", "no sentence", "$"])
def test_other_lines_are_skipped(text: str) -> None:
    assert parse_sentence(text) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (GGA[:-2] + "00", "checksum"),
        (GGA[:-1], "checksum"),
        (GGA[:40], "cut off"),
        (sealed("GPGGA,256199.0,3531.5,N,11947.1,W,2,10,0.9,1,M,1,M,,"), "time"),
        (sealed("GPGGA,120000,9931.5,N,11947.1,W,2,10,0.9,1,M,1,M,,"), "angle"),
        (sealed("GPGGA,120000,35x1.5,N,11947.1,W,2,10,0.9,1,M,1,M,,"), "float"),
        (sealed("GPRMC,120000,A,3531.5,N,11947.1,W,0,0,321399,,,A"), "day|month"),
    ],
)
def test_damaged_sentences(text: str, word: str) -> None:
    with pytest.raises(NmeaError, match=word):
        parse_sentence(text)


@given(st.text(max_size=80) | st.text("$GPAR,.*0123456789NSEW", max_size=80).map(lambda t: "$GPGGA" + t))
def test_rubbish_is_counted_never_fatal(text: str) -> None:
    log = NmeaLog("x")
    for trace in range(3):
        log.add(text, float(trace))
    assert log.fixes() is not None


def test_faults_are_counted() -> None:
    log = NmeaLog("a.dzg")
    for i in range(20):
        log.add(sealed(f"GPGGA,0000{i:02d},2242.0,N,11401.8,E,4,9,1.0,5,M,1,M,,"), i)
    log.add(GGA[:-2] + "00", 20)
    log.add("$GPGGA,1,2", 21)
    assert (log.checksum_failures, log.malformed) == (1, 1)
    fixes = log.fixes()
    assert len(fixes) == 20
    finding = fixes.findings[0]
    assert finding.code == "nmea-faults"
    assert "1 checksum failures, 1 malformed, 20 good" in finding.evidence


def test_midnight_and_borrowed_date() -> None:
    log = NmeaLog()
    for trace, clock in enumerate(("235958", "235959", "000000", "000001")):
        log.add(sealed(f"GPGGA,{clock},2242.0,N,11401.8,E,4,9,1.0,5,M,1,M,,"), trace)
    assert log.fixes().time is not None
    assert np.isnat(log.fixes().time).all()  # type: ignore[arg-type]
    times = log.fixes(datetime.date(2023, 12, 31)).time
    assert times is not None
    assert [str(t)[:19] for t in times] == [
        "2023-12-31T23:59:58",
        "2023-12-31T23:59:59",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:01",
    ]


def test_positions_of_rmc_fill_blank_gga() -> None:
    log = NmeaLog()
    log.add(sealed("GPRMC,120000,A,2242.0,N,11401.8,E,0,0,010125,,,A"), 0)
    log.add(sealed("GPGGA,,,,,,0,03,,,M,,M,,"), 0)
    log.add(sealed("GPRMC,120001,V,,,,,,,010125,,,N"), 1)
    log.add(sealed("GPGGA,120001,2242.1,N,11401.8,E,1,9,1.0,5,M,1,M,,"), 1)
    fixes = log.fixes()
    assert fixes.trace.tolist() == [0, 1]
    assert fixes.quality is not None
    assert fixes.quality.tolist() == [1, 1]
    assert any(f.code == "gnss-blank" for f in fixes.findings)


def test_accuracy_by_quality_where_the_receiver_states_none() -> None:
    log = NmeaLog()
    for trace, quality in enumerate((1, 2, 4, 5)):
        log.add(sealed(f"GPGGA,12000{trace},2242.0,N,11401.8,E,{quality},9,1.0,5,M,1,M,,"), trace)
    assert np.argsort(log.fixes().sigmas()).tolist() == [2, 3, 1, 0]
