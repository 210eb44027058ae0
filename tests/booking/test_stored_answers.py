"""Booking forms that were begun before an upgrade can be finished after it."""

from datetime import date

from scheduler.booking.stored_values import DraftAnswers, DraftDetails, DraftWishes, HealthAnswers


def test_answers_of_version_0_1_are_read() -> None:
    stored = {
        "language": "es",
        "health": {"answers": {"pregnant": "no"}, "pain_since": "acute"},
        "wishes": {
            "start_on": "2027-01-11",
            "weekdays": ["0", "3"],
            "hours": "morning",
            "practitioner_id": "",
        },
        "details": {"name": "Ann", "phone": "555 0101", "number": "+12125550101", "consent": ""},
    }

    assert DraftAnswers.model_validate(stored) == DraftAnswers(
        language="es",
        health=HealthAnswers(answers={"pregnant": "no"}, pain_since="acute"),
        wishes=DraftWishes(start_on=date(2027, 1, 11), weekdays=[0, 3], hours="morning"),
        details=DraftDetails(name="Ann", phone="555 0101", number="+12125550101", consent=False),
    )
