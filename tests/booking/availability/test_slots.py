from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.booking.availability.limits import Limit
from scheduler.booking.availability.slots import (
    Break,
    PractitionerTime,
    RoomTime,
    SessionShape,
    Slot,
    Taken,
    broken,
    free,
    room_for,
)
from scheduler.clinic.hours import WeeklyHours, wall, working
from scheduler.infra.errors import Invalid
from scheduler.infra.intervals import Interval, minute_of, overlap

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
SHAPE = SessionShape(40, ((0, 15), (35, 40)), turnover_minutes=10, step=20)
NINE = minute_of(datetime(2026, 1, 15, 8, tzinfo=UTC))  # 09:00 in Berlin
MORNING = Interval(NINE, NINE + 180)
MEI, OLU = 1, 2
BED, OTHER_BED = 11, 12


def starts(slots):
    return [slot.starts_at - NINE for slot in slots]


def find(practitioners, rooms, shape=SHAPE, **more):
    return free(MORNING, shape, practitioners, rooms, zone=BERLIN, **more)


def test_an_empty_morning_is_free_on_the_grid_until_the_last_whole_session():
    slots = find([PractitionerTime(MEI, [MORNING], [])], [RoomTime(BED, [])])

    assert starts(slots) == [0, 20, 40, 60, 80, 100, 120, 140]
    assert slots[0] == Slot(NINE, MEI, BED)


def test_a_practitioner_leaves_while_the_patient_rests_and_serves_the_next_bed():
    hands_on = [Interval(NINE, NINE + 15), Interval(NINE + 35, NINE + 40)]
    mei = PractitionerTime(MEI, [MORNING], hands_on)
    rooms = [RoomTime(BED, [Interval(NINE, NINE + 50)]), RoomTime(OTHER_BED, [])]

    slots = find([mei], rooms, shape=SHAPE._replace(step=5))

    # From 15 minutes on she is free, but not for the hands-on minutes that would meet her own.
    assert starts(slots)[:3] == [15, 20, 40]
    assert slots[0].room_id == OTHER_BED
    assert slots[3] == Slot(NINE + 45, MEI, OTHER_BED)
    assert slots[4] == Slot(NINE + 50, MEI, BED)


def test_buffers_part_the_hands_of_one_practitioner_on_two_beds():
    shape = SHAPE._replace(step=5, buffer_before=5, buffer_after=5)
    hands = [Interval(NINE + a, NINE + b) for a, b in shape.hands()]
    mei = PractitionerTime(MEI, [MORNING], hands)

    assert [(a - NINE, b - NINE) for a, b in hands] == [(-5, 20), (30, 45)]
    assert starts(find([mei], [RoomTime(OTHER_BED, [])], shape=shape))[:2] == [50, 55]
    touching = shape._replace(hands_on=((0, 15), (25, 40)))
    assert touching.hands() == [(-5, 45)]


def test_setup_keeps_a_room_from_a_session_just_after_another():
    rooms = [RoomTime(BED, [Interval(NINE, NINE + 20)])]
    mei = PractitionerTime(MEI, [MORNING], [])

    assert starts(find([mei], rooms, shape=SHAPE._replace(setup_minutes=5)))[0] == 40


def test_a_lunch_that_floats_is_left_room_somewhere_in_its_window():
    noon = Interval(NINE + 60, NINE + 150)
    first = Interval(NINE + 80, NINE + 100)
    mei = PractitionerTime(MEI, [MORNING], [first], breaks=[Break(noon, 40, [first])])
    whole = SessionShape(20, ((0, 20),), step=10)

    # From 100 to 150 there are 50 minutes: a session may take what lies outside the forty.
    assert starts(find([mei], [RoomTime(BED, [])], shape=whole)) == [
        *(0, 10, 20, 30, 40, 50, 60),
        *(140, 150, 160),
    ]


def test_a_fixed_lunch_and_a_full_day_leave_nothing_of_themselves():
    lunch = Break(Interval(NINE + 60, NINE + 120), 60)
    mei = PractitionerTime(MEI, [MORNING], [], breaks=[lunch])

    # At 40 hands are on until 55, and off again as lunch begins: but not from 75 on.
    assert starts(find([mei], [RoomTime(BED, [])])) == [0, 20, 120, 140]
    assert starts(find([mei._replace(breaks=(), full=[MORNING])], [RoomTime(BED, [])])) == []


def test_turnover_keeps_a_room_from_a_session_just_before_another():
    rooms = [RoomTime(BED, [Interval(NINE + 60, NINE + 110)])]
    mei = PractitionerTime(MEI, [MORNING], [])

    assert starts(find([mei], rooms)) == [0, 120, 140]


def test_a_patient_is_not_in_two_places():
    mei = PractitionerTime(MEI, [MORNING], [])
    busy = [Interval(NINE + 60, NINE + 100)]

    slots = find([mei], [RoomTime(BED, [])], patient_busy=busy)

    assert starts(slots) == [0, 20, 100, 120, 140]


def test_no_session_spans_a_break_or_starts_before_it_may():
    broken = [Interval(NINE, NINE + 60), Interval(NINE + 90, NINE + 180)]
    mei = PractitionerTime(MEI, broken, [])

    assert starts(find([mei], [RoomTime(BED, [])], not_before=NINE + 1)) == [20, 90, 110, 130]


@pytest.mark.parametrize("step", range(5, 241))
def test_any_step_counts_from_the_beginning_of_each_stretch(step):
    morning, afternoon = Interval(NINE - 30, NINE + 210), Interval(NINE + 270, NINE + 510)
    mei = PractitionerTime(MEI, [morning, afternoon], [])
    span = Interval(NINE - 30, NINE + 510)

    found = free(span, SHAPE._replace(step=step), [mei], [RoomTime(BED, [])], zone=BERLIN)

    assert [slot.starts_at for slot in found] == [
        start for begin, end in (morning, afternoon) for start in range(begin, end - 40 + 1, step)
    ]


def test_a_closure_does_not_move_the_starts_after_it():
    mei = PractitionerTime(MEI, [Interval(NINE + 50, NINE + 180)], [], begins=[NINE])
    span = Interval(NINE, NINE + 180)

    found = free(span, SHAPE, [mei], [RoomTime(BED, [])], zone=BERLIN)

    assert [slot.starts_at - NINE for slot in found] == [60, 80, 100, 120, 140]


def test_starts_are_counted_anew_after_a_fixed_break_and_not_after_a_floating_one():
    noon = Interval(NINE + 180, NINE + 235)
    rooms = [RoomTime(BED, [])]
    span = Interval(NINE, NINE + 360)

    def afternoon(minutes):
        mei = PractitionerTime(MEI, [span], [], [Break(noon, minutes)])
        found = free(span, SHAPE, [mei], rooms, zone=BERLIN)
        return [slot.starts_at - NINE for slot in found if slot.starts_at >= noon.end]

    assert afternoon(55)[:3] == [235, 255, 275]
    assert afternoon(30)[:3] == [240, 260, 280]


def test_slots_are_sorted_by_start_and_practitioner_with_the_first_free_room():
    rooms = [RoomTime(OTHER_BED, [Interval(NINE, NINE + 30)]), RoomTime(BED, [])]
    both = [PractitionerTime(who, [MORNING], []) for who in (OLU, MEI)]

    assert find(both, rooms)[:4] == [
        Slot(NINE, MEI, BED),
        Slot(NINE, OLU, BED),
        Slot(NINE + 20, MEI, BED),
        Slot(NINE + 20, OLU, BED),
    ]
    assert find(both, rooms)[4] == Slot(NINE + 40, MEI, OTHER_BED)
    assert find(both, []) == []
    assert find([], rooms) == []


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        (KATHMANDU, date(2026, 1, 15)),
        (LORD_HOWE, date(2026, 4, 5)),
        (LORD_HOWE, date(2026, 10, 4)),
    ],
)
def test_starts_lie_on_the_clock_on_the_wall_whatever_the_zone_does(zone, day):
    hours = [WeeklyHours(weekday, time(0), time(6)) for weekday in range(7)]
    span = Interval(*working([WeeklyHours(day.weekday(), time(0), time(0))], day, zone)[0])
    mei = PractitionerTime(MEI, working(hours, day, zone), [])

    slots = free(span, SHAPE, [mei], [RoomTime(BED, [])], zone=zone)

    real = mei.working[0].end - mei.working[0].start - 40
    on_grid = [m for m in range(span.start, span.start + real + 1) if wall(m, zone)[1] % 20 == 0]
    assert [slot.starts_at for slot in slots] == on_grid


@pytest.mark.parametrize(
    ("start", "limits"),
    [
        (0, set()),
        (7, set()),
        (-20, {Limit.OUTSIDE_HOURS}),
        (150, {Limit.OUTSIDE_HOURS, Limit.DAILY_LIMIT}),
        (25, {Limit.PRACTITIONER_TAKEN, Limit.ROOM_TAKEN}),
        (45, {Limit.ROOM_TAKEN}),
        (110, {Limit.PATIENT_TAKEN}),
        (130, {Limit.IN_BREAK, Limit.PATIENT_TAKEN}),
        (140, {Limit.DAILY_LIMIT, Limit.IN_BREAK, Limit.PATIENT_TAKEN}),
    ],
)
def test_the_limits_that_a_wanted_start_breaks(start, limits):
    mei = PractitionerTime(
        MEI,
        [MORNING],
        [Interval(NINE + 30, NINE + 35)],
        breaks=[Break(Interval(NINE + 168, NINE + 178), 9)],
        full=[Interval(NINE + 140, NINE + 600)],
    )
    rooms = [RoomTime(BED, [Interval(NINE + 60, NINE + 90)])]
    patient = [Interval(NINE + 140, NINE + 150)]

    found = broken(NINE + start, SHAPE, mei, rooms, patient_busy=patient)

    assert found == limits


def test_the_room_for_a_start_is_the_first_that_is_free_with_turnover():
    rooms = [RoomTime(BED, [Interval(NINE + 49, NINE + 60)]), RoomTime(OTHER_BED, [])]

    assert room_for(NINE, SHAPE, rooms) == OTHER_BED
    assert room_for(NINE - 1, SHAPE, rooms) == BED
    assert room_for(NINE + 59, SHAPE, rooms[:1]) is None


@pytest.mark.parametrize(
    "shape",
    [
        SHAPE._replace(minutes=0),
        SHAPE._replace(hands_on=()),
        SHAPE._replace(hands_on=((0, 41),)),
        SHAPE._replace(hands_on=((5, 5),)),
        SHAPE._replace(turnover_minutes=-1),
        SHAPE._replace(step=1441),
        SHAPE._replace(step=0),
    ],
)
def test_a_session_that_nobody_could_hold_is_refused(shape):
    with pytest.raises(Invalid):
        find([], [], shape=shape)


# Around the autumn change of Lord Howe, where half an hour comes twice.
_FIRST = minute_of(datetime(2026, 4, 4, 10, tzinfo=UTC))
_intervals = st.lists(
    st.builds(
        lambda start, length: Interval(_FIRST + start, _FIRST + start + length),
        st.integers(-60, 660),
        st.integers(1, 200),
    ),
    max_size=5,
)
_shapes = st.builds(
    SessionShape,
    st.sampled_from([30, 40, 45]),
    st.sampled_from([((0, 30),), ((0, 10), (25, 30)), ((5, 6),)]),
    st.sampled_from([0, 5, 15]),
    st.sampled_from([5, 15, 20, 60]),
    setup_minutes=st.sampled_from([0, 5]),
    buffer_before=st.sampled_from([0, 3, 10]),
    buffer_after=st.sampled_from([0, 7]),
)
_breaks = st.lists(
    st.builds(
        lambda start, length, part: Break(
            Interval(_FIRST + start, _FIRST + start + length), max(1, length * part // 4)
        ),
        st.integers(-60, 660),
        st.integers(10, 200),
        st.integers(1, 4),
    ),
    max_size=2,
)
_people = st.builds(
    lambda working, busy, breaks, full: (
        working,
        busy,
        [
            rest._replace(taken=[interval for interval in busy if overlap(interval, rest.window)])
            for rest in breaks
        ],
        full,
    ),
    _intervals,
    _intervals,
    _breaks,
    st.lists(st.just(Interval(_FIRST + 120, _FIRST + 360)), max_size=1),
)


@given(
    _shapes,
    st.lists(_people, max_size=3),
    st.lists(_intervals, max_size=3),
    _intervals,
    st.integers(0, 700),
)
def test_free_starts_are_those_that_minute_by_minute_are_free(
    shape, people, beds, patient_busy, wait
):
    span, not_before = Interval(_FIRST, _FIRST + 600), _FIRST + wait
    practitioners = [PractitionerTime(who, *times) for who, times in enumerate(people)]
    rooms = [RoomTime(100 + room, busy) for room, busy in enumerate(beds)]

    found = free(
        span,
        shape,
        practitioners,
        rooms,
        zone=LORD_HOWE,
        not_before=not_before,
        patient_busy=patient_busy,
    )

    def is_clear(busy, start, end):
        return not any(overlap(Interval(start, end), interval) for interval in busy)

    def rests(rest, needed, taken):
        if not needed & set(range(*rest.window)):
            return True
        run = longest = 0
        for minute in range(*rest.window):
            run = 0 if minute in needed or minute in taken else run + 1
            longest = max(longest, run)
        return longest >= rest.minutes

    def is_counted(start, stretch, breaks):
        ends = [rest.window.end for rest in breaks if rest.fixed]
        begin = max([stretch, *(end for end in ends if stretch < end <= start)])
        return (clock(start) - clock(begin)) % shape.step == 0

    def clock(minute):
        day, minute_of_day = wall(minute, LORD_HOWE)
        return day.toordinal() * 1440 + minute_of_day

    expected = []
    for start in range(span.start, span.end):
        if start < not_before:
            continue
        end = start + shape.minutes
        housed = [
            room
            for room in rooms
            if is_clear(room.busy, start - shape.setup_minutes, end + shape.turnover_minutes)
        ]
        needed = {
            start + minute
            for a, b in shape.hands_on
            for minute in range(a - shape.buffer_before, b + shape.buffer_after)
        }
        for who in practitioners:
            works = any(
                a <= start and end <= b and is_counted(start, a, who.breaks) for a, b in who.working
            )
            works = works and is_clear(who.full, start, start + 1)
            taken = {minute for a, b in who.busy for minute in range(a, b)}
            hands = not needed & taken and all(rests(pause, needed, taken) for pause in who.breaks)
            if housed and works and hands and is_clear(patient_busy, start, end):
                expected.append(Slot(start, who.practitioner_id, housed[0].room_id))
    assert found == expected
    for slot in found:
        who = practitioners[slot.practitioner_id]
        assert broken(slot.starts_at, shape, who, rooms, patient_busy=patient_busy) == set()


def test_a_course_keeps_its_wall_time_across_the_clock_change():
    zone = ZoneInfo("America/New_York")
    hours = [WeeklyHours(6, time(9), time(10))]
    days = [date(2026, 3, 1) + timedelta(weeks=week) for week in range(3)]
    worked = [stretch for day in days for stretch in working(hours, day, zone)]
    span = Interval(worked[0].start, worked[-1].end)
    mei = PractitionerTime(MEI, worked, [])

    slots = free(span, SHAPE._replace(step=60), [mei], [RoomTime(BED, [])], zone=zone)

    assert [wall(slot.starts_at, zone) for slot in slots] == [(day, 540) for day in days]


SPANS = st.builds(
    lambda start, minutes: Interval(start, start + minutes), st.integers(0, 40), st.integers(1, 12)
)


@given(busy=st.lists(SPANS, max_size=6), wanted=SPANS)
def test_what_is_taken_is_found_however_it_overlaps(busy, wanted):
    assert Taken(busy).clear(wanted) == (not any(overlap(interval, wanted) for interval in busy))
