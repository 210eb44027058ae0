"""Advantages of one plan over another, in the language of the reader."""

from scheduler.booking.pace.alternatives import (
    Advantage,
    EarlierEnd,
    SameHour,
    SamePractitioner,
)
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _
from scheduler.phrases import days


def sentence(advantage: Advantage) -> str:
    match advantage:
        case EarlierEnd(on=day, days=earlier):
            pattern = _("It ends on %(day)s, %(days)s earlier.")
            return pattern % {"day": days.format_day(day), "days": translation.days(earlier)}
        case SamePractitioner():
            return _("One practitioner gives all of its sessions.")
        case SameHour(minute=minute):
            return _("All of its sessions begin at %(time)s.") % {"time": days.clock(minute)}
