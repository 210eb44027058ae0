"""Sessions as an iCalendar file (RFC 5545). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

REFRESH_INTERVAL = timedelta(hours=4)
"""How often calendar programs should read the file again."""


@dataclass(frozen=True)
class CalendarEvent:
    """One session in a calendar. It does not reveal the treatment."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    zone: ZoneInfo
    summary: str
    description: str
    location: str
    sequence: int
    changed_at: datetime
    cancelled: bool


def render(name: str, sessions: Iterable[CalendarEvent]) -> bytes:
    """The file in UTF-8. Times are wall times in the clinic's zone, which the file defines."""
    calendar = Calendar()
    calendar.add("prodid", "-//scheduler//courses//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", name)
    calendar.add("refresh-interval", REFRESH_INTERVAL, parameters={"value": "DURATION"})
    for session in sessions:
        calendar.add_component(_event(session))
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _event(session: CalendarEvent) -> Event:
    event = Event()
    event.add("uid", session.uid)
    event.add("dtstamp", session.changed_at)
    event.add("last-modified", session.changed_at)
    event.add("dtstart", session.starts_at.astimezone(session.zone))
    event.add("dtend", session.ends_at.astimezone(session.zone))
    event.add("summary", session.summary)
    event.add("description", session.description)
    event.add("location", session.location)
    event.add("sequence", session.sequence)
    event.add("status", "CANCELLED" if session.cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    return event
