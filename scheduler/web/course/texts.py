"""Texts of a course as its patient reads them. What failed to go is the clinic's concern."""

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.reminders.kinds.timeline import TimelineEntry
from scheduler.reminders.models import MessageState
from scheduler.web.site.view_models import Locale

GONE_OUT = {
    MessageState.SENT: marked("sent"),
    MessageState.DELIVERED: marked("arrived"),
    MessageState.FAILED: marked("could not be delivered"),
}
ON_ITS_WAY = {MessageState.OWED, MessageState.SENDING, MessageState.UNKNOWN}
GAVE_WAY = "Gave way:"
"""How the reason of such a text begins, for staff."""
LINK = marked("(your private link)")


@dataclass(frozen=True)
class TextView:
    """One text in words; `state` is empty while nothing has happened yet."""

    when: str
    why: str
    state: str
    text: str


def owed(entries: Iterable[TimelineEntry], place: Locale) -> list[TextView]:
    """What is still to be texted, the next first."""
    return [_shown(entry, place) for entry in entries if entry.state in ON_ITS_WAY]


def sent(entries: Iterable[TimelineEntry], place: Locale) -> list[TextView]:
    """What went out, the latest first."""
    return [_shown(entry, place) for entry in entries if entry.state in GONE_OUT][::-1]


def left_out(entries: Iterable[TimelineEntry], place: Locale) -> list[TextView]:
    """What gives way to more useful texts, in order; the page says by which limits."""
    return [
        _shown(entry, place)
        for entry in entries
        if entry.state == MessageState.WITHDRAWN and entry.reason.startswith(GAVE_WAY)
    ]


def owed_or_sent(entries: Iterable[TimelineEntry], place: Locale) -> list[TextView]:
    """All that is or was to be texted, in order."""
    wanted = ON_ITS_WAY | GONE_OUT.keys()
    return [_shown(entry, place) for entry in entries if entry.state in wanted]


def _shown(entry: TimelineEntry, place: Locale) -> TextView:
    local = (entry.sent_at or entry.due_at).astimezone(place.zone)
    return TextView(
        when=place.manner.moment(local, today=place.today),
        why=f"{entry.why[:1].upper()}{entry.why[1:]}.",
        state=_(GONE_OUT[entry.state]) if entry.state in GONE_OUT else "",
        text=entry.text.replace("{link}", _(LINK)),
    )
