"""Who may do what: one table. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a member of staff is here."""

    ADMIN = "admin"
    FRONT_DESK = "front_desk"
    PRACTITIONER = "practitioner"


class Permission(StrEnum):
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
        Permission.SEE_CLINIC,
        Permission.SEE_CALENDAR,
        Permission.CLOSE,
        Permission.BOOK,
        Permission.ATTEND,
        Permission.SEE_PATIENTS,
        Permission.CHANGE_PATIENTS,
        Permission.SEE_MESSAGES,
        Permission.ANSWER_REPLIES,
        Permission.TEXT_MANY,
    }
)

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.FRONT_DESK: _DAILY,
    Role.PRACTITIONER: _DAILY | {Permission.CLEAR},
}


def may(role: str | None, deed: Permission) -> bool:
    """Whether somebody of this role may do this. An unknown role may do nothing."""
    return role in set(Role) and deed in MAY[Role(str(role))]
