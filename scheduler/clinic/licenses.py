"""How long a license is valid: until the end of its last day, local date. Pure."""

from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from scheduler.clinic.hours import MINUTES_PER_DAY, moment
from scheduler.infra.intervals import Interval, Minute


def valid_on(expires_on: date, day: date) -> bool:
    """Whether a license is valid on a local date."""
    return day <= expires_on


def ends_at(expires_on: date, zone: ZoneInfo) -> Minute:
    """The first minute without a license: midnight after its last day, in the zone."""
    return moment(expires_on, MINUTES_PER_DAY, zone)


def cut(working: Iterable[Interval], expires_on: date, zone: ZoneInfo) -> list[Interval]:
    """The part of the working time, in the same order, that the license covers."""
    end = ends_at(expires_on, zone)
    return [Interval(start, min(stop, end)) for start, stop in working if start < end]
