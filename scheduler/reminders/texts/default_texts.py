"""The texts and rules that a new clinic starts with, as data. Pure.

Each fits one GSM-7 segment for a clinic's name of up to 28 characters. None names a patient, a
treatment or a condition: others read texts too. None asks for CANCEL, END or YES, which carriers
take for opting out or in. The tips are those of the leaflet: eat something about two hours before,
for an empty stomach makes people faint; rise slowly, for the needles make some light-headed.
"""

from scheduler.reminders.texts.default_rules import DEFAULT_RULES
from scheduler.reminders.texts.default_templates import (
    ANSWERS,
    CASES,
    COLLEAGUE,
    TEMPLATES,
    answer,
    template,
)

__all__ = ["ANSWERS", "CASES", "COLLEAGUE", "DEFAULT_RULES", "TEMPLATES", "answer", "template"]
