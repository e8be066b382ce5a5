"""Times as people have them, and as they go over the wire."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixxel_async._codec.times import instant, interval, rfc3339
from pixxel_async.errors import InvalidInput

JANUARY = datetime(2024, 1, 1, tzinfo=UTC)
MAY = datetime(2024, 5, 27, 6, 50, 20, 56549, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (JANUARY, "2024-01-01T00:00:00Z"),
        (datetime(2024, 1, 1, tzinfo=INDIA), "2023-12-31T18:30:00Z"),
        (MAY, "2024-05-27T06:50:20.056Z"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01t05:30:00.5+05:30", "2024-01-01T00:00:00.500Z"),
        ("2024-01-01 00:00:00z", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.123Z"),
    ],
)
def test_an_instant_is_sent_in_utc_with_milliseconds_if_any(value, expected):
    assert expected == instant(value)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (datetime(2024, 1, 1), "has no time zone; give it one"),
        ("2024-01-01T00:00:00", "with its time zone; give an aware datetime"),
        ("2024-01-01", "with its time zone; give an aware datetime"),
        ("2024-01-01T00:00Z", "with its time zone"),
        ("2024-02-30T00:00:00Z", "is not a point in time: day"),
        ("２０２４-01-01T00:00:00Z", "is not a point in time"),
        ("", "is not a point in time"),
        ("yesterday", "is not a point in time"),
        ("2024-01-01T00:00:00Z/..", "is not a point in time"),
        (date(2024, 1, 1), "is not a point in time"),
        (1704067200, "is not a point in time"),
        (True, "is not a point in time"),
        (None, "is not a point in time"),
        ("0001-01-01T00:00:00+05:30", "outside the years 1 to 9999"),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2))), "outside the years 1 to 9999"),
    ],
)
def test_what_is_no_instant_is_refused_with_a_remedy(value, problem):
    with pytest.raises(InvalidInput, match=problem):
        instant(value)


@given(
    st.datetimes(
        timezones=st.timezones() | st.just(UTC), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)
    )
)
def test_an_instant_loses_less_than_a_millisecond(moment):
    sent = datetime.fromisoformat(instant(moment))
    assert timedelta(0) <= moment.astimezone(UTC) - sent < timedelta(milliseconds=1)
    assert instant(moment) == instant(instant(moment))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (JANUARY, "2024-01-01T00:00:00Z"),
        ((JANUARY, MAY), "2024-01-01T00:00:00Z/2024-05-27T06:50:20.056549Z"),
        ((JANUARY, None), "2024-01-01T00:00:00Z/.."),
        ((None, "2024-05-27T12:20:20+05:30"), "../2024-05-27T06:50:20Z"),
        ([JANUARY, JANUARY], "2024-01-01T00:00:00Z/2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00Z"),
        ("2024-01-01T00:00:00Z/..", "2024-01-01T00:00:00Z/.."),
        ("/2024-01-01T00:00:00Z", "../2024-01-01T00:00:00Z"),
    ],
)
def test_an_interval_is_one_instant_or_two_with_dots_for_an_open_side(value, expected):
    assert expected == interval(value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_interval_keeps_microseconds_so_that_an_item_is_found_by_its_own_time(moment):
    assert moment == datetime.fromisoformat(interval(moment))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ((MAY, JANUARY), "ends before it starts; swap the two"),
        ("2024-05-27T00:00:00Z/2024-01-01T00:00:00Z", "ends before it starts"),
        ((None, None), "open on both sides; leave it out"),
        ("../..", "open on both sides"),
        ((JANUARY,), "has 1 sides"),
        ("2024-01-01T00:00:00Z/../..", "has 3 sides"),
        ((JANUARY, datetime(2024, 5, 27)), "has no time zone"),
        ("2024-01-01/2024-02-01", "'2024-01-01' is not a point in time with its time zone"),
        (5, "is not a point in time"),
    ],
)
def test_what_is_no_interval_is_refused_with_a_remedy(value, problem):
    with pytest.raises(InvalidInput, match=problem):
        interval(value)


def test_a_time_without_zone_is_refused():
    with pytest.raises(InvalidInput, match="has no time zone: make it aware"):
        rfc3339(datetime(2024, 5, 27))


def test_a_time_that_has_no_year_in_utc_keeps_its_offset():
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))
    assert "0001-01-01T00:00:00+05:00" == rfc3339(first)
    assert first == datetime.fromisoformat(rfc3339(first))
