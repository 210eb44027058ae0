"""What a reply from a patient can mean. Pure."""

from enum import StrEnum


class Intent(StrEnum):
    """What a patient wants.

    UNREAD: no worker has finished reading the reply. A number is a SCORE until the question that
    it answers shows that it is a CHOICE. A REACTION needs no answer. UNCLEAR goes before staff.
    """

    UNREAD = "unread"
    CONFIRM = "confirm"
    RESCHEDULE = "reschedule"
    STOP = "stop"
    START = "start"
    HELP = "help"
    SCORE = "score"
    CHOICE = "choice"
    EMERGENCY = "emergency"
    REACTION = "reaction"
    UNCLEAR = "unclear"
