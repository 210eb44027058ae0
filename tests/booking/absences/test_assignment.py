"""Sessions and places: as many as possible, then the least cost, against trying everything."""

from collections.abc import Sequence
from itertools import combinations, product

from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.booking.absences.assignment import NO_PLACE, Assigned, Candidate, Take, assign
from scheduler.infra.intervals import Interval, overlap
from tests.support.chaos import examples


@st.composite
def places(draw: st.DrawFn) -> Candidate:
    start = draw(st.integers(0, 6))
    hands = [Interval(start, start + 1)]
    if draw(st.booleans()):  # hands again at the end, and rest in between
        hands.append(Interval(start + 2, start + 3))
    who = draw(st.sampled_from(["Ana", "Ben"]))
    return Candidate(
        draw(st.integers(0, 9)),
        tuple(Take(who, hand) for hand in hands),
        Interval(start, start + 3),
        tuple(draw(st.lists(st.sampled_from("XY"), max_size=2, unique=True))),
    )


def possible(chosen: Sequence[Assigned]) -> bool:
    return not any(
        any(
            mine.of == theirs.of and overlap(mine.span, theirs.span)
            for mine, theirs in product(one.place.takes, other.place.takes)
        )
        or (
            one.room is not None
            and one.room == other.room
            and overlap(one.place.stay, other.place.stay)
        )
        for one, other in combinations(chosen, 2)
    )


def price(chosen: Sequence[Assigned | None]) -> int:
    return sum(NO_PLACE if opening is None else opening.place.cost for opening in chosen)


@settings(max_examples=examples(150, 1500), deadline=None)
@given(st.lists(st.lists(places(), max_size=3), max_size=4))
def test_no_answer_is_better(wanted: list[list[Candidate]]) -> None:
    every = [
        [None, *(Assigned(place, room) for place in those for room in place.rooms or [None])]
        for those in wanted
    ]
    least = min(
        price(answer)
        for answer in product(*every)
        if possible([choice for choice in answer if choice is not None])
    )

    chosen = assign(wanted)

    assert possible([opening for opening in chosen if opening is not None])
    for each, those in zip(chosen, wanted, strict=True):
        assert each is None or each.place in those
    assert price(chosen) == least


def hour(which: int, cost: int = 0) -> Candidate:
    return Candidate(cost, (Take("Ana", Interval(which, which + 1)),))


def test_who_can_go_elsewhere_makes_room_even_if_nothing_can_be_bettered() -> None:
    # Each but the last likes the hour best that the next one needs; the last has only one.
    many = 40
    wanted = [[hour(number, 0), hour(number + 1, 5)] for number in range(many)]
    wanted.append([hour(0)])

    chosen = assign(wanted, looks=0)

    assert None not in chosen


def test_of_more_sessions_than_places_as_many_as_there_are_places_are_seated() -> None:
    chosen = assign([[hour(number) for number in range(20)] for _ in range(30)])

    assert len([opening for opening in chosen if opening is not None]) == 20


def test_nobody_wants_anything() -> None:
    assert assign([]) == []
    assert assign([[]]) == [None]
