"""The planner against trying everything: the same aim, written down a second time."""

from collections import Counter
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations, pairwise, product
from math import ceil

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scheduler.booking.pace.date_search import soonest_end
from scheduler.booking.pace.planner import (
    NoPlan,
    Opening,
    Wishes,
    neighbours,
    plan,
    plan_rest,
)
from scheduler.clinic.phases import Phase
from scheduler.infra.errors import Invalid
from tests.support.chaos import examples
from tests.support.wording import broken_pace

pytestmark = pytest.mark.slow

START = date(2026, 3, 2)
WINDOWS = {  # sessions, and days in which they lie
    0.25: (1, 28),
    0.5: (1, 14),
    0.75: (3, 28),
    1: (1, 7),
    1.5: (3, 14),
    2: (2, 7),
    3: (3, 7),
    5: (5, 7),
}
NEVER = None  # the price of what is not allowed


def price_of_days(phases, days):
    """(days lost, places empty, unevenness) of days counted from the wished start."""
    late = days[0] - max(0, bound(phases[0], "from_day", 0))
    if not 0 <= late < 35:
        return NEVER
    lost, empty, uneven, start, soonest = late // 7 * 7, 0, Fraction(0), 0, None
    for phase in phases:
        own = days[start : start + phase.sessions]
        if any(
            phase.weekdays and (START + timedelta(days=day)).weekday() not in phase.weekdays
            for day in own
        ):
            return NEVER
        if own[-1] > bound(phase, "to_day", 9999):
            return NEVER
        if soonest is not None:
            soonest = max(soonest, days[start - 1] + 1 + phase.rest_days)
            wait = own[0] - max(soonest, bound(phase, "from_day", soonest))
            if not 0 <= wait < 35:
                return NEVER
            lost, uneven = lost + wait // 7 * 7, uneven + wait**2
        inside = price_inside(phase, own)
        if inside is NEVER:
            return NEVER
        more, places, ideal, soonest = inside
        lost, empty = lost + more, empty + places
        uneven += sum((there - here - ideal) ** 2 for here, there in pairwise(own))
        start += phase.sessions
    return lost, empty, uneven


def bound(phase, name, default):
    days = getattr(phase, name)
    return default if days is None else (phase.anchor_on - START).days + days


def price_inside(phase, own):
    """(days lost, places empty, ideal gap, soonest day of the next phase)."""
    if phase.every_days:
        due = [day_due(phase, day) for day in own]
        if any(not 0 <= day - soon <= 8 for soon, day in zip(due, own[1:], strict=False)):
            return NEVER
        more = sum(day - soon for soon, day in zip(due, own[1:], strict=False))
        return more, 0, phase.every_days, own[-1] + phase.every_days
    if phase.within_days:
        over = max(0, own[-1] - own[0] - (phase.within_days - 1))
        if over > 28 or (phase.at_least_days or 0) > own[-1] - own[0] + 1:
            return NEVER
        ideal = Fraction(phase.within_days - 1, max(1, phase.sessions - 1))
        return over, 0, ideal, own[-1] + max(1, int(ideal))
    each, length = WINDOWS[phase.per_week]
    windows = Counter((day - own[0]) // length for day in own)
    last = max(windows)
    longest_pause = max(there - here - 1 for here, there in pairwise([*sorted(windows), last + 1]))
    if max(windows.values()) > each or longest_pause > max(1, 28 // length):
        return NEVER
    empty = sum(each - windows[number] for number in range(last))
    lost = length * (last + 1 - ceil(phase.sessions / each))
    return lost, empty, Fraction(length, each), own[0] + length * (last + 1)


def day_due(phase, day):
    soon = day + phase.every_days
    while phase.weekdays and (START + timedelta(days=soon)).weekday() not in phase.weekdays:
        soon += 1
    return soon


def allowed(wishes, opening):
    if "weekdays" in wishes.strict and wishes.weekdays:
        return opening.day.weekday() in wishes.weekdays
    if "hours" in wishes.strict and wishes.between:
        return wishes.between[0] <= opening.minute < wishes.between[1]
    return True


def price_of_openings(wishes, openings):
    """(sessions outside the wishes, wishes missed)."""
    missed = [
        (bool(wishes.weekdays) and opening.day.weekday() not in wishes.weekdays)
        + (
            wishes.between is not None
            and not wishes.between[0] <= opening.minute < wishes.between[1]
        )
        + (wishes.practitioner_id not in (None, opening.practitioner_id))
        for opening in openings
    ]
    return sum(map(bool, missed)), sum(missed)


def price_of_differences(openings, densest):
    """Less for more sessions alike, which is the same as for fewer that differ; then the starts."""
    with_one = Counter(opening.practitioner_id for opening in openings).most_common(1)[0][1]
    on_weekdays = Counter(opening.day.weekday() for opening in openings).most_common(densest)
    at_one_time = Counter(opening.minute for opening in openings).most_common(1)[0][1]
    return (
        -with_one,
        -sum(count for _, count in on_weekdays),
        -at_one_time,
        sum(opening.starts_at for opening in openings),
    )


def price(phases, wishes, openings):
    days = [(opening.day - START).days for opening in openings]
    of_days = price_of_days(phases, days)
    if of_days is NEVER:
        return NEVER
    lost, empty, uneven = of_days
    return (
        lost,
        empty,
        *price_of_openings(wishes, openings),
        uneven,
        days[0],
        *price_of_differences(openings, densest(phases)),
    )


def densest(phases):
    def a_week(phase):
        if phase.sessions == 1:
            return 1
        if phase.every_days:
            gap = phase.every_days
        elif phase.within_days:
            gap = Fraction(phase.within_days - 1, phase.sessions - 1)
        else:
            sessions, days = WINDOWS[phase.per_week]
            gap = Fraction(days, sessions)
        return min(7, -(-7 // gap))

    return max(map(a_week, phases))


def cheapest_of_all(phases, wishes, by_day, kept=()):
    sessions = sum(phase.sessions for phase in phases)
    prices = []
    by_day = {
        day: [opening for opening in by_day[day] if allowed(wishes, opening)] for day in by_day
    }
    by_day |= {opening.day: [opening] for opening in kept}
    kept = [opening.day for opening in kept]
    for days in combinations(sorted(by_day), sessions):
        if days[: len(kept)] != tuple(kept):
            continue
        if price_of_days(phases, [(day - START).days for day in days]) is not NEVER:
            prices += [
                price(phases, wishes, openings)
                for openings in product(*(by_day[day] for day in days))
            ]
    return min(prices, default=NEVER)


@st.composite
def courses(draw):
    paces = st.one_of(
        st.builds(lambda n: {"per_week": n}, st.sampled_from(sorted(WINDOWS))),
        st.builds(lambda n: {"every_days": n}, st.integers(1, 4)),
        st.builds(lambda n: {"within_days": n}, st.integers(4, 16)),
        st.builds(lambda n: {"within_days": n, "at_least_days": n // 2}, st.integers(4, 16)),
    )
    phases = []
    for sessions in draw(st.sampled_from([(4,), (3,), (2, 2), (3, 1), (1, 3), (1, 2, 1), (2,)])):
        facts = {
            "rest_days": draw(st.sampled_from([0, 0, 2, 5])),
            "weekdays": draw(st.sampled_from([(), (), (), (0, 2, 4), (0, 1, 2, 3, 4)])),
            "anchor_on": START + timedelta(days=20),
            "from_day": draw(st.sampled_from([None, None, None, -17, -5, 3])),
            "to_day": draw(st.sampled_from([None, None, None, 0, 14, 25])),
        }
        try:
            phases.append(Phase(sessions, **draw(paces), **facts))
        except Invalid:
            assume(False)
    return phases


@st.composite
def diaries(draw):
    dense = draw(st.booleans())
    offsets = draw(
        st.sets(st.integers(-1, 13 if dense else 60), min_size=2, max_size=10 if dense else 12)
    )
    by_day = {}
    for offset in offsets:
        day = START + timedelta(days=offset)
        options = st.sets(st.tuples(st.integers(1, 2), st.sampled_from([540, 600])), min_size=1)
        chosen = sorted(draw(options if len(offsets) < 9 else st.just({(1, 540), (2, 600)})))
        by_day[day] = [
            Opening(day, minute, day.toordinal() * 1440 + minute, who, 1) for who, minute in chosen
        ]
    return by_day


_wishes = st.builds(
    Wishes,
    st.just(START),
    st.sampled_from([frozenset(), frozenset({0, 1}), frozenset({3})]),
    st.sampled_from([None, (540, 570), (570, 720)]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([frozenset(), frozenset(), frozenset({"weekdays"}), frozenset({"hours"})]),
)


@settings(max_examples=examples(100, 1000), deadline=None)
@given(courses(), diaries(), _wishes)
def test_no_course_is_better_than_the_one_planned(phases, by_day, wishes):
    until = START + timedelta(days=55)
    by_day = {day: offered for day, offered in by_day.items() if day <= until}
    openings = [opening for offered in by_day.values() for opening in offered]

    try:
        planned = plan(phases, openings, wishes, until=until)
    except NoPlan:
        planned = None

    least = cheapest_of_all(phases, wishes, by_day)
    if planned is None:
        assert least is NEVER
        return
    chosen = [session.opening for session in planned.sessions]
    assert price(phases, wishes, chosen) == least
    slower = [
        compromise
        for compromise in planned.compromises
        if compromise.kind in {"late", "short", "gap"}
    ]
    assert bool(slower) == (least[:2] > (0, 0))
    outside = {
        n
        for compromise in planned.compromises
        if compromise not in slower
        for n in compromise.session_numbers
    }
    assert len(outside) == least[2]


@settings(max_examples=examples(100, 1000), deadline=None)
@given(courses(), diaries(), _wishes, st.data())
def test_no_end_of_a_course_is_better_than_the_one_planned(phases, by_day, wishes, data):
    until = START + timedelta(days=60)
    sessions = sum(phase.sessions for phase in phases)
    whole = [
        days
        for days in combinations(sorted(by_day), sessions)
        if price_of_days(phases, [(day - START).days for day in days]) is not NEVER
    ]
    assume(whole)
    days = data.draw(st.sampled_from(whole))[: data.draw(st.integers(1, sessions - 1))]
    kept = [data.draw(st.sampled_from(by_day[day])) for day in days]
    # Free times for the rest are drawn again, so that often none exist, or only late ones.
    later = [day for day in by_day if day > days[-1]]
    left = set(data.draw(st.lists(st.sampled_from(later), max_size=8))) if later else set()
    rest = {day: by_day[day] for day in left}
    openings = [opening for offered in rest.values() for opening in offered]

    try:
        planned = plan_rest(phases, kept, openings, wishes, until=until)
    except NoPlan as refusal:
        planned, number = None, refusal.session_number

    fixed = {opening.day: [opening] for opening in kept}
    least = cheapest_of_all(phases, wishes, fixed | rest, kept=kept)
    if planned is None:
        assert least is NEVER
        assert len(kept) < number <= sessions
        return
    chosen = [session.opening for session in planned.sessions]
    assert [session.number for session in planned.sessions] == [*range(len(kept) + 1, sessions + 1)]
    assert price(phases, wishes, [*kept, *chosen]) == least
    assert all(min(compromise.session_numbers) > len(kept) for compromise in planned.compromises)


@settings(max_examples=examples(100, 1000), deadline=None)
@given(courses(), diaries())
def test_no_course_is_over_sooner_than_the_soonest(phases, by_day):
    offsets = sorted((day - START).days for day in by_day if day >= START)
    sessions = sum(phase.sessions for phase in phases)
    ends = [
        days[-1]
        for days in combinations(offsets, sessions)
        if price_of_days(phases, days) is not NEVER
    ]

    end = soonest_end(phases, {START.toordinal() + offset for offset in offsets}, START.toordinal())

    assert end == (START.toordinal() + min(ends) if ends else None)


@settings(max_examples=examples(40, 400), deadline=None)
@given(courses(), diaries(), st.data())
def test_neighbours_break_nothing_that_the_plan_keeps(phases, by_day, data):
    openings = [opening for offered in by_day.values() for opening in offered]
    try:
        planned = plan(phases, openings, Wishes(START), until=START + timedelta(days=60))
    except NoPlan:
        return
    number = data.draw(st.integers(1, len(planned.sessions)))
    days = [session.opening.day for session in planned.sessions]

    for other in neighbours(planned, number, openings, phases, limit=50):
        assert other != planned.sessions[number - 1].opening
        moved = [*days[: number - 1], other.day, *days[number:]]
        assert moved == sorted(set(moved))
        assert len(broken_pace(phases, moved)) <= len(broken_pace(phases, days))
