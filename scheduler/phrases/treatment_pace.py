"""The pace of a phase, in the language of the reader."""

from scheduler.clinic.phases import Phase, block
from scheduler.i18n import translation
from scheduler.i18n.translation import gettext as _


def describe(phase: Phase) -> str:
    """The pace as patients read it: "2 a week for 3 weeks"."""
    words = [_pace_in_words(phase)]
    if phase.weekdays:
        named = translation.join([translation.weekday_names()[day] for day in phase.weekdays])
        words.append(_("on %(weekdays)s") % {"weekdays": named})
    if phase.repeat > 1:
        words.append(_("%(count)s times over") % {"count": phase.repeat})
        if phase.pause_days:
            words.append(_("%(days)s apart") % {"days": translation.days(phase.pause_days)})
    if phase.rest_days:
        words.append(_("after %(days)s of rest") % {"days": translation.days(phase.rest_days)})
    if phase.optional:
        words.append(_("if the review says so"))
    return ", ".join(words)


def _pace_in_words(phase: Phase) -> str:
    if phase.sessions == 1:
        return translation.sessions(1)
    if phase.every_days is not None:
        return _gaps_in_words(phase)
    if phase.within_days is not None:
        return _span_in_words(phase)
    sessions, apart = phase.window
    values = {
        "sessions": phase.sessions,
        "many": sessions,
        "apart": apart,
        "weeks": translation.weeks(block(phase)[0] // 7),
    }
    return (
        _window_in_words(full=not phase.sessions % sessions, sessions=sessions, apart=apart)
        % values
    )


def _window_in_words(*, full: bool, sessions: int, apart: int) -> str:
    """The pattern for `sessions` in `apart` weeks; `full`: every stretch has all of them."""
    weekly, once = apart == 1, sessions == 1
    if not full:
        return (
            _("%(sessions)s over %(weeks)s, at most %(many)s a week")
            if weekly
            else _("%(sessions)s over %(weeks)s, at most %(many)s every %(apart)s weeks")
        )
    if once:
        return (
            _("once a week for %(weeks)s")
            if weekly
            else _("once every %(apart)s weeks for %(weeks)s")
        )
    return (
        _("%(many)s a week for %(weeks)s")
        if weekly
        else _("%(many)s every %(apart)s weeks for %(weeks)s")
    )


def _gaps_in_words(phase: Phase) -> str:
    gap = {1: _("every day"), 2: _("every other day")}.get(
        phase.every_days or 0, _("every %(days)s days") % {"days": phase.every_days}
    )
    return _("%(gap)s, %(count)s times") % {"gap": gap, "count": phase.sessions}


def _span_in_words(phase: Phase) -> str:
    within = phase.within_days or 0
    span = translation.days(within) if within % 7 else translation.weeks(within // 7)
    values = {"sessions": phase.sessions, "span": span}
    if not phase.at_least_days:
        return _("%(sessions)s within %(span)s") % values
    least = translation.days(phase.at_least_days)
    return _("%(sessions)s within %(span)s, over at least %(least)s") % {**values, "least": least}
