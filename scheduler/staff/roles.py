"""Roles of staff members and their permissions. Pure."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """The role of a staff member."""

    ADMIN = "admin"
    FRONT_DESK = "front_desk"
    PRACTITIONER = "practitioner"


class Permission(StrEnum):
    """A group of actions that a role may be allowed. The value describes it in errors."""

    SEE_CLINIC = "see clinics, practitioners, rooms, treatments and hours"
    SET_UP = "set up clinics, practitioners, rooms, treatments and hours"
    SEE_CALENDAR = "see free times, courses and appointments"
    CLOSE = "take time off and close the clinic"
    BOOK = "plan, book, move and cancel courses and appointments"
    ATTEND = "record arrivals, missed sessions and completed sessions"
    CLEAR = "see health answers and clear courses"
    SEE_PATIENTS = "see patients"
    CHANGE_PATIENTS = "add and change patients"
    SEE_MESSAGES = "see texts and replies"
    ANSWER_REPLIES = "handle replies"
    TEXT_MANY = "confirm or stop bulk texts"
    SET_REMINDERS = "change reminder rules"
    SEE_AUDIT = "see the audit trail"


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


def may(role: str | None, permission: Permission) -> bool:
    """Whether a role has a permission. An unknown role has none."""
    return role in set(Role) and permission in MAY[Role(str(role))]
