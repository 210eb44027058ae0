"""Other plans beside the best: each better in one thing, or not there."""

from datetime import date, timedelta

from scheduler.booking.pace import alternatives
from scheduler.booking.pace.alternatives import Proposal
from scheduler.booking.pace.planner import Opening, Wishes, plan
from scheduler.clinic.phases import Phase
from scheduler.phrases.alternatives import sentence

MONDAY = date(2026, 3, 2)
UNTIL = date(2026, 8, 31)
MEI, OLU = 1, 2
WEEKLY = [Phase(3, per_week=1)]


def at(offset, hour=9, who=MEI):
    day = MONDAY + timedelta(days=offset)
    return Opening(day, hour * 60, day.toordinal() * 1440 + hour * 60, who, room_id=7)


def found(phases, openings, **wishes):
    asked = Wishes(MONDAY, **wishes)
    best = plan(phases, openings, asked, until=UNTIL)
    others = alternatives.find(Proposal(best, phases, openings, asked, UNTIL))
    return [
        (
            other.kind,
            sentence(other.advantage),
            [(s.opening.day - MONDAY).days for s in other.plan.sessions],
        )
        for other in others
    ]


def test_one_practitioner_throughout_at_the_price_of_even_gaps():
    openings = [at(0), at(7), at(16), at(14, who=OLU)]

    assert found(WEEKLY, openings) == [
        ("same_practitioner", "One practitioner gives all of its sessions.", [0, 7, 16])
    ]


def test_one_hour_throughout():
    openings = [at(0), at(7), at(16), at(14, hour=15)]

    assert found(WEEKLY, openings) == [
        ("same_hour", "All of its sessions begin at 9:00.", [0, 7, 16])
    ]


def test_an_earlier_end_at_the_price_of_a_wish():
    openings = [at(day) for day in range(40)]

    assert found(WEEKLY, openings, weekdays=frozenset({3})) == [
        ("earlier_end", "It ends on 16 March, 3 days earlier.", [0, 10, 14])
    ]


def test_a_wish_that_must_be_met_is_met_by_all():
    openings = [at(day) for day in range(40)]

    assert found(WEEKLY, openings, weekdays=frozenset({3}), strict=frozenset({"weekdays"})) == []


def test_a_part_that_is_to_be_spread_is_not_crammed_into_its_first_days():
    openings = [at(day) for day in range(70)]

    [(kind, _, days)] = found([Phase(4, within_days=28)], openings)

    assert kind == "earlier_end"
    assert days == [0, 6, 13, 20]


def test_the_best_that_is_all_of_this_has_no_others():
    assert found(WEEKLY, [at(day) for day in (0, 7, 14)]) == []


def test_two_ways_to_the_same_course_are_said_once():
    openings = [at(0), at(7), at(16), at(14, hour=15, who=OLU)]

    assert [kind for kind, _, _ in found(WEEKLY, openings)] == ["same_practitioner"]


def test_of_two_practitioners_the_one_who_keeps_the_pace():
    slow = [at(day, who=OLU) for day in (0, 14, 21)]
    openings = [at(1), at(9), at(17), *slow, at(7, hour=15, who=3)]

    [(_, _, days)] = found(WEEKLY, openings)

    assert days == [1, 9, 17]
