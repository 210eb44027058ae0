"""The texts of a course as the patient sees them."""

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.phrases import message_triggers
from scheduler.reminders.kinds.timeline import TimelineEntry
from scheduler.reminders.models import MessageState
from scheduler.web.site.view_models import Locale

SENT_STATES = {
    MessageState.SENT: marked("sent"),
    MessageState.DELIVERED: marked("arrived"),
    MessageState.FAILED: marked("could not be delivered"),
}
PENDING = {MessageState.OWED, MessageState.SENDING, MessageState.UNKNOWN}
LINK_PLACEHOLDER = marked("(your private link)")


@dataclass(frozen=True)
class TextView:
    """One text in words; `state` is empty before it is sent."""

    when: str
    why: str
    state: str
    text: str


def owed(entries: Iterable[TimelineEntry], locale: Locale) -> list[TextView]:
    """The texts that will be sent, the next one first."""
    return [_shown(entry, locale) for entry in entries if entry.state in PENDING]


def sent(entries: Iterable[TimelineEntry], locale: Locale) -> list[TextView]:
    """The texts that were sent, the latest first."""
    return [_shown(entry, locale) for entry in entries if entry.state in SENT_STATES][::-1]


def left_out(entries: Iterable[TimelineEntry], locale: Locale) -> list[TextView]:
    """The texts that more useful ones displaced, in order."""
    return [_shown(entry, locale) for entry in entries if entry.gives_way]


def owed_or_sent(entries: Iterable[TimelineEntry], locale: Locale) -> list[TextView]:
    """All texts that will be or were sent, in order."""
    states = PENDING | SENT_STATES.keys()
    return [_shown(entry, locale) for entry in entries if entry.state in states]


def _shown(entry: TimelineEntry, locale: Locale) -> TextView:
    local = (entry.sent_at or entry.due_at).astimezone(locale.zone)
    trigger = message_triggers.describe(entry)
    return TextView(
        when=locale.dates.moment(local, today=locale.today),
        why=f"{trigger[:1].upper()}{trigger[1:]}.",
        state=_(SENT_STATES[entry.state]) if entry.state in SENT_STATES else "",
        text=entry.text.replace("{link}", _(LINK_PLACEHOLDER)),
    )
