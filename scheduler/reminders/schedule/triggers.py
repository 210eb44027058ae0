"""Which rule speaks of which session: the occasions for a text. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from scheduler.infra.intervals import minute_of
from scheduler.reminders.schedule import due_times
from scheduler.reminders.schedule.frequency_cap import AnsweredTimes
from scheduler.reminders.schedule.types import AppointmentFacts, Case, Rule, Which


class Occasion(NamedTuple):
    """A rule with a visit that it speaks of."""

    rule: Rule
    visit: AppointmentFacts
    cases: tuple[Case, ...] = ()


def occasions(
    visits: Iterable[AppointmentFacts], gone: Set[str], answers: AnsweredTimes
) -> Iterator[Occasion]:
    """Each rule with each visit it speaks of. `gone`: the keys of texts that were sent."""
    visits = list(visits)
    yield from _news(visits, gone, answers)
    yield from _reassignments(visits, gone)
    kept = sorted(
        (visit for visit in visits if visit.live or visit.missed),
        key=lambda visit: (visit.course_id, visit.starts_at, visit.appointment_id),
    )
    for _, course in groupby(kept, key=lambda visit: visit.course_id):
        yield from _occasions_of_course(list(course))


def key_of(rule: Rule, visit: AppointmentFacts) -> str:
    """What a text is about: the same key is never texted twice."""
    if rule.anchor == "booked":
        key = f"{rule.id}:course:{visit.course_id}"
        return f"{key}:{rule.variant}" if rule.variant else key
    if rule.anchor == "change":
        return _news_key(rule, visit, due_times.anchor_of(rule, visit))
    return f"{rule.id}:{visit.appointment_id}:{minute_of(visit.starts_at)}"


def _news(
    visits: list[AppointmentFacts], gone: Set[str], answers: AnsweredTimes
) -> Iterator[Occasion]:
    """What the clinic changed and has to tell: each change once, about the first of its sessions.

    Of those whose new time no answer has told; where that is all that moved, of those that were
    cancelled with them. A session that was over when it was changed is no news.
    """
    changes: dict[tuple[str, datetime], list[AppointmentFacts]] = defaultdict(list)
    for visit in visits:
        if visit.news_at is not None and visit.starts_at > visit.news_at and not visit.missed:
            changes[visit.course_id, visit.news_at].append(visit)
    for (_, changed_at), changed in changes.items():
        moved = [visit for visit in changed if visit.live]
        untold = [visit for visit in moved if not answers.about(visit)]
        if moved and not untold and not _has_gone("moved", moved[0], changed_at, gone):
            untold = [visit for visit in changed if not visit.live]
        visit = min(
            untold or moved or changed, key=lambda each: (each.starts_at, each.appointment_id)
        )
        for rule in visit.rules:
            if rule.anchor == "change" and rule.which == ("moved" if visit.live else "cancelled"):
                yield Occasion(rule, visit)


def _has_gone(which: Which, visit: AppointmentFacts, changed_at: datetime, gone: Set[str]) -> bool:
    """Whether the news of a change went: one text, with the link to all times, tells of it all."""
    return any(
        _news_key(rule, visit, changed_at) in gone for rule in visit.rules if rule.which == which
    )


def _reassignments(visits: list[AppointmentFacts], gone: Set[str]) -> Iterator[Occasion]:
    """Who gives sessions now, at the same times: each change once, about the first of them.

    Where somebody gives it whom the patient was told of last, there is nothing to tell.
    """
    changes: dict[tuple[str, datetime], list[Occasion]] = defaultdict(list)
    for visit in visits:
        since = visit.reassigned_at
        if since is not None and visit.starts_at > since and visit.live:
            for rule in visit.rules:
                if rule.which == "reassigned" and not _is_known(rule, visit, gone):
                    changes[rule.id + visit.course_id, since].append(Occasion(rule, visit))
    for changed in changes.values():
        yield min(changed, key=lambda each: (each.visit.starts_at, each.visit.appointment_id))


def _is_known(rule: Rule, visit: AppointmentFacts, gone: Set[str]) -> bool:
    """Whether the patient knows who gives a session: from booking it, or as told last."""
    first, *later = visit.givers
    told = [each for each in later if each.since and _news_key(rule, visit, each.since) in gone]
    return [first, *told][-1].id == later[-1].id


def _occasions_of_course(kept: list[AppointmentFacts]) -> Iterator[Occasion]:
    """Those of the sessions that a course has kept; the ones that were missed tell nothing more."""
    before = dict(zip(map(id, kept[1:]), kept, strict=False))
    course = [visit for visit in kept if not visit.missed]
    to_come = _first_to_come(course)
    for place, visit in enumerate(course):
        previous = before.get(id(visit))
        cases = _cases(place, len(course), after_missed=previous is not None and previous.missed)
        for rule in visit.rules:
            if rule.anchor == "booked":
                if visit is to_come:
                    yield Occasion(rule, visit)
            elif rule.anchor != "change" and _is_for(rule, course, place):
                yield Occasion(rule, visit, cases)


def _cases(place: int, total: int, *, after_missed: bool) -> tuple[Case, ...]:
    """What is special about a session of a course, the most telling first."""
    cases: list[tuple[Case, bool]] = [
        ("missed", after_missed),
        ("last", place == total - 1),
        ("first", place == 0),
        ("later", place > 0),
    ]
    return tuple(case for case, is_so in cases if is_so)


def _is_for(rule: Rule, course: list[AppointmentFacts], place: int) -> bool:
    """Whether a rule is for the session in this place of those that take place."""
    match rule.which:
        case "first":
            return place == 0
        case "last":
            return place == len(course) - 1
        case "each_phase":
            return place == 0 or course[place].phase != course[place - 1].phase
        case "every":
            return (place + 1) % rule.every == 0
        case "review":
            return course[place].review
        case _:
            return True


def _first_to_come(course: list[AppointmentFacts]) -> AppointmentFacts | None:
    """The first session that was still to come when it was booked: staff may enter past ones."""
    return next((visit for visit in course if visit.starts_at > visit.booked_at), None)


def _news_key(rule: Rule, visit: AppointmentFacts, changed_at: datetime) -> str:
    return f"{rule.id}:course:{visit.course_id}:{changed_at:%Y%m%dT%H%M%S.%f}"
