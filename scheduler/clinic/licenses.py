"""Until when a practitioner may work. A licence holds on the day it expires, local date. Pure."""

from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from scheduler.clinic.hours import DAY, moment
from scheduler.infra.intervals import Interval, Minute


def valid_on(expires_on: date, day: date) -> bool:
    """Whether a licence still holds on a local date."""
    return day <= expires_on


def ends_at(expires_on: date, zone: ZoneInfo) -> Minute:
    """The first minute without a licence: midnight after the day it expires, in the zone."""
    return moment(expires_on, DAY, zone)


def cut(working: Iterable[Interval], expires_on: date, zone: ZoneInfo) -> list[Interval]:
    """The part of working time, in the same order, that the licence covers."""
    end = ends_at(expires_on, zone)
    return [Interval(start, min(stop, end)) for start, stop in working if start < end]
