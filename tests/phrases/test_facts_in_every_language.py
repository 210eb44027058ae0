"""The rules find the same facts in every language, and every fact has a sentence in each."""

import json
from collections.abc import Iterator
from dataclasses import is_dataclass
from datetime import date, timedelta
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.booking.availability.limits import Limit
from scheduler.booking.availability.unavailability import Cause, SearchedDays
from scheduler.booking.pace import alternatives, remedies
from scheduler.booking.pace.alternatives import (
    Advantage,
    EarlierEnd,
    Proposal,
    SameHour,
    SamePractitioner,
)
from scheduler.booking.pace.compromises import Compromise
from scheduler.booking.pace.planner import Plan, plan
from scheduler.booking.pace.refusals import NoPlan, Remedy
from scheduler.booking.pace.remedies import FreeTimes
from scheduler.booking.pace.violations import PaceViolation, violations
from scheduler.booking.pace.wishes import Opening, Wishes
from scheduler.booking.planning import fact_json
from scheduler.booking.planning.no_plan import Blocked, CourseTooLong, PartEnds, Reason
from scheduler.clinic.phases import Cap, Phase
from scheduler.i18n import languages
from scheduler.phrases import alternatives as alternative_phrases
from scheduler.phrases import availability, compromises, no_plan, pace
from tests.support.wording import answering_in

MONDAY = date(2026, 3, 2)
UNTIL = MONDAY + timedelta(days=70)
FACTS = (PaceViolation, Compromise, Reason, Remedy, Advantage)

weekdays = st.sampled_from([(), (0, 3)])
paces = st.one_of(
    st.builds(Phase, st.integers(1, 4), per_week=st.sampled_from([0.5, 1, 2]), weekdays=weekdays),
    st.builds(Phase, st.integers(1, 4), every_days=st.integers(1, 7)),
    st.builds(Phase, st.integers(2, 4), within_days=st.integers(4, 20)),
)
dated = st.builds(
    Phase,
    st.integers(1, 3),
    per_week=st.just(1),
    from_day=st.integers(0, 10),
    to_day=st.integers(32, 40),
    anchor_on=st.just(MONDAY),
)
capped = st.builds(
    Phase, st.just(3), per_week=st.just(2), caps=st.just((Cap(sessions=2, days=14),))
)
courses = st.lists(st.one_of(paces, dated, capped), min_size=1, max_size=2)
offsets = st.lists(st.integers(0, 40), min_size=1, max_size=9).map(sorted)


@st.composite
def openings(draw: st.DrawFn) -> list[Opening]:
    days = draw(st.lists(st.integers(0, 60), min_size=4, max_size=40, unique=True))
    return [
        Opening(day, hour * 60, day.toordinal() * 1440 + hour * 60, practitioner, room_id=7)
        for day in (MONDAY + timedelta(days=offset) for offset in sorted(days))
        for hour, practitioner in draw(st.sampled_from([[(9, 1)], [(9, 1), (15, 2)], [(15, 2)]]))
    ]


wishes = st.builds(
    Wishes,
    st.just(MONDAY),
    weekdays=st.sampled_from([frozenset(), frozenset({0}), frozenset({1, 4})]),
    between=st.sampled_from([None, (0, 720), (720, 1440), (600, 660)]),
    practitioner_id=st.sampled_from([None, 1]),
    strict=st.sampled_from([frozenset(), frozenset({"hours", "weekdays"})]),
)


def planned(phases: list[Phase], free: list[Opening], wished: Wishes) -> Plan | NoPlan:
    try:
        return plan(phases, free, wished, until=UNTIL)
    except NoPlan as refusal:
        return refusal


def facts_of(phases: list[Phase], free: list[Opening], wished: Wishes) -> list[object]:
    """All that the rules find for one request."""
    found = planned(phases, free, wished)
    if isinstance(found, Plan):
        others = alternatives.find(Proposal(found, phases, free, wished, UNTIL))
        return [found, others]
    helping = remedies.find(
        phases, wished, found, today=MONDAY, free_times=lambda *_: FreeTimes(free, UNTIL)
    )
    return [found.session_number, found.planner_reason, helping]


def assert_is_a_sentence(words: str) -> None:
    assert words.endswith(".")
    assert "%(" not in words


@given(courses, offsets)
def test_dates_leave_the_pace_alike_in_every_language(phases: list[Phase], days: list[int]) -> None:
    ordinals = [MONDAY.toordinal() + day for day in days]
    found = []
    for language in languages.codes():
        with answering_in(language):
            found.append(violations(phases, ordinals))
            for violation in found[-1]:
                assert_is_a_sentence(pace.sentence(violation))

    assert all(other == found[0] for other in found)
    for violation in found[0]:
        stored = json.loads(json.dumps(fact_json.VIOLATION.dump(violation)))
        assert fact_json.VIOLATION.load(stored) == violation


@settings(max_examples=60, deadline=None)
@given(courses, openings(), wishes)
def test_plans_and_refusals_are_alike_in_every_language(
    phases: list[Phase], free: list[Opening], wished: Wishes
) -> None:
    found = []
    for language in languages.codes():
        with answering_in(language):
            found.append(facts_of(phases, free, wished))

    assert all(other == found[0] for other in found)


@settings(max_examples=60, deadline=None)
@given(courses, openings(), wishes)
def test_each_fact_of_a_plan_is_stored_and_worded_in_every_language(
    phases: list[Phase], free: list[Opening], wished: Wishes
) -> None:
    found = planned(phases, free, wished)
    if isinstance(found, NoPlan):
        for language in languages.codes():
            with answering_in(language):
                assert_is_a_sentence(no_plan.sentence(found))
        return
    for compromise in found.compromises:
        stored = json.loads(json.dumps(fact_json.COMPROMISE.dump(compromise)))
        assert fact_json.COMPROMISE.load(stored) == compromise
        for language in languages.codes():
            with answering_in(language):
                assert_is_a_sentence(compromises.sentence(compromise))


REASONS: list[Reason] = [
    PartEnds(MONDAY),
    CourseTooLong(MONDAY),
    *(Blocked(cause, SearchedDays(MONDAY, UNTIL), None) for cause in Cause),
    Blocked(Cause.CLOSED, SearchedDays(MONDAY, MONDAY, frozenset({0, 2}), (540, 600)), UNTIL),
]


@pytest.mark.parametrize("language", languages.codes())
@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_stored_and_worded(reason: Reason, language: str) -> None:
    refusal = fact_json.Refusal(3, reason, (Remedy("fewer", MONDAY, UNTIL, 3),))
    stored = json.loads(json.dumps(fact_json.REFUSAL.dump(refusal)))

    assert fact_json.REFUSAL.load(stored) == refusal
    with answering_in(language):
        assert_is_a_sentence(no_plan.of_session(3, reason))
        assert_is_a_sentence(no_plan.remedy(refusal.remedies[0]))


@pytest.mark.parametrize("reason", Limit)
def test_every_reason_against_a_start_is_worded(reason: Limit) -> None:
    assert availability.reason(reason)


@pytest.mark.parametrize("advantage", [EarlierEnd(MONDAY, 5), SamePractitioner(), SameHour(540)])
def test_every_advantage_is_stored_and_worded(advantage: Advantage) -> None:
    stored = json.loads(json.dumps(fact_json.ADVANTAGE.dump(advantage)))

    assert fact_json.ADVANTAGE.load(stored) == advantage
    assert_is_a_sentence(alternative_phrases.sentence(advantage))


@pytest.mark.parametrize(
    "stored", [{"sessions": [3], "sentence": "Session 3 is late."}, {}, None, "late", {"kind": "x"}]
)
def test_a_stored_shape_that_is_not_known_is_no_fact(stored: object) -> None:
    assert fact_json.COMPROMISE.load(stored) is None
    assert fact_json.REFUSAL.load(stored) is None


def test_no_fact_has_room_for_a_sentence() -> None:
    """Words of a fact are among a few that are known: a free text could only be a sentence."""
    assert [hint for fact in FACTS for hint in _types_in(fact) if hint is str] == []


def _types_in(hint: object) -> Iterator[object]:
    """A type and all types that its fields and members are made of."""
    yield hint
    parts = [part for part in get_args(hint) if not isinstance(part, str)]
    if is_dataclass(hint) and isinstance(hint, type):
        parts += get_type_hints(hint).values()
    for part in parts:
        yield from _types_in(part)
