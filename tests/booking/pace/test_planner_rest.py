"""The end of a course of which the first sessions stay as they are."""

from datetime import date, timedelta

import pytest

from scheduler.booking.pace.planner import NoPlan, Opening, Plan, Wishes, plan, plan_rest
from scheduler.clinic.phases import Phase
from tests.support.wording import compromises_of

MONDAY = date(2026, 3, 2)
UNTIL = date(2026, 12, 31)
MEI, OLU = 1, 2
CHERKIN = [Phase(6, per_week=2), Phase(4, per_week=1)]


def at(offset, hour=9, who=MEI):
    day = MONDAY + timedelta(days=offset)
    return Opening(day, hour * 60, day.toordinal() * 1440 + hour * 60, who, room_id=7)


def free(offsets=range(200), hours=(9, 15), who=(MEI, OLU)):
    days = [offset for offset in offsets if (MONDAY + timedelta(days=offset)).weekday() < 5]
    return [at(day, hour, person) for day in days for hour in hours for person in who]


def rest(phases, kept, openings, start=0, **wishes):
    asked = Wishes(MONDAY + timedelta(days=start), **wishes)
    return plan_rest(phases, kept, openings, asked, until=UNTIL)


def offsets(planned):
    return [(appointment.opening.day - MONDAY).days for appointment in planned.sessions]


def test_the_rest_goes_on_where_the_first_sessions_left_off():
    planned = rest(CHERKIN, [at(0), at(3), at(7)], free())

    assert [(appointment.number, appointment.phase) for appointment in planned.sessions] == [
        *[(number, 1) for number in (4, 5, 6)],
        *[(number, 2) for number in (7, 8, 9, 10)],
    ]
    assert offsets(planned) == [10, 14, 17, 21, 28, 35, 42]
    assert planned.compromises == ()


def test_nothing_kept_is_a_whole_plan():
    assert rest(CHERKIN, [], free()) == plan(CHERKIN, free(), Wishes(MONDAY), until=UNTIL)


def test_a_course_that_is_all_kept_has_no_rest():
    assert rest([Phase(2, per_week=1)], [at(0), at(7)], free()) == Plan(())


def test_a_phase_added_at_the_end_begins_when_the_pace_before_allows():
    longer = [Phase(2, per_week=2), Phase(2, per_week=1, rest_days=28)]

    assert offsets(rest(longer, [at(0), at(3)], free(range(99)))) == [32, 39]


def test_a_full_week_of_those_kept_is_not_filled_further():
    planned = rest([Phase(4, per_week=2)], [at(0), at(1)], free())

    assert offsets(planned)[0] >= 7


def test_sessions_kept_faster_than_the_pace_buy_nothing():
    planned = rest([Phase(6, per_week=2)], [at(0), at(1), at(2)], free())

    assert offsets(planned)[0] >= 7
    assert planned.compromises == ()


def test_the_rest_may_begin_much_later_where_that_was_wished():
    planned = rest([Phase(4, per_week=1)], [at(0), at(7)], free(), start=70)

    assert offsets(planned) == [70, 77]
    assert [compromise.kind for compromise in planned.compromises] == ["late"]
    for phase in (Phase(4, every_days=2), Phase(4, within_days=10)):
        assert offsets(rest([phase], [at(0), at(2)], free(), start=70))[0] == 70


def test_without_such_a_wish_it_may_not():
    with pytest.raises(NoPlan) as refusal:
        rest([Phase(4, per_week=1)], [at(0), at(7)], free(range(70, 100)))

    assert refusal.value.session_number == 3


def test_the_practitioner_and_the_hour_of_those_kept_go_on():
    planned = rest([Phase(4, per_week=1)], [at(0, 15, OLU), at(7, 15, OLU)], free())

    assert [
        (appointment.opening.practitioner_id, appointment.opening.minute)
        for appointment in planned.sessions
    ] == [(OLU, 900)] * 2


def test_nothing_is_said_of_those_kept():
    planned = rest(
        [Phase(4, per_week=1)], [at(0, 15), at(14, 15)], free(), weekdays=frozenset({0, 1})
    )

    assert planned.compromises == ()


def test_a_part_that_cannot_end_in_time_ends_late_and_says_so():
    planned = rest([Phase(4, within_days=8)], [at(0), at(2)], free([4, 9, 10]))

    assert offsets(planned) == [4, 9]
    assert compromises_of(planned) == [
        "Session 4 on 11 March is after the 8 days of this part:"
        " nothing that fits the course is free from 2 March to 9 March."
    ]
