"""Another proposal for the whole course at once, and what helps where there is none.

Each is a button on a page of the booking form. The plan that was proposed before can be had back,
and what has been typed stays.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler.booking.availability import holds
from scheduler.booking.availability.holds import SessionsTaken
from scheduler.booking.pace import alternatives
from scheduler.booking.pace.planner import Plan, Wishes
from scheduler.booking.pace.refusals import NoPlan, TooTangled
from scheduler.booking.planning import draft_plans, fact_json, plan_course
from scheduler.booking.planning.fact_json import Refusal
from scheduler.booking.planning.no_plan import ExplainedNoPlan
from scheduler.clinic.hours import DAY
from scheduler.clinic.phases import to_json
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.infra.errors import TooMany
from scheduler.phrases import alternatives as alternative_phrases
from scheduler.phrases import errors, no_plan
from scheduler.web.booking import form_session
from scheduler.web.booking import pages as booking_pages
from scheduler.web.booking.form_session import BookingForm
from scheduler.web.site import rendering
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/book/{token}")

LATER_BY = 60
"""Minutes: whoever asks for later in the day does not mean by ten."""
PEOPLE_NAMED = 6
"""How many other practitioners have a button of their own."""

NOTHING_EARLIER = marked("Nothing earlier in the day is free at this pace. Your plan is as before.")
NOTHING_LATER = marked("Nothing later in the day is free at this pace. Your plan is as before.")
NOT_FREE = marked("No session with this practitioner is free at this pace. Your plan is as before.")
NO_OTHER = marked("No other plan was found. Your plan is as before.")
GONE = marked("This plan is gone: others took some of its times. Your plan is as before.")
QUICKER = marked("Others are booking at this very moment and took these times. Please try again.")


@dataclass(frozen=True)
class Way:
    """One thing to ask for instead: how, in words, and what is said where it cannot be had."""

    key: str
    words: str
    wishes: Wishes
    sorry: str


def ways(here: BookingForm) -> list[Way]:
    """The buttons beside a plan, each with the wishes that it stands for."""
    wishes, openings = here.wishes, [each.opening for each in here.planned]
    usual = Counter(opening.minute for opening in openings).most_common(1)[0][0]
    least, end = wishes.between or (0, DAY)
    earlier = wishes._replace(between=(least if least < usual else 0, usual))
    after = usual + LATER_BY
    later = wishes._replace(between=(after, end if after < end else DAY))
    week = openings[0].day + timedelta(days=7)
    found = [Way("earlier", _("Earlier in the day"), earlier, _(NOTHING_EARLIER))] if usual else []
    if after < DAY:
        found.append(Way("later", _("Later in the day"), later, _(NOTHING_LATER)))
    found.append(
        Way("week", _("Start a week later"), wishes._replace(start_on=week), _(NO_OTHER)),
    )
    names = Counter(opening.practitioner_id for opening in openings)
    others = [
        practitioner
        for practitioner in here.practitioners
        if names[practitioner.id or 0] < len(openings)
    ]
    for each in others[:PEOPLE_NAMED]:
        words = _("With %(who)s") % {"who": each.name}
        with_them = wishes._replace(practitioner_id=each.id)
        found.append(Way(f"with-{each.id}", words, with_them, _(NOT_FREE)))
    return found


@router.post("/replan")
def replan(token: str, visit: Writing, form: Typed) -> Response:
    """Another whole plan instead, or the one before."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("plan"):
        return rendering.go(elsewhere)
    how = form.one("how")
    there = rendering.go(f"{here.base}/plan")
    going_back = how == "back"
    try:
        if going_back:
            _put_back(here)
        elif how in alternatives.KINDS:
            _take_alternative(here, how)
        else:
            wanted = [way for way in ways(here) if way.key == how]
            if not wanted:  # the button was pressed twice, and by now there is no such way
                return there
            _take_way(here, wanted[0])
    except SessionsTaken:
        here.keep(notices=[_(GONE if going_back else QUICKER)])
    except (NoPlan, TooTangled, TooMany) as wrong:
        here.keep(notices=[errors.sentence(wrong)])
    return there


@router.get("/plans")
def show_others(token: str, visit: Reading) -> Response:
    """Other plans, each better in one thing. They are worked out now, and nothing is kept."""
    here = form_session.open_form(visit, token)
    if elsewhere := here.elsewhere("plan"):
        return rendering.go(elsewhere)
    try:
        found = _alternatives(here)
    except (NoPlan, TooTangled):
        found = []
    return booking_pages.alternatives(here, found)


@router.post("/remedy")
def take_remedy(token: str, visit: Writing, form: Typed) -> Response:
    """Do what was said to help where no course could be planned."""
    here = form_session.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("wishes"):
        return rendering.go(elsewhere)
    tried = [remedy for remedy in here.remedies if remedy.kind == form.one("kind")]
    if not tried:  # pressed twice, or in an old tab
        return rendering.go(f"{here.base}/{'plan' if here.enquiry.sessions else 'wishes'}")
    before = {name: here.answer(name) for name in ("wishes", "phases")}
    wishes = {**before["wishes"]}
    if tried[0].start_on:
        wishes["start_on"] = tried[0].start_on.isoformat()
    phases = [to_json(phase) for phase in tried[0].phases or ()]
    here.keep(wishes=wishes, phases=phases or before["phases"], accepted=None)
    try:
        draft_plans.make(visit.session, here.enquiry, here.treatment, here.wishes, now=visit.now)
    except (NoPlan, SessionsTaken, TooMany) as wrong:
        here.keep(**before, refused=refusal_as_kept(wrong))
        return rendering.go(f"{here.base}/wishes")
    here.keep(notices=[no_plan.remedy(tried[0])], refused=None, before=None)
    return rendering.go(f"{here.base}/plan")


def refusal_as_kept(wrong: Exception) -> dict[str, Any]:
    """Why there is no plan and what would help, as a form keeps it."""
    if isinstance(wrong, ExplainedNoPlan):
        return {"no_plan": fact_json.REFUSAL.dump(Refusal.of(wrong))}
    return {"why": wrong.sentence if isinstance(wrong, TooMany) else QUICKER}


def _take_way(here: BookingForm, way: Way) -> None:
    plan = plan_course.propose(
        here.visit.session,
        here.treatment,
        way.wishes,
        now=here.visit.now,
        agreed=draft_plans.agreed(here.enquiry, here.treatment),
        leaving=holds.leaving(here.enquiry.hold_id),
    )
    met = [
        appointment
        for appointment in plan.sessions
        if not way.wishes.missed_by(appointment.opening)
    ]
    if not met or not _is_new(here, plan):
        here.keep(notices=[way.sorry])
        return
    said = {**here.answer("wishes"), "start_on": way.wishes.start_on.isoformat()}
    said["practitioner_id"] = str(way.wishes.practitioner_id or "")
    if way.wishes.between is not None:
        said["between"] = list(way.wishes.between)
    _adopt(here, plan, wishes=said, said=_("Your new plan: %(how)s.") % {"how": _lower(way.words)})


def _take_alternative(here: BookingForm, kind: str) -> None:
    found = [alternative for alternative in _alternatives(here) if alternative.kind == kind]
    if not found or not _is_new(here, found[0].plan):
        here.keep(notices=[_(NO_OTHER)])
        return
    _adopt(
        here,
        found[0].plan,
        wishes=here.answer("wishes"),
        said=alternative_phrases.sentence(found[0].advantage),
    )


def _adopt(here: BookingForm, plan: Plan, *, wishes: dict[str, Any], said: str) -> None:
    before = here.proposal_as_kept()
    draft_plans.adopt(here.visit.session, here.enquiry, here.treatment, plan, now=here.visit.now)
    here.keep(notices=[said], before=before, wishes=wishes, accepted=None)


def _put_back(here: BookingForm) -> None:
    before = here.answer("before")
    if not before:
        return
    now = here.proposal_as_kept()
    draft_plans.put_back(
        here.visit.session,
        here.enquiry,
        here.treatment,
        before["sessions"],
        before["compromises"],
        now=here.visit.now,
    )
    said = _("This is the plan that you had before.")
    here.keep(notices=[said], before=now, wishes=before["wishes"], accepted=None)


def _alternatives(here: BookingForm) -> list[alternatives.Alternative]:
    best = plan_course.proposal(
        here.visit.session,
        here.treatment,
        here.wishes,
        now=here.visit.now,
        agreed=draft_plans.agreed(here.enquiry, here.treatment),
        leaving=holds.leaving(here.enquiry.hold_id),
    )
    return [each for each in alternatives.find(best) if _is_new(here, each.plan)]


def _is_new(here: BookingForm, plan: Plan) -> bool:
    """Whether a plan is another one than is proposed; it does not matter in which bed."""

    def places(planned: Any) -> list[tuple[int, int]]:
        return [(each.opening.starts_at, each.opening.practitioner_id) for each in planned]

    return places(plan.sessions) != places(here.planned)


def _lower(words: str) -> str:
    return words[0].lower() + words[1:]
