"""Which kind of message a row of `messages` is."""

from scheduler.reminders.kinds import (
    lost_links,
    reconfirmations,
    waitlist_offers,
    waitlist_pages,
)
from scheduler.reminders.kinds.derived import DerivedMessage
from scheduler.reminders.kinds.message_kind import MessageKind
from scheduler.reminders.models import Message

DERIVED = DerivedMessage()
ANSWER = MessageKind()
SENT_AFTER_OPT_OUT = MessageKind(sent_after_opt_out=True)

BY_NAME: dict[str, MessageKind] = {
    **dict.fromkeys(("stopped", "emergency", "crisis", "help"), SENT_AFTER_OPT_OUT),
    **dict.fromkeys(reconfirmations.RECONFIRMATION_KINDS, reconfirmations.RECONFIRMATION),
    **dict.fromkeys(lost_links.LOST_LINK_KINDS, lost_links.LOST_LINK),
    **dict.fromkeys(waitlist_offers.OFFER_KINDS, waitlist_offers.WAITLIST_OFFER),
    waitlist_pages.KIND: waitlist_pages.WAITLIST_PAGE,
}
"""Kinds with rules of their own. All others answer a reply or carry a code."""

AFTER_OPT_OUT = frozenset(name for name, kind in BY_NAME.items() if kind.sent_after_opt_out)
LINK_PATHS = frozenset(kind.link_path for kind in (ANSWER, *BY_NAME.values()))


def kind_of(message: Message) -> MessageKind:
    """The kind of a message. A rule may bear the name of any kind, so the rule decides first."""
    return DERIVED if message.rule_id is not None else BY_NAME.get(message.kind, ANSWER)
