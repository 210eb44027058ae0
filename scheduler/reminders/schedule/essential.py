"""The rules that remain for a patient who wants fewer messages. Pure.

These are the rules exempt from the limits, answers to the patient, notices of changes by the clinic
and one reminder before each appointment. Advice and questions are on the private page.
"""

from collections.abc import Sequence

from scheduler.reminders.schedule.types import Rule

ALL, FEWER = "all", "fewer"


def essential(rules: Sequence[Rule]) -> list[Rule]:
    """The remaining rules. If no reminder is exempt from the limits, the foremost one remains."""
    reminders = [
        rule
        for rule in rules
        if rule.anchor == "start" and rule.offset_minutes < 0 and rule.which == "all"
    ]
    foremost = max(reminders, key=lambda rule: rule.priority, default=None)
    return [
        rule
        for rule in rules
        if rule.always or rule.asked or rule.anchor == "change" or rule is foremost
    ]
