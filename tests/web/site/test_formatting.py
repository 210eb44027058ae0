"""Dates and times as people read them."""

from collections.abc import Iterator
from contextvars import copy_context
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from scheduler.i18n import translation
from scheduler.web.site import formatting, view_models
from scheduler.web.site.view_models import Locale

AMERICAN = formatting.date_format_of("US")
GERMAN = formatting.date_format_of("DE")
MONDAY = date(2027, 1, 11)


def test_a_day_is_written_as_the_country_writes_it() -> None:
    assert AMERICAN.day(MONDAY) == "Monday, January 11"
    assert GERMAN.day(MONDAY) == "Monday 11 January"


def test_the_year_is_said_only_where_it_is_another() -> None:
    assert GERMAN.day(MONDAY, today=date(2026, 12, 1)) == "Monday 11 January 2027"
    assert AMERICAN.on(MONDAY, today=date(2026, 12, 1)) == "January 11, 2027"
    assert GERMAN.day(MONDAY, today=date(2027, 12, 1)) == "Monday 11 January"


@pytest.mark.parametrize(
    ("start", "end", "american", "german"),
    [
        (time(9, 0), time(9, 40), "9:00 to 9:40 am", "9:00 to 9:40"),
        (time(11, 40), time(12, 20), "11:40 am to 12:20 pm", "11:40 to 12:20"),
        (time(0, 5), time(0, 45), "12:05 to 12:45 am", "0:05 to 0:45"),
    ],
)
def test_a_span_says_am_once(start: time, end: time, american: str, german: str) -> None:
    assert AMERICAN.span(start, end) == american
    assert GERMAN.span(start, end) == german


def test_a_session_in_an_hour_that_comes_twice_says_which_it_is_in() -> None:
    zone = ZoneInfo("America/New_York")
    place = Locale(zone=zone, dates=AMERICAN, today=MONDAY)
    first, second = (
        view_models.session_view(
            place,
            number=1,
            phase=1,
            starts_at=datetime(2027, 11, 7, 1, 30, tzinfo=zone, fold=fold),
            minutes=40,
            practitioner="Kim Example",
        )
        for fold in (0, 1)
    )

    assert (first.time, second.time) == ("1:30 to 1:10 am (EDT)", "1:30 to 2:10 am (EST)")


def test_a_week_names_the_month_once() -> None:
    assert GERMAN.week(MONDAY) == "11 to 17 January"
    assert AMERICAN.week(MONDAY) == "January 11 to 17"
    assert GERMAN.week(date(2027, 3, 29)) == "29 March to 4 April"


def test_a_duration_is_told_in_hours_and_minutes() -> None:
    assert formatting.duration(40) == "40 minutes"
    assert formatting.duration(60) == "1 hour"
    assert formatting.duration(400) == "6 hours and 40 minutes"


def test_a_regular_course_is_told_by_its_rhythm() -> None:
    mondays = [datetime(2027, 1, day, 9, 0) for day in (11, 18, 25)]  # noqa: DTZ001 - wall time
    thursdays = [datetime(2027, 1, day, 9, 0) for day in (14, 21)]  # noqa: DTZ001
    late = [datetime(2027, 1, 21, 14, 0)]  # noqa: DTZ001

    assert formatting.rhythm(mondays, GERMAN) == "Mondays at 9:00"
    assert formatting.rhythm(mondays + thursdays, AMERICAN) == "Mondays and Thursdays at 9:00 am"
    assert formatting.rhythm(mondays + late, GERMAN) == "Mondays and Thursdays, at different times"
    assert formatting.rhythm(late, GERMAN) == "Thursday at 14:00"


def test_spanish_is_spanish_in_every_country(spanish: None) -> None:
    american = formatting.date_format_of("US")

    assert american.day(MONDAY) == "lunes 11 de enero"
    assert american.day(MONDAY, today=date(2026, 12, 1)) == "lunes 11 de enero de 2027"
    assert american.week(MONDAY) == "del 11 al 17 de enero"
    assert american.week(date(2027, 3, 29)) == "del 29 de marzo al 4 de abril"
    assert american.span(time(9, 0), time(9, 40)) == "9:00 a 9:40 am"
    assert translation.weekday_names()[0] == "lunes"
    assert formatting.duration(400) == "6 horas y 40 minutos"


@pytest.fixture
def spanish() -> Iterator[None]:
    translation.activate("es")
    yield
    translation.activate("en")


def test_a_week_of_another_year_than_it_is_read_in_is_told_with_it() -> None:
    def weeks() -> list[str]:
        translation.set_display_year(2027)
        return [
            GERMAN.week(date(2028, 1, 10)),
            AMERICAN.week(date(2028, 1, 10)),
            GERMAN.week(date(2027, 12, 27)),
            AMERICAN.week(date(2027, 12, 27)),
            GERMAN.week(date(2027, 12, 20)),
        ]

    assert copy_context().run(weeks) == [
        "10 to 16 January 2028",
        "January 10 to 16, 2028",
        "27 December 2027 to 2 January 2028",
        "December 27, 2027 to January 2, 2028",
        "20 to 26 December",
    ]


@pytest.mark.parametrize(
    ("country", "language", "day"),
    [("US", "en", "March 8"), ("DE", "en", "8 March"), ("US", "es", "8 de marzo")],
)
def test_rooms_write_a_day_as_pages_do(country: str, language: str, day: str) -> None:
    def written() -> tuple[str, str]:
        translation.activate(language)
        translation.set_country(country)
        return translation.format_day(date(2027, 3, 8)), formatting.date_format_of(country).on(
            date(2027, 3, 8)
        )

    assert copy_context().run(written) == (day, day)
