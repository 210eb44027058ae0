"""Why a time is not available, in the language of the reader."""

from scheduler.booking.availability.slots import Unavailability
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
    Unavailability.TOO_SOON: "it is too soon",
    Unavailability.OUTSIDE_HOURS: "it is outside the practitioner's hours",
    Unavailability.DAY_FULL: "the practitioner has as many sessions on that day as they may",
    Unavailability.BREAK: "it would leave the practitioner no break",
    Unavailability.PRACTITIONER_TAKEN: "the practitioner is taken",
    Unavailability.NO_ROOM: "no room is free",
    Unavailability.PATIENT_TAKEN: "the patient has another session then",
}
"""Words after "because". Only staff read them, in English."""


def cause(found: Cause) -> str:
    return _(CAUSES[found])


def reason(found: Unavailability) -> str:
    return REASONS[found]
