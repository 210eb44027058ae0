"""The intents that a reply from a patient can have. Pure."""

from enum import StrEnum


class Intent(StrEnum):
    """The wish that a reply expresses.

    UNREAD: no worker has read the reply yet. A number is a SCORE unless the open question makes it
    a CHOICE. A REACTION, such as a thumbs up, needs no answer. UNCLEAR replies go to staff.
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
