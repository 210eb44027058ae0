"""The messages that remain for a patient who wants fewer."""

from dataclasses import replace

from scheduler.reminders.schedule.essential import essential
from scheduler.reminders.texts.default_texts import DEFAULT_RULES


def test_of_the_default_texts_the_reminder_and_news_are_left() -> None:
    left = [rule.kind for rule in essential(DEFAULT_RULES)]

    assert left == ["confirmation", "day_before", "moved", "cancelled", "reassigned"]


def test_a_clinic_whose_reminders_may_give_way_keeps_the_foremost() -> None:
    rules = [replace(rule, always=False) for rule in DEFAULT_RULES if rule.anchor == "start"]
    second = replace(rules[0], id="hours_before", kind="hours_before", priority=95)

    assert [rule.kind for rule in essential([*rules, second])] == ["hours_before"]


def test_without_reminders_there_is_none() -> None:
    assert essential([rule for rule in DEFAULT_RULES if rule.anchor == "end"]) == []
