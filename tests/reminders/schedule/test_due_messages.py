"""Which texts are owed, in plain cases and in any case."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.reminders import reasons
from scheduler.reminders.message_key import MessageKey
from scheduler.reminders.reasons import Reason
from scheduler.reminders.schedule.due_messages import derive
from scheduler.reminders.schedule.due_times import AWAKE
from scheduler.reminders.schedule.quiet_hours import LEAST, QuietHours
from scheduler.reminders.schedule.types import (
    AppointmentFacts,
    Budget,
    Decision,
    DueMessage,
    Rule,
    SentMessage,
)
from scheduler.reminders.texts.default_texts import DEFAULT_RULES
from tests.support.chaos import examples

NEW_YORK = ZoneInfo("America/New_York")
NIGHT = QuietHours(time(21), time(8), NEW_YORK)
PLENTY = Budget(per_day=9, per_week=50)
RULE = {rule.id: rule for rule in DEFAULT_RULES}


def at(text: str) -> datetime:
    """A wall time in New York, as a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def ann(
    start: str,
    number: int = 1,
    *,
    booked: str = "2027-01-01T12:00",
    rules: Sequence[Rule] = DEFAULT_RULES,
) -> AppointmentFacts:
    """One session of Ann's course, 40 minutes from a wall time in New York."""
    return AppointmentFacts(
        course_id="course",
        appointment_id=f"visit-{number}",
        patient_id="ann",
        number=number,
        total=3,
        starts_at=at(start),
        ends_at=at(start) + timedelta(minutes=40),
        booked_at=at(booked),
        live=True,
        missed=False,
        language="en",
        rules=rules,
    )


def ask(
    *visits: AppointmentFacts,
    now: str = "2027-01-01T12:00",
    sent: Sequence[SentMessage] = (),
    budget: Budget = PLENTY,
) -> list[DueMessage]:
    return derive(visits, sent=sent, budget=budget, quiet=NIGHT, zone=NEW_YORK, now=at(now))


def told(texts: list[DueMessage]) -> list[tuple[str, str, str, str]]:
    return [
        (
            text.rule.id,
            text.appointment.appointment_id,
            f"{text.due_at.astimezone(NEW_YORK):%a %d %H:%M}",
            text.decision,
        )
        for text in texts
    ]


def test_the_texts_of_a_course() -> None:
    course = [ann("2027-01-12T14:00", 1), ann("2027-01-19T14:00", 2)]

    assert told(ask(*course)) == [
        ("confirmation", "visit-1", "Fri 01 12:00", "send"),
        ("day_before", "visit-1", "Mon 11 14:00", "send"),
        ("same_day", "visit-1", "Tue 12 11:00", "send"),
        ("aftercare", "visit-1", "Tue 12 14:40", "send"),
        ("check_in", "visit-1", "Wed 13 14:40", "send"),
        ("day_before", "visit-2", "Mon 18 14:00", "send"),
        ("closing", "visit-2", "Tue 19 15:40", "send"),
    ]


def test_keys_name_the_rule_the_session_and_its_time() -> None:
    visit = ann("2027-01-12T14:00", rules=[RULE["confirmation"], RULE["day_before"]])

    assert [text.key for text in ask(visit)] == [
        "confirmation:course:course",
        f"day_before:visit-1:{int(visit.starts_at.timestamp()) // 60}",
    ]


def test_a_text_that_must_come_before_is_moved_to_the_evening_before() -> None:
    visit = ann("2027-01-12T10:00", rules=[RULE["same_day"]])

    assert told(ask(visit)) == [("same_day", "visit-1", "Mon 11 20:45", "send")]


def test_a_text_that_must_come_after_waits_for_the_morning() -> None:
    visit = ann("2027-01-12T20:30", rules=[RULE["aftercare"]])

    assert told(ask(visit)) == [("aftercare", "visit-1", "Wed 13 08:00", "send")]


def test_what_is_booked_late_is_texted_at_once_if_still_of_use() -> None:
    soon = ann("2027-01-12T18:00", booked="2027-01-12T12:00", rules=[RULE["day_before"]])
    too_soon = ann("2027-01-12T13:59", booked="2027-01-12T12:00", rules=[RULE["day_before"]])

    assert told(ask(soon, now="2027-01-12T12:00")) == [
        ("day_before", "visit-1", "Tue 12 12:00", "send")
    ]
    [text] = ask(too_soon, now="2027-01-12T12:00")
    assert (text.decision, text.reason) == (
        "expired",
        Reason.EXPIRED,
    )


def test_what_is_booked_at_night_is_texted_in_the_morning() -> None:
    visit = ann("2027-01-12T14:00", booked="2027-01-11T23:00")

    for now in ("2027-01-11T23:00", "2027-01-12T03:00", "2027-01-12T09:00"):
        assert told(ask(visit, now=now))[:2] == [
            ("confirmation", "visit-1", "Mon 11 23:00", "send"),  # asked for just now
            ("day_before", "visit-1", "Tue 12 08:00", "send"),
        ]


def test_what_is_booked_at_night_for_the_morning_is_texted_at_once_or_not_at_all() -> None:
    visit = ann("2027-01-12T09:30", booked="2027-01-11T23:00", rules=[RULE["day_before"]])

    at_once, late, in_the_morning = (
        told(ask(visit, now=now))
        for now in ("2027-01-11T23:10", "2027-01-11T23:30", "2027-01-12T08:00")
    )

    assert at_once == [("day_before", "visit-1", "Mon 11 23:00", "send")]
    assert late == in_the_morning == [("day_before", "visit-1", "Tue 12 08:00", "expired")]


def test_a_text_we_are_late_with_does_not_wake_anyone() -> None:
    visit = ann("2027-01-13T14:00", rules=[RULE["day_before"]])
    visit = replace(visit, starts_at=at("2027-01-13T20:00"), ends_at=at("2027-01-13T20:40"))

    at_night, in_the_morning, next_evening = (
        ask(visit, now=now) for now in ("2027-01-12T23:00", "2027-01-13T09:00", "2027-01-13T18:00")
    )

    assert told(at_night) == [("day_before", "visit-1", "Wed 13 08:00", "send")]
    assert told(in_the_morning) == [("day_before", "visit-1", "Tue 12 20:00", "send")]
    assert told(next_evening) == [("day_before", "visit-1", "Tue 12 20:00", "expired")]


def test_a_text_must_arrive_before_the_night_and_not_only_leave_us_before_it() -> None:
    evening = replace(
        ann("2027-01-13T20:00", rules=[RULE["day_before"]]), ends_at=at("2027-01-13T20:40")
    )

    in_time, hardly, at_night = (
        ask(evening, now=now)
        for now in ("2027-01-12T20:30", "2027-01-12T20:59", "2027-01-12T21:00")
    )

    [text] = in_time
    assert (text.due_at, text.not_after) == (at("2027-01-12T20:00"), at("2027-01-12T21:00"))
    for [text] in (hardly, at_night):
        assert (text.due_at, text.not_after) == (at("2027-01-13T08:00"), text.expires_at)
        assert text.decision == "send"


def test_what_would_be_of_no_more_use_after_the_night_is_given_up_just_before_it() -> None:
    early = ann("2027-01-13T09:00", rules=[RULE["day_before"]])

    [in_time] = ask(early, now="2027-01-12T20:58")
    [hardly] = ask(early, now="2027-01-12T20:59")

    assert (in_time.decision, in_time.not_after) == ("send", at("2027-01-12T21:00"))
    assert (hardly.decision, hardly.reason) == (
        "expired",
        Reason.EXPIRED,
    )


def test_what_was_booked_a_moment_before_the_night_is_texted_at_once() -> None:
    early = ann("2027-01-13T09:00", booked="2027-01-12T20:59", rules=[RULE["day_before"]])

    [text] = ask(early, now="2027-01-12T20:59")

    assert (text.decision, text.due_at) == ("send", at("2027-01-12T20:59"))
    assert text.not_after == text.expires_at


def test_a_missed_session_is_not_followed_up_and_the_next_one_counts_as_first() -> None:
    missed = replace(ann("2027-01-12T14:00", 1), missed=True)

    texts = ask(missed, ann("2027-01-19T14:00", 2))

    assert {text.appointment.appointment_id for text in texts} == {"visit-2"}
    assert [text.rule.id for text in texts if text.rule.anchor == "end"] == [
        "aftercare",
        "closing",
        "check_in",
    ]


def test_the_last_session_may_have_a_text_of_its_own() -> None:
    farewell = replace(RULE["aftercare"], id="farewell", which="last")
    course = [ann("2027-01-12T14:00", 1, rules=[farewell]), ann("2027-01-19T14:00", 2)]
    course[1] = replace(course[1], rules=[farewell])

    assert [text.appointment.number for text in ask(*course)] == [2]


def test_a_course_entered_afterwards_is_not_confirmed() -> None:
    past = ann("2027-01-04T14:00", booked="2027-01-05T12:00", rules=[RULE["confirmation"]])

    assert ask(past, now="2027-01-05T12:00") == []


def test_what_was_sent_is_not_owed_again() -> None:
    visit = ann("2027-01-12T14:00", rules=[RULE["day_before"]])
    [text] = ask(visit)

    assert ask(visit, sent=[SentMessage(text.key, text.due_at)]) == []


def test_each_change_by_the_clinic_is_told_once_of_its_first_session() -> None:
    on_monday, on_tuesday = at("2027-01-04T10:00"), at("2027-01-05T10:00")
    course = [
        replace(ann("2027-01-12T14:00", 1), changed_at=on_tuesday, live=False),
        replace(ann("2027-01-14T14:00", 2), changed_at=on_monday),
        replace(ann("2027-01-19T14:00", 3), changed_at=on_monday),
        replace(ann("2027-01-21T14:00", 4), changed_at=on_monday, live=False),
    ]

    texts = [text for text in ask(*course) if text.rule.anchor == "change"]

    assert [(text.rule.kind, text.appointment.number, text.due_at) for text in texts] == [
        ("moved", 2, on_monday + timedelta(minutes=2)),
        ("cancelled", 1, on_tuesday + timedelta(minutes=2)),
    ]


def test_no_reminder_tells_of_a_new_time_before_the_news_of_it() -> None:
    by_day = replace(ann("2027-01-12T14:00"), changed_at=at("2027-01-12T09:00"))
    by_night = replace(ann("2027-01-12T14:00"), changed_at=at("2027-01-11T23:00"))

    for visit, now, expected in (
        (by_day, "2027-01-12T09:00", ("Tue 12 09:02", "Tue 12 09:03")),
        (by_night, "2027-01-11T23:00", ("Tue 12 08:00", "Tue 12 08:01")),
    ):
        due = {rule: due for rule, _, due, _ in told(ask(visit, now=now))}
        assert (due["moved"], due["day_before"]) == expected


def test_what_was_over_when_it_was_changed_is_no_news() -> None:
    late = replace(ann("2027-01-12T14:00"), changed_at=at("2027-01-12T14:00"), live=False)

    assert ask(late) == []


def test_the_less_useful_gives_way_on_a_full_day() -> None:
    visit = ann("2027-01-12T14:00")

    texts = ask(visit, budget=Budget(per_day=1, per_week=3))

    assert [(text.rule.id, text.reason) for text in texts if text.decision == "suppressed"] == [
        ("same_day", Reason.DAILY_CAP),
        ("closing", Reason.DAILY_CAP),
    ]


def test_the_less_useful_gives_way_in_a_full_week_and_what_was_sent_counts() -> None:
    visit = ann("2027-01-12T14:00")
    sent = [
        SentMessage(MessageKey("before"), at("2027-01-06T09:00")),
        SentMessage(MessageKey("code"), at("2027-01-11T09:00"), asked=True),
    ]

    texts = ask(visit, budget=Budget(per_day=2, per_week=3), sent=sent, now="2027-01-08T12:00")

    assert [(text.rule.id, text.decision, text.reason) for text in texts] == [
        ("confirmation", "expired", Reason.EXPIRED),
        ("day_before", "send", None),
        ("same_day", "suppressed", Reason.WEEKLY_CAP),
        ("aftercare", "send", None),
        ("closing", "suppressed", Reason.WEEKLY_CAP),
        ("check_in", "send", None),  # the text of the 6th is out of its week
    ]


def test_the_day_before_never_gives_way() -> None:
    course = [ann(f"2027-01-{day}T14:00", number) for number, day in enumerate(range(12, 19))]

    texts = ask(*course, budget=Budget(per_day=0, per_week=0))

    assert [text.rule.id for text in texts if text.decision == "send"] == [
        "confirmation",
        *["day_before"] * 7,
    ]


def test_what_never_gives_way_takes_its_place_before_all_others() -> None:
    modest = replace(RULE["day_before"], priority=0)
    eager = replace(RULE["day_before"], id="eager", always=False, priority=99)

    texts = ask(ann("2027-01-12T14:00", rules=[modest, eager]), budget=Budget(per_day=1))

    assert {text.rule.id: text.decision for text in texts} == {
        "day_before": "send",
        "eager": "suppressed",
    }


def test_the_more_useful_is_kept_and_of_equals_the_earlier() -> None:
    late, early, low = (
        replace(RULE["aftercare"], id=name, offset_minutes=offset, priority=priority)
        for name, offset, priority in (("late", 60, 5), ("early", 30, 5), ("low", 0, 4))
    )

    texts = ask(ann("2027-01-12T14:00", rules=[late, early, low]), budget=Budget(per_day=1))

    assert [text.rule.id for text in texts if text.decision == "send"] == ["early"]


HOURS = timedelta(hours=1)
START = at("2027-03-08T00:00")  # the clocks change within the week

reminders = st.builds(
    Rule,
    id=st.sampled_from("abcdef"),
    kind=st.just("kind"),
    anchor=st.sampled_from(["booked", "start", "end"]),
    offset_minutes=st.integers(-3000, 3000),
    which=st.sampled_from(["all", "first", "last"]),
    quiet=st.sampled_from(["earlier", "later"]),
    useful_minutes=st.integers(-1500, 4000),
    priority=st.integers(0, 3),
    always=st.booleans(),
    asked=st.booleans(),
)
news = st.builds(
    Rule,
    id=st.sampled_from("ghi"),
    kind=st.just("news"),
    anchor=st.just("change"),
    offset_minutes=st.integers(0, 60),
    which=st.sampled_from(["moved", "cancelled"]),
    quiet=st.just("later"),
    useful_minutes=st.integers(61, 4000),
    priority=st.integers(0, 3),
    always=st.booleans(),
)
rules = reminders | news


hours_from_start = st.integers(0, 300).map(lambda hours: START + hours * HOURS)


@st.composite
def phones(draw: st.DrawFn) -> list[AppointmentFacts]:
    """All visits of one telephone: one or two people, a course each."""
    rule_set = draw(st.lists(rules, max_size=5, unique_by=lambda rule: rule.id))
    visits = []
    for course in range(draw(st.integers(1, 2))):
        booked = START + draw(st.integers(0, 100)) * HOURS
        for number in range(draw(st.integers(1, 4))):
            start = START + draw(st.integers(0, 400)) * HOURS
            visits.append(
                AppointmentFacts(
                    course_id=f"course-{course}",
                    appointment_id=f"visit-{course}-{number}",
                    patient_id=f"patient-{course}",
                    number=number + 1,
                    total=4,
                    starts_at=start,
                    ends_at=start + timedelta(minutes=40),
                    booked_at=booked,
                    live=draw(st.booleans()),
                    missed=draw(st.booleans()),
                    language="en",
                    rules=rule_set,
                    changed_at=draw(
                        st.none() | st.integers(0, 300).map(lambda hours: START + hours * HOURS)
                    ),
                )
            )
    return visits


moments = st.integers(-50, 500).map(lambda hours: START + hours * HOURS)
budgets = st.builds(Budget, per_day=st.integers(0, 3), per_week=st.integers(0, 5))
history = st.lists(
    st.builds(
        SentMessage,
        key=st.text("xyz", min_size=1),
        at=st.integers(-200, 300).map(lambda hours: START + hours * HOURS),
        asked=st.booleans(),
        appointment_id=st.sampled_from(["", "visit-0-0", "visit-1-0"]),
        rule_id=st.sampled_from("abcdef"),
        told_start=st.none() | st.integers(0, 300).map(lambda hours: START + hours * HOURS),
    ),
    max_size=4,
)


@pytest.mark.slow
@settings(max_examples=examples(150, 1500), deadline=None)
@given(visits=phones(), sent=history, budget=budgets, now=moments)
def test_in_any_case_the_promises_hold(
    visits: list[AppointmentFacts], sent: list[SentMessage], budget: Budget, now: datetime
) -> None:
    texts = derive(visits, sent=sent, budget=budget, quiet=NIGHT, zone=NEW_YORK, now=now)
    going = [text for text in texts if text.decision == "send"]

    assert all(text.not_after <= text.expires_at for text in going)
    for text in going:
        assert max(text.due_at, now) < text.expires_at
        assert text.due_at >= text.appointment.booked_at
        assert text.expires_at <= text.appointment.starts_at or text.rule.anchor in {"start", "end"}
        assert text.appointment.live or text.rule.which == "cancelled"
        assert not text.appointment.missed
        # Patients are disturbed only by answers to what they have just done.
        if text.rule.asked or (
            text.due_at == text.appointment.booked_at
            and text.rule.quiet == "earlier"
            and now - text.due_at < AWAKE
        ):
            continue
        assert text.due_at not in NIGHT
        # A message due by now may go now, so that it does not arrive at night.
        assert text.due_at > now or now not in NIGHT
        goes = max(text.due_at, now)
        quiet_from = next(
            goes + timedelta(minutes=number)
            for number in range(24 * 60)
            if goes + timedelta(minutes=number) in NIGHT
        )
        assert goes < text.not_after == min(text.expires_at, quiet_from)
        assert text.not_after == text.expires_at or text.not_after - goes > LEAST
    for text in texts:
        assert (text.decision == Decision.SEND) == (text.reason is None)
        if text.decision == Decision.SUPPRESSED:
            assert not text.rule.asked
            # But to another text that says the same: late with several we catch up on one.
            assert not text.rule.always or is_spoken_of(text, going, sent, now)
    keys = [text.key for text in texts]
    assert len(set(keys)) == len(keys)
    assert [text.due_at for text in texts] == sorted(text.due_at for text in texts)
    assert_budget_holds(going, sent, budget, now)


def is_spoken_of(
    text: DueMessage, going: list[DueMessage], sent: list[SentMessage], now: datetime
) -> bool:
    """Whether another text is about its session: after this one was due, or telling its time."""
    about = text.appointment.appointment_id
    others = [max(one.due_at, now) for one in going if one.appointment.appointment_id == about]
    others += [one.at for one in sent if one.appointment_id == about and not one.asked]
    told = {one.told_start for one in sent if one.appointment_id == about}
    if text.reason == Reason.ANSWERED:
        return text.appointment.starts_at in told
    return text.reason == Reason.CAUGHT_UP and any(instant >= text.due_at for instant in others)


def assert_budget_holds(
    going: list[DueMessage], sent: list[SentMessage], budget: Budget, now: datetime
) -> None:
    """No unasked text that could give way goes on a day, or in a week, that it overfills."""
    counted = [text for text in going if not text.rule.asked]
    instants = [max(text.due_at, now) for text in counted]
    instants += [text.at for text in sent if not text.asked]
    days = Counter(instant.astimezone(NEW_YORK).date() for instant in instants)
    for text in counted:
        if text.rule.always:
            continue
        day = max(text.due_at, now).astimezone(NEW_YORK).date()
        assert days[day] <= budget.per_day
        for back in range(7):
            week = [day + timedelta(days=ahead - back) for ahead in range(7)]
            assert sum(days[one] for one in week) <= budget.per_week


@pytest.mark.slow
@settings(max_examples=examples(100, 1000), deadline=None)
@given(visits=phones(), sent=history, now=moments, data=st.data())
def test_the_answer_depends_on_nothing_but_the_calendar(
    visits: list[AppointmentFacts], sent: list[SentMessage], now: datetime, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(visits))

    def answer(some: list[AppointmentFacts]) -> list[DueMessage]:
        return derive(some, sent=sent, budget=Budget(), quiet=NIGHT, zone=NEW_YORK, now=now)

    assert answer(visits) == answer(shuffled)


@settings(max_examples=examples(100, 1000), deadline=None)
@given(visits=phones(), now=moments, index=st.integers(0, 7))
def test_cancelling_withdraws_and_moving_renames(
    visits: list[AppointmentFacts], now: datetime, index: int
) -> None:
    chosen = visits[index % len(visits)]
    others = [visit for visit in visits if visit is not chosen]

    def keys(some: list[AppointmentFacts]) -> set[str]:
        texts = derive(some, sent=(), budget=PLENTY, quiet=NIGHT, zone=NEW_YORK, now=now)
        return {
            text.key for text in texts if text.appointment.appointment_id == chosen.appointment_id
        }

    moved = replace(
        chosen,
        starts_at=chosen.starts_at + timedelta(minutes=5),
        ends_at=chosen.ends_at + timedelta(minutes=5),
    )

    assert keys([*others, replace(chosen, live=False, changed_at=None)]) == set()
    common = keys(visits) & keys([*others, moved])
    assert all(":course:" in key for key in common)


@settings(max_examples=examples(100, 1000), deadline=None)
@given(visits=phones(), now=moments, budget=budgets)
def test_sending_what_is_due_and_asking_again_never_sends_twice(
    visits: list[AppointmentFacts], now: datetime, budget: Budget
) -> None:
    sent: list[SentMessage] = []
    for hour in range(0, 600, 12):
        instant = now + hour * HOURS
        for text in derive(
            visits, sent=sent, budget=budget, quiet=NIGHT, zone=NEW_YORK, now=instant
        ):
            if text.decision == "send" and text.due_at <= instant:
                is_new = instant - text.appointment.booked_at < AWAKE
                assert text.rule.asked or is_new or instant not in NIGHT
                sent.append(SentMessage(text.key, instant, text.rule.asked))

    assert len({text.key for text in sent}) == len(sent)


def course_of(number: int, *rules: Rule) -> list[AppointmentFacts]:
    """Appointments of Ann's course, one a week from January 12 on, at two o'clock."""
    first = at("2027-01-12T14:00")
    return [
        replace(
            ann("2027-01-12T14:00", index + 1, rules=rules),
            starts_at=first + index * timedelta(days=7),
            ends_at=first + index * timedelta(days=7) + timedelta(minutes=40),
        )
        for index in range(number)
    ]


def numbers(visits: list[AppointmentFacts], **changes: Any) -> list[int]:
    """The sessions that a changed reminder is for."""
    rule = replace(RULE["day_before"], **changes)
    return [
        text.appointment.number for text in ask(*(replace(visit, rules=[rule]) for visit in visits))
    ]


def test_a_rule_says_for_which_sessions_it_is() -> None:
    course = [
        replace(message, phase=1 if message.number < 4 else 2, review=message.number == 4)
        for message in course_of(7)
    ]

    assert numbers(course, which="all") == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(course, which="first") == [1]
    assert numbers(course, which="last") == [7]
    assert numbers(course, which="each_phase") == [1, 4]
    assert numbers(course, which="every", every=3) == [3, 6]
    assert numbers(course, which="review") == [4]


def test_sessions_that_do_not_take_place_are_not_counted() -> None:
    course = course_of(5)
    course[1] = replace(course[1], live=False)
    course[2] = replace(course[2], live=False, missed=True)

    assert numbers(course, which="every", every=2) == [4]


def test_the_words_fit_the_case() -> None:
    words = {case: {"en": case} for case in ("missed", "last", "later")}
    course = course_of(5, replace(RULE["day_before"], cases=words, templates={"en": "first"}))
    course[1] = replace(course[1], live=False, missed=True)

    texts = ask(*course)

    assert [
        (text.appointment.number, text.rule.templates_for(text.cases)["en"]) for text in texts
    ] == [
        (1, "first"),
        (3, "missed"),
        (4, "later"),
        (5, "last"),
    ]


def test_a_new_rule_says_nothing_of_what_is_past_but_prepares_for_what_is_to_come() -> None:
    after, before = (
        replace(RULE[kind], which="all", useful_minutes=useful, holds_from=at("2027-01-18T16:00"))
        for kind, useful in (("aftercare", 20 * 1440), ("day_before", -120))
    )
    course = course_of(2, after, before)

    assert told(ask(*course, now="2027-01-18T16:00")) == [
        ("day_before", "visit-1", "Mon 11 14:00", "expired"),
        ("day_before", "visit-2", "Mon 18 14:00", "send"),
        ("aftercare", "visit-2", "Tue 19 14:40", "send"),
    ]


@pytest.mark.parametrize("went", [False, True])
def test_what_was_cancelled_with_what_an_answer_told_is_told_all_the_same(*, went: bool) -> None:
    changed = at("2027-01-12T10:00")
    rules = [RULE["moved"], RULE["cancelled"]]
    moved = replace(ann("2027-01-13T10:00", rules=rules), changed_at=changed)
    cancelled = replace(
        ann("2027-01-15T10:00", rules=rules),
        appointment_id="visit-2",
        changed_at=changed,
        live=False,
    )
    answer = SentMessage(
        MessageKey("answer:1:day_before"),
        at("2027-01-12T10:01"),
        asked=True,
        appointment_id=moved.appointment_id,
        told_start=moved.starts_at,
    )
    [news] = ask(moved, cancelled, now="2027-01-12T10:00")
    sent = [answer, SentMessage(news.key, at("2027-01-12T10:02"))] if went else [answer]

    texts = ask(moved, cancelled, now="2027-01-12T10:03", sent=sent)

    # One text about the whole change would have announced both, and is enough if it was sent.
    assert [(text.rule.id, text.appointment.appointment_id, text.decision) for text in texts] == (
        [] if went else [("cancelled", "visit-2", "send")]
    )


@pytest.mark.parametrize("read", [False, True])
def test_a_reminder_gives_way_to_an_answer_only_if_its_words_were_read(*, read: bool) -> None:
    rule = RULE["day_before"]
    visit = replace(ann("2027-01-13T10:00", rules=[rule]), changed_at=at("2027-01-12T10:01"))
    about = visit.appointment_id
    answer = SentMessage(
        MessageKey("answer:1:day_before"),
        at("2027-01-12T10:02"),
        asked=True,
        appointment_id=about,
        told_start=visit.starts_at,
    )
    before = SentMessage(None, at("2027-01-12T09:00"), rule_id=rule.id, appointment_id=about)

    [text] = ask(visit, now="2027-01-12T10:03", sent=[before, answer] if read else [answer])

    assert text.reason == (Reason.ANSWERED if read else None)


def test_not_even_what_never_gives_way_is_caught_up_on_beside_another() -> None:
    """The news of the new time goes; the question about it, as late, would say little more."""
    visit = replace(
        ann("2027-01-13T10:00", rules=[RULE["day_before"], RULE["moved"]]),
        changed_at=at("2027-01-12T10:00"),
    )

    texts = ask(visit, now="2027-01-12T15:00")

    assert [(text.rule.id, text.reason) for text in texts] == [
        ("moved", None),
        ("day_before", Reason.CAUGHT_UP),
    ]


def test_what_is_hours_late_is_not_caught_up_on_twice() -> None:
    slow = replace(RULE["same_day"], id="slow", offset_minutes=-300)
    visit = ann("2027-01-12T20:00", rules=[RULE["day_before"], slow])
    first = ask(visit, now="2027-01-12T17:00")
    a_little_late = ask(visit, now="2027-01-12T15:50")
    then = ask(
        visit,
        now="2027-01-12T17:01",
        sent=[SentMessage(first[0].key, at("2027-01-12T17:00"), appointment_id="visit-1")],
    )

    assert [(text.rule.id, text.reason) for text in first] == [
        ("day_before", None),
        ("slow", Reason.CAUGHT_UP),
    ]
    assert [(text.rule.id, text.reason) for text in then] == [("slow", Reason.CAUGHT_UP)]
    assert [text.decision for text in a_little_late] == ["send", "send"]


def test_reasons_become_sentences_for_staff() -> None:
    def sentence(reason: Reason) -> str:
        return reasons.sentence(reason, per_day=1, per_week=3, expires_at=datetime(2027, 1, 13, 7))  # noqa: DTZ001

    assert sentence(Reason.DAILY_CAP) == "Gave way: no more than 1 text a day to one phone."
    assert sentence(Reason.WEEKLY_CAP) == "Gave way: no more than 3 texts in 7 days to one phone."
    assert sentence(Reason.EXPIRED) == "Too late: not useful after Wed 13 Jan 7:00."
    assert sentence(Reason.CANCELLED) == "The session was cancelled."
