"""The actions in the audit trail. Their values are stored, and `GET /audit` shows them."""

from enum import StrEnum


class Action(StrEnum):
    """An action of a staff member, a patient or the program."""

    # Clinics, practitioners, rooms, treatments, rules and accounts
    ADDED = "added"
    CHANGED = "changed"
    ADOPTED = "adopted"
    MADE = "made"
    SIGNED_IN = "signed in"
    LOOKED_AT = "looked at"

    # Hours, time off and closures
    SET_HOURS = "set hours"
    SET_BREAKS = "set breaks"
    ADDED_HOURS = "added hours"
    REMOVED_HOURS = "removed hours"
    TOOK_TIME_OFF = "took time off"
    CHANGED_TIME_OFF = "changed time off"
    CANCELLED_TIME_OFF = "cancelled time off"
    PROPOSED = "proposed"
    CLOSED = "closed"
    REOPENED = "reopened"
    RELEASED_HOLDS = "released holds"

    # Patients
    ENROLLED = "enrolled"
    SCREENED = "screened"
    AGREED_TO_TEXTS = "agreed to texts"
    WITHDREW_CONSENT = "withdrew consent"
    STOPPED_TEXTS = "stopped texts"
    STARTED_TEXTS = "started texts"
    SCORED = "scored"

    # Courses and appointments: the same values as EventKind
    BOOKED = "booked"
    SHIFTED = "shifted"
    SKIPPED_WEEK = "skipped a week"
    CHANGED_PRACTITIONER = "changed practitioner"
    REPLANNED = "planned anew"
    EXTENDED = "extended"
    MADE_UP = "made up"
    CANCELLED = "cancelled"
    TOOK_BACK = "took back"
    CLEARED = "cleared"
    MOVED = "moved"
    IS_CONFIRMED = "is confirmed"
    IS_ARRIVED = "is arrived"
    IS_COMPLETED = "is completed"
    IS_CANCELLED = "is cancelled"
    IS_NO_SHOW = "is no_show"

    # The waitlist
    ENTERED = "entered"
    WAS_OFFERED = "was offered"
    ACCEPTED = "accepted"
    OFFER_DECLINED = "offer declined"
    OFFER_LAPSED = "offer lapsed"
    OFFER_WITHDRAWN = "offer withdrawn"
    IS_TAKEN = "is taken"
    IS_WITHDRAWN = "is withdrawn"
    IS_EXPIRED = "is expired"

    # Texts and replies
    WROTE = "wrote"
    HANDLED = "handled"
    CONFIRMED = "confirmed"
    STOPPED = "stopped"

    # The installation
    FOLLOWED_CLOCK = "followed the clock"
    COULD_NOT_FOLLOW_CLOCK = "could not follow the clock"
    TOOK_ZONE_DATA = "took zone data"
