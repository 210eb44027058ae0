"""Why a time is not available, in the language of the reader."""

from scheduler.booking.availability.limits import Limit
from scheduler.booking.availability.unavailability import Cause
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked

CAUSES = {
    Cause.PACE: marked("nothing that keeps the pace is free"),
    Cause.PATIENT_TAKEN: marked("you have other sessions"),
    Cause.NO_ROOM: marked("no bed is free"),
    Cause.ALL_TAKEN: marked("everybody who gives this treatment is taken or away"),
    Cause.WISHED_TAKEN: marked("the practitioner you want is taken or away"),
    Cause.CLOSED: marked("the clinic is closed"),
    Cause.NOBODY_WORKS: marked("nobody works"),
    Cause.WISHED_OFF: marked("the practitioner you want does not work"),
}
"""Words before "on 8 March"."""

REASONS = {
    Limit.PAST: "it is in the past",
    Limit.ALREADY_STARTED: "it has already begun",
    Limit.SHORT_NOTICE: "it is too soon",
    Limit.BEYOND_HORIZON: "it is further ahead than can be booked",
    Limit.SAME_DAY: "another session of the course is on that day",
    Limit.OUTSIDE_HOURS: "it is outside the practitioner's hours",
    Limit.LICENSE_EXPIRED: "the practitioner's license has expired by then",
    Limit.CLOSED: "the clinic is closed",
    Limit.OFF_GRID: "it is not a start time of this treatment",
    Limit.OFF_PACE: "it breaks the pace of the course",
    Limit.DAILY_LIMIT: "the practitioner has as many sessions on that day as they may",
    Limit.IN_BREAK: "it would leave the practitioner no break",
    Limit.PRACTITIONER_TAKEN: "the practitioner is taken",
    Limit.ROOM_TAKEN: "no room is free",
    Limit.PATIENT_TAKEN: "the patient has another session then",
}
"""Words after "because". Only staff read them, in English."""


def cause(found: Cause) -> str:
    return _(CAUSES[found])


def reason(found: Limit) -> str:
    return REASONS[found]
