"""Which texts somebody gets who wants fewer. Pure.

What never gives way, what answers an act of theirs, what the clinic changes of its own accord, and
one reminder before each session. Advice and questions stand on the private page.
"""

from collections.abc import Sequence

from scheduler.reminders.schedule.types import Rule

ALL, FEWER = "all", "fewer"


def essential(rules: Sequence[Rule]) -> list[Rule]:
    """The rules that are left. A clinic whose reminders may all give way keeps the foremost."""
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
