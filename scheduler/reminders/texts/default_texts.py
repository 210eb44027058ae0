"""The templates and rules that a new clinic starts with, as data. Pure.

Every text fits one GSM-7 segment if the clinic's name has at most 28 characters. None names a
patient, a treatment or a condition, because others may read it. None asks for CANCEL, END or YES,
which carriers treat as opt-out or opt-in. The tips are those of the leaflet: eat something about
two hours before, because patients on an empty stomach may faint, and rise slowly, because the
needles make some patients light-headed.
"""

from scheduler.reminders.texts.default_rules import DEFAULT_RULES
from scheduler.reminders.texts.default_templates import (
    CASES,
    COLLEAGUE,
    LONGEST_ADDRESS,
    REPLY_TEMPLATES,
    TEMPLATES,
    answer,
    template,
)

__all__ = [
    "CASES",
    "COLLEAGUE",
    "DEFAULT_RULES",
    "LONGEST_ADDRESS",
    "REPLY_TEMPLATES",
    "TEMPLATES",
    "answer",
    "template",
]
