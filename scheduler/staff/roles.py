"""Who may do what: one table. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a member of staff is here."""

    ADMIN = "admin"
    FRONT_DESK = "front_desk"
    PRACTITIONER = "practitioner"


class Deed(StrEnum):
    """What somebody may be allowed to do."""

    SEE_CLINIC = "see clinics, practitioners, rooms, treatments and hours"
    SET_UP = "open clinics, hire, furnish, offer treatments, set hours"
    SEE_CALENDAR = "see free times, courses and appointments"
    CLOSE = "take time off and close the clinic"
    BOOK = "plan, book, move and cancel courses and appointments"
    ATTEND = "record who came, who did not and what is over"
    CLEAR = "see answers about health and clear courses that wait for it"
    SEE_PATIENTS = "see patients"
    CHANGE_PATIENTS = "enrol and change patients"
    SEE_MESSAGES = "see texts and replies"
    ANSWER_REPLIES = "take care of replies"
    TEXT_MANY = "confirm or stop texts to many people at once"
    SET_REMINDERS = "change what is texted, and when"
    SEE_AUDIT = "see who did what"


_DAILY = frozenset(
    {
        Deed.SEE_CLINIC,
        Deed.SEE_CALENDAR,
        Deed.CLOSE,
        Deed.BOOK,
        Deed.ATTEND,
        Deed.SEE_PATIENTS,
        Deed.CHANGE_PATIENTS,
        Deed.SEE_MESSAGES,
        Deed.ANSWER_REPLIES,
        Deed.TEXT_MANY,
    }
)

MAY: Mapping[Role, frozenset[Deed]] = {
    Role.ADMIN: frozenset(Deed),
    Role.FRONT_DESK: _DAILY,
    Role.PRACTITIONER: _DAILY | {Deed.CLEAR},
}


def may(role: str | None, deed: Deed) -> bool:
    """Whether somebody of this role may do this. An unknown role may do nothing."""
    return role in set(Role) and deed in MAY[Role(str(role))]
