from datetime import date

import pytest

from scheduler.clinic.phases import Phase, from_json, to_json, weeks, written_out
from scheduler.infra.errors import Invalid
from scheduler.phrases.treatment_pace import describe

CHERKIN = [Phase(6, per_week=2), Phase(4, per_week=1)]
TAPER = [
    Phase(16, per_week=2),
    Phase(2, per_week=1),
    Phase(2, per_week=0.5),
    Phase(3, per_week=0.25),
]


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"sessions": 0, "per_week": 1}, "A phase has 1 to 60 sessions."),
        ({"sessions": 61, "per_week": 1}, "A phase has 1 to 60 sessions."),
        ({"sessions": 3}, "exactly one pace"),
        ({"sessions": 3, "per_week": 1, "every_days": 7}, "exactly one pace"),
        ({"sessions": 3, "per_week": 8}, "whole number from 1 to 7"),
        ({"sessions": 3, "per_week": 2.3}, "whole number from 1 to 7"),
        ({"sessions": 3, "per_week": 1.4}, "1.5 is 3 in 2"),
        ({"sessions": 9, "per_week": 1.5, "weekdays": (0,)}, "1.5 sessions a week cannot all be"),
        ({"sessions": 31, "per_week": 1, "repeat": 2}, "and its repeats have 1 to 60"),
        ({"sessions": 3, "per_week": 1, "repeat": 0}, "and its repeats have 1 to 60"),
        ({"sessions": 3, "per_week": 1, "pause_days": 5}, "A pause lies between repeats"),
        ({"sessions": 3, "per_week": 1, "at_least_days": 9}, "goes with within_days"),
        ({"sessions": 3, "within_days": 9, "at_least_days": 10}, "from 1 to the 9"),
        ({"sessions": 3, "per_week": 1, "from_day": -14, "to_day": -1}, "do not fit from day -14"),
        ({"sessions": 3, "per_week": 1, "from_day": -400}, "from -366 to 366"),
        ({"sessions": 3, "per_week": 1, "to_day": 1, "repeat": 2}, "is not repeated"),
        ({"sessions": 3, "per_week": 0.7}, "whole number from 1 to 7"),
        ({"sessions": 3, "per_week": 0}, "whole number from 1 to 7"),
        ({"sessions": 3, "per_week": float("nan")}, "whole number from 1 to 7"),
        ({"sessions": 3, "every_days": 0}, "every 1 to 366 days"),
        ({"sessions": 12, "within_days": 11}, "12 sessions do not fit within 11 days"),
        ({"sessions": 3, "per_week": 1, "rest_days": -1}, "0 to 366 days of rest"),
        ({"sessions": 3, "per_week": 1, "weekdays": (7,)}, "from 0, Monday"),
        ({"sessions": 3, "per_week": 1, "weekdays": (1, 1)}, "each weekday once"),
        (
            {"sessions": 12, "per_week": 3, "weekdays": (0, 2)},
            "3 sessions a week cannot all be on Monday and Wednesday.",
        ),
        (
            {"sessions": 6, "every_days": 1, "weekdays": (0, 1, 2, 3)},
            "A session every 1 day cannot stay on Monday, Tuesday, Wednesday and Thursday.",
        ),
        (
            {"sessions": 3, "within_days": 14, "weekdays": (4,)},
            "3 sessions on Friday do not fit within 14 days.",
        ),
    ],
)
def test_impossible_phases_are_refused_with_a_reason(facts, sentence):
    with pytest.raises(Invalid, match=sentence) as refusal:
        Phase(**facts)

    assert refusal.value.field == "phases"


@pytest.mark.parametrize(
    "facts",
    [
        {"sessions": 2, "per_week": 3, "weekdays": (0, 2)},  # a week that is not full
        {"sessions": 12, "every_days": 2, "weekdays": (0, 2, 4)},  # a day more over the weekend
        {"sessions": 8, "every_days": 7, "weekdays": (3,)},
        {"sessions": 2, "within_days": 8, "weekdays": (4,)},
        {"sessions": 4, "per_week": 0.33},
        {"sessions": 4, "per_week": 1 / 12},
    ],
)
def test_possible_phases_are_accepted(facts):
    assert Phase(**facts).sessions == facts["sessions"]


@pytest.mark.parametrize(
    ("phases", "number"),
    [
        (CHERKIN, 7),
        (TAPER, 26),
        ([Phase(12, within_days=56)], 8),
        ([Phase(10, per_week=5)], 2),
        ([Phase(6, every_days=1), Phase(18, every_days=2)], 6),
        ([Phase(6, per_week=2), Phase(2, per_week=1), Phase(2, per_week=1, rest_days=28)], 11),
        ([Phase(10, per_week=2), Phase(5, per_week=1, optional=True)], 5),
        ([Phase(1, per_week=1)], 1),
        ([Phase(9, per_week=1.5)], 6),
        ([Phase(6, every_days=1, repeat=4, pause_days=1)], 4),
        ([Phase(10, every_days=1, weekdays=(0, 1, 2, 3, 4))], 2),
        ([], 0),
    ],
)
def test_how_many_weeks_a_course_takes(phases, number):
    assert weeks(phases) == number


@pytest.mark.parametrize(
    ("phase", "words"),
    [
        (Phase(6, per_week=2), "2 a week for 3 weeks"),
        (Phase(4, per_week=1), "once a week for 4 weeks"),
        (Phase(5, per_week=2), "5 over 3 weeks, at most 2 a week"),
        (Phase(2, per_week=0.5), "once every 2 weeks for 4 weeks"),
        (Phase(9, per_week=1.5), "3 every 2 weeks for 6 weeks"),
        (Phase(5, per_week=1.5), "5 over 4 weeks, at most 3 every 2 weeks"),
        (Phase(10, within_days=56, at_least_days=35), "10 within 8 weeks, over at least 35 days"),
        (
            Phase(10, every_days=1, repeat=3, pause_days=5),
            "every day, 10 times, 3 times over, 5 days apart",
        ),
        (Phase(6, every_days=1), "every day, 6 times"),
        (Phase(18, every_days=2), "every other day, 18 times"),
        (Phase(4, every_days=10), "every 10 days, 4 times"),
        (Phase(12, within_days=56), "12 within 8 weeks"),
        (Phase(3, within_days=10), "3 within 10 days"),
        (Phase(1, per_week=1), "1 session"),
        (
            Phase(12, per_week=3, weekdays=(0, 2, 4)),
            "3 a week for 4 weeks, on Monday, Wednesday and Friday",
        ),
        (
            Phase(5, per_week=1, rest_days=28, optional=True),
            "once a week for 5 weeks, after 28 days of rest, if the review says so",
        ),
    ],
)
def test_a_pace_in_plain_words(phase, words):
    assert describe(phase) == words


def test_a_phase_survives_a_round_trip_through_json():
    value = {
        "sessions": 12,
        "per_week": 3,
        "rest_days": 0,
        "weekdays": ["mon", "wed", "fri"],
        "optional": False,
    }

    assert to_json(from_json(value)) == value
    assert from_json({"sessions": 2.0, "per_week": 0.5}) == Phase(2, per_week=0.5)
    assert all(from_json(to_json(phase)) == phase for phase in TAPER)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "twice a week",
        [],
        {},
        {"sessions": True, "per_week": 1},
        {"sessions": "3", "per_week": 1},
        {"sessions": 3, "per_week": "1"},
        {"sessions": 3, "per_week": 1, "pace": 2},
        {"sessions": 3, "per_week": 1, "weekdays": ["Mon"]},
        {"sessions": 3, "per_week": 1, "weekdays": [["mon"]]},
        {"sessions": 3, "per_week": 1, "weekdays": "mon"},
        {"sessions": 3, "per_week": 1, "optional": "no"},
        {"sessions": 3, "every_days": 1.5},
        {1: 2},
    ],
)
def test_json_with_wrong_keys_or_types_is_refused(value):
    with pytest.raises(Invalid) as refusal:
        from_json(value)

    assert refusal.value.field == "phases"


def test_an_anchored_phase_survives_a_round_trip():
    value = {
        "sessions": 4,
        "per_week": 2,
        "rest_days": 0,
        "weekdays": [],
        "optional": False,
        "from_day": -14,
        "to_day": -1,
        "anchor_on": "2027-06-21",
    }

    assert to_json(from_json(value)) == value
    assert from_json(value).first_day == date(2027, 6, 7)


def test_a_repeated_phase_written_out():
    once = Phase(10, every_days=1, rest_days=2)

    assert written_out([Phase(10, every_days=1, rest_days=2, repeat=2, pause_days=5)]) == [
        once,
        Phase(10, every_days=1, rest_days=5),
    ]
    assert written_out([once]) == [once]


@pytest.mark.parametrize("value", ["soon", 20270621, "2027-13-01"])
def test_an_anchor_is_a_date(value):
    with pytest.raises(Invalid, match="anchor_on is a date"):
        from_json({"sessions": 3, "per_week": 1, "to_day": -1, "anchor_on": value})
