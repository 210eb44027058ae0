"""Caps on sessions per period: planned exactly, and the wait is reported."""

from collections import Counter
from datetime import date, timedelta
from itertools import combinations, pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.booking.pace.planner import NoPlan, Opening, Wishes, plan, plan_rest
from scheduler.booking.pace.refusals import TooTangled
from scheduler.clinic.phases import Cap, Phase, days, from_json, to_json
from scheduler.infra.errors import Invalid
from scheduler.phrases import compromises, no_plan
from tests.support.chaos import examples
from tests.support.wording import broken_pace

START = date(2026, 3, 2)
NEVER = None


def at(offset):
    day = START + timedelta(days=offset)
    return Opening(day, 540, day.toordinal() * 1440 + 540, 1, 1)


def on(*offsets):
    return tuple(START + timedelta(days=offset) for offset in offsets)


def planned(phases, offsets, kept=(), start=START, until=1000):
    found = plan_rest(
        phases,
        [at(row) for row in kept],
        [at(offset) for offset in offsets],
        Wishes(start),
        until=START + timedelta(days=until),
    )
    return [
        (appointment.opening.day - START).days for appointment in found.sessions
    ], found.compromises


def test_twelve_in_ninety_days_and_no_more_until_they_have_passed():
    found, said = planned([Phase(24, per_week=2, caps=(Cap(12, 90),))], range(300))

    assert [match // 7 for match in found[:12]] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert found[12] == 90
    assert [(match - 90) // 7 for match in found[12:]] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [
        (compromise.kind, compromise.session_numbers, compromises.sentence(compromise))
        for compromise in said
    ] == [("cap", (13,), "Session 13 is not before 31 May: at most 12 sessions in 90 days.")]


def test_what_a_patient_had_before_counts():
    earlier = on(*range(-60, 0, 5))
    phases = [Phase(3, per_week=1, caps=(Cap(12, 90), Cap(20, 365)), earlier=earlier)]

    found, said = planned(phases, range(300))

    assert found == [30, 37, 44]
    assert [compromises.sentence(compromise) for compromise in said] == [
        "Session 1 is not before 1 April: at most 12 sessions in 90 days."
    ]


def test_two_caps_hold_at_once():
    earlier = on(*range(-360, -310, 7), *range(-100, -16, 7))
    phases = [Phase(2, per_week=1, caps=(Cap(12, 90), Cap(20, 365)), earlier=earlier)]

    found, _ = planned(phases, range(300))

    assert len(earlier) == 20
    assert found == [5, 12]


def test_a_period_that_is_over_holds_nothing_up():
    phases = [Phase(2, per_week=1, caps=(Cap(2, 30),), earlier=on(-90, -80))]

    assert planned(phases, range(60)) == ([0, 7], ())


def test_the_rest_of_a_course_waits_like_the_whole():
    phases = [Phase(6, per_week=2, caps=(Cap(4, 30),))]

    assert planned(phases, range(100), kept=(0, 3, 7, 10))[0] == [30, 33]


def test_the_dates_of_a_course_are_judged_by_its_caps():
    phases = [Phase(3, per_week=1, caps=(Cap(2, 30),))]

    assert broken_pace(phases, on(0, 7, 30)) == []
    assert broken_pace(phases, on(0, 7, 14)) == [
        "Session 3 on 16 March is too soon: it should not be before 1 April."
    ]
    assert broken_pace(phases, on(0, 7, 37)) == ["Session 3 is a week later."]


def test_a_course_that_a_cap_keeps_from_ending_in_time_is_refused_soon():
    phases = [Phase(30, per_week=2, caps=(Cap(12, 90), Cap(20, 365)))]

    with pytest.raises(NoPlan) as refusal:
        planned(phases, range(350), until=349)

    assert refusal.value.session_number == 21
    assert no_plan.sentence(refusal.value) == (
        "Session 21 cannot be placed: the calendar is open only until 14 February."
    )


def test_there_and_back_and_how_long_it_takes():
    value = {
        "sessions": 24,
        "per_week": 2,
        "rest_days": 0,
        "weekdays": [],
        "optional": False,
        "caps": [{"sessions": 12, "days": 90}],
        "earlier": ["2026-01-07"],
    }

    assert to_json(from_json(value)) == value
    assert 125 < days([from_json(value)]) < 140


@pytest.mark.parametrize(
    "caps",
    [
        5,
        ["12 in 90"],
        [{"sessions": 12}],
        [{"sessions": 0, "days": 90}],
        [{"sessions": 12, "days": 400}],
        [{"sessions": 12.5, "days": 90}],
    ],
)
def test_a_cap_that_is_none_is_refused(caps):
    with pytest.raises(Invalid):
        from_json({"sessions": 3, "per_week": 1, "caps": caps})


def walked(phases, cap, earlier, offsets):
    """The price of days that keep pace and cap: days lost, places empty, unevenness, first day."""
    begun, count = -9999, 0

    def full():
        return begun + cap.days if count >= cap.sessions else -9999

    def spend(day):
        nonlocal begun, count
        if day >= begun + cap.days:
            begun, count = day, 1
        else:
            count += 1

    for day in earlier:
        spend(day)
    price = [0, 0, 0]
    segments, before = [], None
    place = 0
    for phase in phases:
        segment: list[int] = []
        left = phase.sessions
        for day in offsets[place : place + phase.sessions]:
            if full() > day:
                return NEVER
            natural = after(phase, segment) if segment else before
            if segment and full() > natural:
                segments.append((phase, segment, left))
                segment, natural = [], full()
            if not segment:
                natural = max(full(), 0) if natural is None else max(natural, full())
                late = day - natural
                if not 0 <= late < 35:
                    return NEVER
                price[0] += late // 7 * 7
                price[2] += late**2 if offsets[0] != day else 0
            segment.append(day)
            left -= 1
            spend(day)
        place += phase.sessions
        segments.append((phase, segment, left))
        before = max(over(phase, segment), segment[-1] + 1 + phase.rest_days)
    for phase, segment, left in segments:
        inside = price_of(phase, segment, left)
        if inside is NEVER:
            return NEVER
        price = [sum(pair) for pair in zip(price, inside, strict=True)]
    reachable = len(earlier) + len(offsets) > cap.sessions
    return NEVER if reachable and price[0] > 7 else (*price, offsets[0])


def after(phase, segment):
    if phase.every_days:
        return segment[-1] + phase.every_days
    window = (segment[-1] - segment[0]) // 7
    own = sum((day - segment[0]) // 7 == window for day in segment)
    return segment[-1] + 1 if own < phase.per_week else segment[0] + 7 * (window + 1)


def over(phase, segment):
    if phase.every_days:
        return segment[-1] + phase.every_days
    return segment[0] + 7 * ((segment[-1] - segment[0]) // 7 + 1)


def price_of(phase, segment, left):
    gaps = [there - here for here, there in pairwise(segment)]
    if phase.every_days:
        if any(not 0 <= gap - phase.every_days <= 8 for gap in gaps):
            return NEVER
        more = [gap - phase.every_days for gap in gaps]
        return sum(more), 0, sum(extra**2 for extra in more)
    each = phase.per_week
    windows = Counter((day - segment[0]) // 7 for day in segment)
    last = max(windows)
    used = sorted(windows)
    if max(windows.values()) > each:
        return NEVER
    if any(there - here > 5 for here, there in pairwise(used)):
        return NEVER
    rest = ceil(max(0, left - (each - windows[last])) / each)
    lost = 7 * (last + 1 + rest - ceil((len(segment) + left) / each))
    empty = sum(each - windows[number] for number in range(last))
    return lost, empty, sum((gap - 7 / each) ** 2 for gap in gaps)


@settings(max_examples=examples(150, 1500), deadline=None)
@given(
    st.lists(
        st.one_of(
            st.builds(Phase, st.integers(1, 3), per_week=st.sampled_from([1, 2])),
            st.builds(Phase, st.integers(1, 3), every_days=st.sampled_from([1, 3])),
        ),
        min_size=1,
        max_size=2,
    ),
    st.builds(Cap, st.integers(1, 3), st.integers(4, 25)),
    st.sets(st.integers(-20, -1), max_size=2),
    st.sets(st.integers(0, 60), min_size=3, max_size=14),
)
def test_no_course_within_a_cap_is_better_than_the_one_planned(phases, cap, earlier, free):
    capped = [
        Phase(
            phase.sessions,
            per_week=phase.per_week,
            every_days=phase.every_days,
            caps=(cap,),
            earlier=on(*sorted(earlier)),
        )
        for phase in phases
    ]
    sessions = sum(phase.sessions for phase in phases)
    prices = [
        price
        for offsets in combinations(sorted(free), sessions)
        if (price := walked(phases, cap, sorted(earlier), offsets)) is not NEVER
    ]

    try:
        found = plan(capped, [at(opening) for opening in free], Wishes(START), until=on(80)[0])
    except NoPlan:
        assert prices == []
        return

    chosen = tuple((appointment.opening.day - START).days for appointment in found.sessions)
    assert walked(phases, cap, sorted(earlier), chosen) == min(prices)
    named = {compromise.kind for compromise in found.compromises}
    assert bool(named & {"late", "short", "gap"}) == (min(prices)[:2] > (0, 0))


@pytest.mark.slow
def test_more_caps_than_can_be_worked_out_are_refused_with_a_sentence():
    caps = (Cap(12, 60), Cap(7, 21), Cap(30, 200), Cap(5, 13), Cap(13, 77))

    with pytest.raises(TooTangled) as refused:
        planned([Phase(40, within_days=300, caps=caps)], range(500))

    assert refused.value.field == "phases"
    assert "too many limits" in refused.value.sentence
