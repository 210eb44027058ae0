from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar

from scheduler.feeds import ical

NEW_YORK = ZoneInfo("America/New_York")
BEFORE_THE_CHANGE = datetime(2027, 3, 11, 9, 0, tzinfo=NEW_YORK)


def session(number: int, starts_at: datetime, **other: object) -> ical.CalendarEvent:
    values = {
        "uid": f"session-{number}@clinic.example",
        "starts_at": starts_at.astimezone(UTC),
        "ends_at": starts_at.astimezone(UTC) + timedelta(minutes=40),
        "zone": NEW_YORK,
        "summary": f"Session {number}",
        "description": "Eat something about two hours before.",
        "location": "Willow",
        "sequence": 0,
        "changed_at": datetime(2027, 1, 1, tzinfo=UTC),
        "cancelled": False,
    }
    return ical.CalendarEvent(**(values | other))  # type: ignore[arg-type]


def test_sessions_keep_their_wall_time_across_a_clock_change() -> None:
    after = datetime(2027, 3, 18, 9, 0, tzinfo=NEW_YORK)

    file = ical.render("Willow", [session(1, BEFORE_THE_CHANGE), session(2, after)])

    events = Calendar.from_ical(file).walk("VEVENT")
    assert [event.decoded("dtstart").isoformat() for event in events] == [
        "2027-03-11T09:00:00-05:00",
        "2027-03-18T09:00:00-04:00",
    ]
    assert [event["dtstart"].params["TZID"] for event in events] == ["America/New_York"] * 2
    assert len(Calendar.from_ical(file).walk("VTIMEZONE")) == 1


def test_a_cancelled_session_stays_in_the_file_as_cancelled() -> None:
    file = ical.render("Willow", [session(1, BEFORE_THE_CHANGE, cancelled=True, sequence=3)])

    event = Calendar.from_ical(file).walk("VEVENT")[0]
    assert (event["status"], event["sequence"]) == ("CANCELLED", 3)


def test_line_breaks_in_a_name_make_no_second_event() -> None:
    hostile = "Willow\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nSUMMARY:free"

    file = ical.render("Willow", [session(1, BEFORE_THE_CHANGE, location=hostile)])

    assert file.count(b"\r\nBEGIN:VEVENT") == 1
