"""Planned courses: published regimens, closed weeks, wishes, and the reported compromises."""

from datetime import date, timedelta

import pytest

from scheduler.booking.pace.planner import NoPlan, Opening, Plan, Wishes, neighbours, plan
from scheduler.clinic.phases import Phase
from scheduler.phrases import no_plan
from tests.support.wording import broken_pace, compromises_of

MONDAY = date(2026, 3, 2)
MEI, OLU = 1, 2
CHERKIN = [Phase(6, per_week=2), Phase(4, per_week=1)]
WEEKDAYS = range(5)


def opening(day, hour=9, who=MEI):
    minute = hour * 60
    return Opening(day, minute, day.toordinal() * 1440 + minute, who, room_id=7)


def diary(start=MONDAY, *, weeks=10, on=WEEKDAYS, hours=(9, 15), who=(MEI, OLU), closed=()):
    days = (start + timedelta(days=number) for number in range(7 * weeks))
    return [
        opening(day, hour, person)
        for day in days
        if day.weekday() in on and day not in closed
        for hour in hours
        for person in who
    ]


def week(start):
    return {start + timedelta(days=number) for number in range(7)}


def course(phases, openings, wishes=None, until=date(2027, 12, 31)):
    return plan(phases, openings, wishes or Wishes(MONDAY), until=until)


def offsets(planned: Plan, start=MONDAY):
    return [(session.opening.day - start).days for session in planned.sessions]


def test_two_a_week_for_three_weeks_then_weekly_for_four():
    planned = course(CHERKIN, diary())

    assert offsets(planned) == [0, 3, 7, 10, 14, 17, 21, 28, 35, 42]
    assert [session.phase for session in planned.sessions] == [1] * 6 + [2] * 4
    assert [session.number for session in planned.sessions] == list(range(1, 11))
    assert {session.opening[1:2] + session.opening[3:] for session in planned.sessions} == {
        (540, MEI, 7)
    }
    assert planned.compromises == ()


def test_twelve_sessions_within_eight_weeks_are_spread_evenly():
    planned = course([Phase(12, within_days=56)], diary(on=range(7)))

    assert offsets(planned) == [5 * number for number in range(12)]


def test_five_a_week():
    planned = course([Phase(10, per_week=5)], diary())

    assert offsets(planned) == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]


def test_a_taper_over_half_a_year():
    taper = [
        Phase(16, per_week=2),
        Phase(2, per_week=1),
        Phase(2, per_week=0.5),
        Phase(3, per_week=0.25),
    ]

    planned = course(taper, diary(weeks=30))

    twice = [7 * number + more for number in range(8) for more in (0, 3)]
    assert offsets(planned) == [*twice, 56, 63, 70, 84, 98, 126, 154]
    assert planned.compromises == ()


def test_daily_then_every_other_day():
    planned = course([Phase(6, every_days=1), Phase(18, every_days=2)], diary(on=range(7)))

    assert offsets(planned) == [0, 1, 2, 3, 4, 5, *range(6, 42, 2)]


def test_monday_wednesday_friday():
    planned = course([Phase(12, per_week=3, weekdays=(0, 2, 4))], diary(on=range(7)))

    assert offsets(planned) == [7 * number + more for number in range(4) for more in (0, 2, 4)]


def test_rest_days_keep_a_phase_away():
    followup = [Phase(2, per_week=1), Phase(2, per_week=1, rest_days=28)]

    planned = course(followup, diary(on=range(7)))

    assert offsets(planned) == [0, 7, 36, 43]


def test_a_course_crosses_a_new_year_and_a_clock_change():
    start = date(2026, 12, 21)
    planned = course(CHERKIN, diary(start, weeks=20), Wishes(start))

    assert planned.sessions[-1].opening.day == date(2027, 2, 1)
    assert {session.opening.minute for session in planned.sessions} == {540}


def test_a_closed_week_makes_the_course_a_week_later_and_says_so():
    closed = week(date(2026, 3, 23))

    planned = course(CHERKIN, diary(on=(0, 3), closed=closed))

    assert offsets(planned) == [0, 3, 7, 10, 14, 17, 28, 35, 42, 49]
    assert compromises_of(planned) == [
        "Session 7 is a week later: nothing is free in the week of 23 March."
    ]
    assert planned.compromises[0].kind == "late"
    assert planned.compromises[0].session_numbers == (7,)


def test_a_closed_week_inside_a_phase_is_left_out():
    planned = course([Phase(4, per_week=1)], diary(on=(0,), closed=week(date(2026, 3, 9))))

    assert offsets(planned) == [0, 14, 21, 28]
    assert compromises_of(planned) == [
        "Session 2 is a week later: nothing is free in the week of 9 March."
    ]


def test_a_full_clinic_makes_the_course_start_later_and_says_so():
    planned = course([Phase(2, per_week=1)], diary(date(2026, 3, 17), on=(1,)))

    assert offsets(planned) == [15, 22]
    assert compromises_of(planned) == [
        "The course starts 2 weeks later: nothing is free in the 2 weeks from 2 March."
    ]


def test_a_week_with_too_few_days_is_filled_as_far_as_it_goes():
    openings = [opening(MONDAY + timedelta(days=day)) for day in (0, 3, 7, 14, 17, 21)]

    planned = course([Phase(6, per_week=2)], openings)

    assert offsets(planned) == [0, 3, 7, 14, 17, 21]
    assert compromises_of(planned) == [
        "Only 1 of 2 sessions is in the week of 9 March: no other day is free."
    ]


def test_a_day_more_than_the_gap_only_where_nothing_else_is_free():
    openings = [opening(MONDAY + timedelta(days=day)) for day in (0, 2, 5, 7)]

    planned = course([Phase(4, every_days=2)], openings)

    assert offsets(planned) == [0, 2, 5, 7]
    assert compromises_of(planned) == [
        "Session 3 is 3 days after session 2 instead of 2: nothing is free on 6 March."
    ]


def test_wished_weekdays_and_hours_count_before_even_gaps():
    wishes = Wishes(MONDAY, weekdays=frozenset({0, 1}), between=(15 * 60, 17 * 60))

    planned = course([Phase(6, per_week=2)], diary(), wishes)

    assert offsets(planned) == [0, 1, 7, 8, 14, 15]
    assert {session.opening.minute for session in planned.sessions} == {900}
    assert planned.compromises == ()


def test_the_wished_practitioner_treats_throughout():
    planned = course(CHERKIN, diary(), Wishes(MONDAY, practitioner_id=OLU))

    assert {session.opening.practitioner_id for session in planned.sessions} == {OLU}


def test_a_wished_weekday_that_is_full_is_named():
    wishes = Wishes(MONDAY, weekdays=frozenset({3}))
    closed = {date(2026, 3, 19)}

    planned = course([Phase(4, per_week=1)], diary(closed=closed, on=(3, 4)), wishes)

    assert offsets(planned) == [3, 10, 18, 24]
    assert compromises_of(planned) == ["Session 3 is on a Friday: no Thursday that week is free."]


def test_missed_hours_and_practitioners_are_named_once():
    openings = [opening(MONDAY), *(opening(MONDAY + timedelta(weeks=n), 15) for n in (1, 2, 3))]
    openings += [opening(MONDAY + timedelta(weeks=4), 9, OLU)]
    wishes = Wishes(MONDAY, between=(540, 720), practitioner_id=MEI)

    planned = course([Phase(5, per_week=1)], openings, wishes)

    assert compromises_of(planned) == [
        "Sessions 2 to 4 are not between 9:00 and 12:00: nothing then is free on those days.",
        "Session 5 is with another practitioner: the one you asked for is not free on that day.",
    ]


def test_a_day_that_misses_one_wish_is_better_than_one_that_misses_two():
    openings = [opening(MONDAY, 15, OLU), opening(MONDAY, 16, MEI)]
    wishes = Wishes(MONDAY, between=(540, 720), practitioner_id=MEI)

    planned = course([Phase(1, per_week=1)], openings, wishes)

    assert planned.sessions[0].opening == openings[1]


def test_one_session_far_from_the_wishes_is_better_than_two_near_them():
    wishes = Wishes(MONDAY, frozenset({0}), (540, 720), MEI)
    far = [opening(MONDAY), opening(MONDAY + timedelta(days=8), 15, OLU)]
    near = [opening(MONDAY + timedelta(days=day)) for day in (1, 9)]

    planned = course([Phase(2, every_days=8)], far + near, wishes)

    assert offsets(planned) == [0, 8]


def test_wishes_are_given_up_before_the_pace():
    wishes = Wishes(MONDAY, weekdays=frozenset({0}))

    planned = course([Phase(3, per_week=3)], diary(), wishes)

    assert offsets(planned)[0] == 0
    assert len(offsets(planned)) == 3
    assert compromises_of(planned) == [
        "Sessions 2 and 3 are on other days: the pace needs more days a week than Monday."
    ]


def test_one_practitioner_counts_before_one_time():
    openings = [opening(MONDAY, 9, MEI), opening(MONDAY, 9, OLU)]
    openings += [opening(MONDAY + timedelta(weeks=1), 9, OLU)]
    openings += [opening(MONDAY + timedelta(weeks=1), 15, MEI)]
    openings += [opening(MONDAY + timedelta(weeks=2), 9, MEI)]

    planned = course([Phase(3, per_week=1)], openings)

    assert [session.opening.practitioner_id for session in planned.sessions] == [MEI] * 3


def test_of_two_equally_regular_courses_the_earlier_is_planned():
    days = [MONDAY, MONDAY + timedelta(weeks=1)]
    openings = [opening(day, 10, MEI) for day in days] + [opening(day, 9, OLU) for day in days]

    planned = course([Phase(2, per_week=1)], openings)

    assert [session.opening.minute for session in planned.sessions] == [540, 540]


def test_the_same_weekdays_every_week_although_earlier_ones_are_as_even():
    friday = MONDAY + timedelta(days=4)
    mondays_free_at_last = {MONDAY + timedelta(weeks=number) for number in range(5)}
    openings = diary(on=range(7), hours=(9,), who=(MEI,), closed=mondays_free_at_last)

    planned = course([Phase(12, per_week=2)], openings, Wishes(friday))

    assert offsets(planned, friday) == [7 * number + more for number in range(6) for more in (0, 4)]


def test_a_horizon_too_short_names_the_first_session_beyond_it():
    with pytest.raises(NoPlan) as refusal:
        course(CHERKIN, diary(), until=date(2026, 4, 5))

    assert refusal.value.session_number == 9
    assert no_plan.sentence(refusal.value) == (
        "Session 9 cannot be placed: the calendar is open only until 5 April."
    )


def test_nothing_free_at_all_is_said_plainly():
    with pytest.raises(NoPlan) as refusal:
        course(CHERKIN, [])

    assert refusal.value.session_number == 1
    assert no_plan.sentence(refusal.value) == (
        "Session 1 cannot be placed: nothing that keeps the pace is free from 2 March to 5 April."
    )


def test_no_phases_are_no_sessions():
    assert course([], diary()) == Plan(())


def test_neighbours_are_the_nearest_that_keep_the_pace():
    openings = diary(who=(MEI,), hours=(9,))
    planned = course(CHERKIN, openings)

    near = neighbours(planned, 4, openings, CHERKIN)

    # Between sessions 3 and 5, inside the second week; session 5 begins the third.
    assert [(opening.day - MONDAY).days for opening in near] == [9, 11, 8]


def test_neighbours_on_the_same_day_come_first_and_are_limited():
    openings = diary()
    planned = course(CHERKIN, openings)

    near = neighbours(planned, 10, openings, CHERKIN, limit=3)

    assert [(opening.day - MONDAY).days for opening in near] == [42, 42, 42]


@pytest.mark.parametrize(
    ("phases", "days", "said"),
    [
        (CHERKIN, [0, 3, 7, 10, 14, 17, 21, 28, 35, 42], []),
        (CHERKIN, [0, 3, 7, 10, 14, 17], []),
        (CHERKIN, [0, 0], ["Sessions 1 and 2 are both on 2 March."]),
        (
            [Phase(3, per_week=2)],
            [0, 3, 6],
            ["3 sessions are in the week of 2 March: there should be 2."],
        ),
        (
            [Phase(3, per_week=1)],
            [0, 14, 21],
            ["Session 2 is a week later."],
        ),
        (
            [Phase(2, per_week=0.25)],
            [0, 56],
            ["Session 2 is 4 weeks later."],
        ),
        (
            [Phase(2, every_days=2)],
            [1, 0],
            ["Session 2 is 1 day after session 1 instead of 2."],
        ),
        (
            [Phase(3, within_days=5)],
            [0, 3, 5],
            ["Session 3 on 7 March is after the 5 days of this part."],
        ),
        (
            [Phase(1, per_week=1), Phase(1, per_week=1)],
            [0, 6],
            ["Session 2 on 8 March is too soon: it should not be before 9 March."],
        ),
        (
            [Phase(1, per_week=1), Phase(1, per_week=1, rest_days=28)],
            [0, 36],
            ["Session 2 is a week later."],
        ),
        (
            [Phase(2, per_week=1, weekdays=(0,))],
            [0, 8],
            ["Session 2 is on a Tuesday: it should be on Monday."],
        ),
        ([Phase(1, per_week=1)], [0, 7], ["The course has no session 2."]),
    ],
)
def test_what_dates_break_of_the_pace(phases, days, said):
    assert broken_pace(phases, [MONDAY + timedelta(days=day) for day in days]) == said
