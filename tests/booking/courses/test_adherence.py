"""Whether a change makes the pace of a course worse, whatever the language of the reader."""

from datetime import date

import pytest

from scheduler.booking.courses import adherence
from scheduler.booking.courses.adherence import PaceStatus
from scheduler.booking.pace.violations import CrowdedWindow, violations
from scheduler.clinic.phases import Phase
from scheduler.i18n import languages
from tests.support.wording import answering_in

MONDAY = date(2026, 3, 2).toordinal()
WEEKLY = [Phase(3, per_week=1)]


def status(*offsets: int) -> PaceStatus:
    days = [MONDAY + offset for offset in offsets]
    return PaceStatus(days, violations(WEEKLY, days))


@pytest.mark.parametrize("language", languages.codes())
def test_a_third_session_in_a_week_is_worse_than_a_second_in_every_language(language: str) -> None:
    with answering_in(language):
        found = adherence.newly_violated(status(0, 3, 14), status(0, 3, 5))

    assert found == [CrowdedWindow(number=2, count=3, wanted=1, start=MONDAY, length=7)]
