"""Times: every spelling that clients send is read as the same instant, and ours are read back unchanged."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tocsin.times import MAX_OFFSET_MIN, Instant, iso_form, parse_offset, parse_time, z_form, z_form_seconds

CHINA = 480
MIN_MS, MAX_MS = -62_135_596_800_000, 253_402_300_799_999


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000


NOON = utc_ms("2023-02-25T04:00:29")  # 12:00:29 in China


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the Z-form: its Z does not mean UTC
        ("2023-02-25T12:00:29.623Z+0800", Instant(NOON + 623, CHINA)),
        ("2023-02-25T12:00:29Z+0800", Instant(NOON, CHINA)),
        ("2023-02-25T12:00:29.623Z+08:00", Instant(NOON + 623, CHINA)),
        ("2023-02-24T22:00:29.623Z-0600", Instant(NOON + 623, -360)),
        ("2021-01-30T23:00:00Z+0800", Instant(utc_ms("2021-01-30T15:00:00"), CHINA)),
        ("2024-08-15T19:18:38Z+0800", Instant(utc_ms("2024-08-15T11:18:38"), CHINA)),
        # the ISO-form
        ("2022-11-12T14:14:09.098+08:00", Instant(utc_ms("2022-11-12T06:14:09") + 98, CHINA)),
        ("2022-11-12T14:14:09+0800", Instant(utc_ms("2022-11-12T06:14:09"), CHINA)),
        ("2023-02-24T22:00:29-0600", Instant(NOON, -360)),
        ("2023-02-25T09:30:29+05:30", Instant(NOON, 330)),
        ("2023-02-25T04:00:29-00:00", Instant(NOON, 0)),
        ("2023-02-25T22:00:29+18:00", Instant(NOON, 1080)),
        # plain UTC
        ("2023-02-20T00:00:00.000Z", Instant(utc_ms("2023-02-20T00:00:00"), 0)),
        ("2023-02-25T04:00:29Z", Instant(NOON, 0)),
        # spaces
        ("2023-02-25 12:00:29", Instant(NOON, CHINA)),
        ("2023-02-25 12:00:29 +0800", Instant(NOON, CHINA)),
        ("2023-02-25T12:00:29.623Z +0800", Instant(NOON + 623, CHINA)),
        # fractions are cut, not rounded
        ("2023-02-25T12:00:29.6+08:00", Instant(NOON + 600, CHINA)),
        ("2023-02-25T12:00:29.0009+08:00", Instant(NOON, CHINA)),
        ("2023-02-25T12:00:29.623999999+08:00", Instant(NOON + 623, CHINA)),
        ("1969-12-31T23:59:59.9999Z", Instant(-1, 0)),
        # no zone: the default
        ("2023-02-25T12:00:29.623", Instant(NOON + 623, CHINA)),
        ("2023-02-25", Instant(utc_ms("2023-02-24T16:00:00"), CHINA)),
        # the ends, and leap days
        ("0001-01-01T00:00:00.000Z", Instant(MIN_MS, 0)),
        ("9999-12-31T23:59:59.999Z", Instant(MAX_MS, 0)),
        ("2024-02-29T08:00:00Z+0800", Instant(utc_ms("2024-02-29T00:00:00"), CHINA)),
    ],
)
def test_a_time_is_read_in_every_spelling(text: str, expected: Instant) -> None:
    assert parse_time(text, CHINA) == expected


def test_only_a_time_without_zone_takes_the_default_offset() -> None:
    assert parse_time("2023-02-25T12:00:29", -360) == Instant(utc_ms("2023-02-25T18:00:29"), -360)
    assert parse_time("2023-02-25T12:00:29Z", -360).offset_min == 0
    assert parse_time("2023-02-25T12:00:29Z+0800", -360).offset_min == CHINA


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "write it like"),
        ("yesterday", "write it like"),
        ("1677297629623", "write it like"),
        ("20230225T120029Z", "write it like"),
        ("2023-2-5T12:00:29Z", "write it like"),
        ("2023-02-25T12:00", "write it like"),
        ("2023-02-25T12:00:29.Z", "write it like"),
        ("2023-02-25T12:00:29.1234567890Z", "write it like"),
        ("2023-02-25T12:00:29,623Z", "write it like"),
        ("2023-02-25t12:00:29z", "write it like"),
        ("2023-02-25  12:00:29", "write it like"),
        ("2023-02-25T12:00:29  +0800", "write it like"),
        ("2023-02-25T12:00:29 Z", "write it like"),
        ("2023-02-25T12:00:29+08", "write it like"),
        ("2023-02-25T12:00:29Z0800", "write it like"),
        ("2023-02-25T12:00:29+0800Z", "write it like"),
        ("2023-02-25T12:00:29\u22120600", "write it like"),  # a minus sign that is none
        ("2023-02-25Z", "write it like"),
        ("2023-02-25T12:00:29Z\n", "write it like"),
        (" 2023-02-25T12:00:29Z", "write it like"),
        ("２023-02-25T12:00:29Z", "write it like"),
        ("٢٠٢٣-02-25T12:00:29Z", "write it like"),
        ("-2023-02-25T12:00:29Z", "write it like"),
        ("2023-13-01T12:00:29Z", "no day"),
        ("2023-00-01T12:00:29Z", "no day"),
        ("2023-02-29T12:00:29Z", "no day"),
        ("2023-02-00T12:00:29Z", "no day"),
        ("0000-01-01T12:00:29Z", "no day"),
        ("2023-02-25T24:00:00Z", "no time of day"),
        ("2023-02-25T12:60:00Z", "no time of day"),
        ("2016-12-31T23:59:60Z", "no time of day"),
        ("2023-02-25T12:00:29+18:01", "offsets run"),
        ("2023-02-25T12:00:29-1900", "offsets run"),
        ("2023-02-25T12:00:29+0860", "offsets run"),
        ("0001-01-01T00:00:00.000Z+0800", "years 0001-9999"),
        ("9999-12-31T23:59:59.999-00:01", "years 0001-9999"),
        ("0001-01-01", "years 0001-9999"),
        ("2023-02-25T12:00:29Z" + " " * 45, "at most 64"),
    ],
)
def test_what_is_no_time_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_time(text, CHINA)


@given(
    st.one_of(
        st.text(),
        st.text("0123456789-+:.TZ ", max_size=34),
        st.from_regex(
            re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{0,10})?Z?( ?[+-]\d\d:?\d\d)?"), fullmatch=True
        ),
    )
)
def test_garbage_is_a_value_error_and_nothing_else(text: str) -> None:
    try:
        instant = parse_time(text, CHINA)
    except ValueError:
        return
    assert parse_time(z_form(*instant), 0) == instant


@st.composite
def instants(draw: st.DrawFn) -> Instant:
    offset_min = draw(st.integers(-MAX_OFFSET_MIN, MAX_OFFSET_MIN))
    ms = draw(st.integers(MIN_MS, MAX_MS))
    assume(MIN_MS <= ms + offset_min * 60_000 <= MAX_MS)
    return Instant(ms, offset_min)


@given(instants(), st.integers(-MAX_OFFSET_MIN, MAX_OFFSET_MIN))
@example(Instant(MIN_MS, 0), 0)
@example(Instant(MAX_MS, 0), 0)
@example(Instant(MIN_MS, MAX_OFFSET_MIN), 0)
@example(Instant(MAX_MS, -MAX_OFFSET_MIN), 0)
@example(Instant(-1, -1), 0)
def test_what_we_write_is_read_back_unchanged(instant: Instant, default_offset_min: int) -> None:
    assert parse_time(z_form(*instant), default_offset_min) == instant
    assert parse_time(iso_form(*instant), default_offset_min) == instant
    whole_seconds = instant.ms - instant.ms % 1000
    assert parse_time(z_form_seconds(*instant), default_offset_min) == (whole_seconds, instant.offset_min)


@given(instants())
def test_the_iso_form_is_what_the_standard_library_reads(instant: Instant) -> None:
    moment = datetime.fromisoformat(iso_form(*instant))
    assert moment.isoformat(timespec="milliseconds") == iso_form(*instant)


def test_our_spellings() -> None:
    assert z_form(NOON + 623, CHINA) == "2023-02-25T12:00:29.623Z+0800"
    assert z_form_seconds(NOON + 623, CHINA) == "2023-02-25T12:00:29Z+0800"
    assert iso_form(NOON + 623, CHINA) == "2023-02-25T12:00:29.623+08:00"
    assert z_form(NOON, -210) == "2023-02-25T00:30:29.000Z-0330"
    assert iso_form(NOON, 0) == "2023-02-25T04:00:29.000+00:00"
    assert iso_form(-1, 0) == "1969-12-31T23:59:59.999+00:00"


@pytest.mark.parametrize("spell", [z_form, z_form_seconds, iso_form])
@pytest.mark.parametrize(
    ("ms", "offset_min"),
    [(MIN_MS - 1, 0), (MAX_MS + 1, 0), (MIN_MS, -1), (MAX_MS, 1), (MIN_MS - 1, 60), (10**30, 0), (0, 1081), (0, -1081)],
)
def test_what_has_no_spelling_is_refused(spell: Callable[[int, int], str], ms: int, offset_min: int) -> None:
    with pytest.raises(ValueError, match=r"0001-9999|offsets run"):
        spell(ms, offset_min)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("+0800", 480), ("+08:00", 480), ("-0530", -330), ("+0000", 0), ("-00:00", 0), ("+1800", 1080), ("-18:00", -1080)],
)
def test_an_offset_is_read_with_and_without_colon(text: str, minutes: int) -> None:
    assert parse_offset(text) == minutes


@pytest.mark.parametrize(
    "text", ["", "0800", "+8", "+8:00", "Z", "+08:0", "+08000", "+0800 ", "+1801", "+0160", "+٠٨00"]
)
def test_what_is_no_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="offset"):
        parse_offset(text)
