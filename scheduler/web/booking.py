"""Booking a course, a question a page: health, wishes, times, name and phone, the code.

Every POST answers with "see other", so that reloading and going back send nothing again, and a step
that is sent twice finds that it is done. What has to be mended is shown with what was typed.
"""

from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import Response

from scheduler import spoken
from scheduler.booking import enquiries, planner, proposals
from scheduler.booking.holds import SessionsTaken
from scheduler.booking.refusals import Refused
from scheduler.database import known
from scheduler.errors import TooMany, Unfit
from scheduler.patients import screening, verification
from scheduler.patients.models import Patient
from scheduler.spoken import gettext as _
from scheduler.spoken import marked
from scheduler.web import desk, forms, intake, pages, proving, replanning, steps, treatments
from scheduler.web.desk import STEPS, Desk
from scheduler.web.entry import Reading, Typed, Writing
from scheduler.web.forms import Mistakes

router = APIRouter(prefix="/book")

SOME_TAKEN = marked(
    "Some of your times were taken while you were looking. This is the best course that is free now"
    " and fits your wishes; all that you told us is kept."
)
WHAT_HELPS = marked("It may help to tick more days, to take any time of day, or to start later.")


@router.post("")
def begin(visit: Writing, form: Typed) -> Response:
    """Open an empty form for a treatment."""
    treatment = treatments.find(visit.session, form.one("treatment_id"))
    enquiry, token = enquiries.begin(visit.session, treatment, origin=visit.origin, now=visit.now)
    enquiries.keep(visit.session, enquiry, language=spoken.language().code)
    return pages.go(f"/book/{token}/{STEPS[0]}")


@router.get("/{token}/screening")
def ask_health(token: str, visit: Reading) -> Response:
    """What to know before needling."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("screening"):
        return pages.go(elsewhere)
    said = here.answer("health") or {"answers": {}, "pain_since": ""}
    return steps.health(here, {**said["answers"], "pain_since": said["pain_since"]})


@router.post("/{token}/screening")
def take_health(token: str, visit: Writing, form: Typed) -> Response:
    """Keep the answers about health."""
    here = desk.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("screening"):
        return pages.go(elsewhere)
    try:
        health = forms.read_health(form)
    except Mistakes as wrong:
        names = [question.key for question in screening.QUESTIONS]
        return steps.health(here, form.typed("pain_since", *names), wrong.sentences)
    here.keep(health=desk.health_as_kept(health))
    _renew(here)
    return pages.go(f"{here.base}/wishes")


@router.get("/{token}/wishes")
def ask_wishes(token: str, visit: Reading) -> Response:
    """When somebody would like to come."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("wishes"):
        return pages.go(elsewhere)
    tomorrow = here.place.today + timedelta(days=1)
    said = here.answer("wishes") or {"start_on": tomorrow.isoformat(), "weekdays": []}
    return steps.wishes(here, said, said["weekdays"])


@router.post("/{token}/wishes")
def take_wishes(token: str, visit: Writing, form: Typed) -> Response:
    """Propose a course for the wishes, and keep its times."""
    here = desk.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("wishes"):
        return pages.go(elsewhere)
    try:
        wished = forms.read_wishes(
            form,
            today=here.place.today,
            horizon_days=here.treatment.horizon_days,
            practitioner_ids=[known(each.id) for each in here.practitioners],
        )
        # Other wishes ask for the treatment's own pace again, and begin with plans anew.
        here.keep(
            wishes=desk.wishes_as_kept(wished),
            accepted=None,
            phases=None,
            before=None,
            refused=None,
        )
        proposals.make(visit.session, here.enquiry, here.treatment, here.wishes, now=visit.now)
    except (Mistakes, planner.NoPlan, SessionsTaken, TooMany) as wrong:
        if isinstance(wrong, planner.NoPlan):
            here.keep(refused=replanning.refusal_as_kept(wrong))
        typed = form.typed("start_on", "hours", "practitioner_id")
        return steps.wishes(here, typed, form.many("weekdays"), _why_no_plan(wrong))
    return pages.go(f"{here.base}/plan")


@router.get("/{token}/plan")
def show_plan(token: str, visit: Reading) -> Response:
    """The proposed course, week by week."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("plan"):
        return pages.go(elsewhere)
    return steps.plan(here, [(each.key, each.words) for each in replanning.ways(here)])


@router.post("/{token}/plan")
def take_plan(token: str, visit: Writing) -> Response:
    """Accept the proposed times, if they can still be had."""
    here = desk.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("plan"):
        return pages.go(elsewhere)
    if not proposals.renew(visit.session, here.enquiry, here.treatment, now=visit.now):
        return _plan_anew(here)
    here.keep(accepted=True)
    return pages.go(f"{here.base}/details")


@router.get("/{token}/plan/{number}")
def show_others(token: str, number: str, visit: Reading) -> Response:
    """Other times for one session."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("plan"):
        return pages.go(elsewhere)
    return steps.others(here, desk.session_number(here, number))


@router.post("/{token}/plan/{number}")
def take_other(token: str, number: str, visit: Writing, form: Typed) -> Response:
    """Give one session another time."""
    here = desk.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("plan"):
        return pages.go(elsewhere)
    which = desk.session_number(here, number)
    if not proposals.renew(visit.session, here.enquiry, here.treatment, now=visit.now):
        return _plan_anew(here)
    try:
        starts_at, practitioner_id = forms.read_slot(form)
        before = here.proposal_as_kept()
        proposals.change(
            visit.session,
            here.enquiry,
            here.treatment,
            which,
            starts_at=starts_at,
            practitioner_id=practitioner_id,
            now=visit.now,
        )
    except Unfit as wrong:
        return steps.others(here, which, {"slot": wrong.sentence})
    except proposals.NoLongerFree as gone:
        return steps.others(here, which, {"slot": _(gone.sentence)}, status=409)
    now_on = here.shown(here.planned[which - 1])
    now_said = _("Session %(number)s is now on %(when)s.") % {
        "number": which,
        "when": now_on.spoken,
    }
    here.keep(notices=[now_said], before=before)
    return pages.go(f"{here.base}/plan")


@router.get("/{token}/details")
def ask_details(token: str, visit: Reading) -> Response:
    """Who comes, and whether we may text."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("details"):
        return pages.go(elsewhere)
    return steps.details(here, here.answer("details") or {})


@router.post("/{token}/details")
def take_details(token: str, visit: Writing, form: Typed) -> Response:
    """Keep the details and text a code, or book at once where the phone is proved already."""
    here = desk.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("details"):
        return pages.go(elsewhere)
    typed = form.typed("name", "phone", "consent")
    try:
        details = forms.read_details(
            form, country=here.clinic.country, allowed=visit.settings.countries
        )
    except Mistakes as wrong:
        return steps.details(here, typed, wrong.sentences)
    here.keep(details=desk.details_as_kept(details, typed["phone"]))
    proved = here.proved(details.phone)
    try:
        if not proved:
            enquiries.claim_phone(visit.session, here.enquiry, details.phone, now=visit.now)
        # No text before the times are really kept: an empty form must not be able to send any.
        if not proposals.renew(visit.session, here.enquiry, here.treatment, now=visit.now):
            return _plan_anew(here)
        if proved:
            return _book(here)
        proving.text_code(here, details.phone)
    except TooMany as often:
        return pages.too_often(
            steps.details(here, typed, {"": _(often.sentence)}, status=429), often
        )
    return pages.go(f"{here.base}/code")


@router.get("/{token}/code")
def ask_code(token: str, visit: Reading) -> Response:
    """The digits that were texted."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("code"):
        return pages.go(elsewhere)
    return steps.code(here)


@router.post("/{token}/code")
def take_code(token: str, visit: Writing, form: Typed) -> Response:
    """Prove the phone and book, all in one."""
    here = desk.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("code"):
        return pages.go(elsewhere)
    if here.proved(here.answer("details")["number"]):
        return _book(here)
    code = here.code
    if code is None:  # `elsewhere` has seen to it
        return pages.go(f"{here.base}/details")
    try:
        verification.check(
            visit.session, code, form.one("code"), key=visit.settings.secret_key, now=visit.now
        )
    except Unfit as wrong:
        # Answered, not raised: the try must be counted.
        return steps.code(here, {"code": _(wrong.sentence)})
    return _book(here)


@router.post("/{token}/code/again")
def send_code_again(token: str, visit: Writing) -> Response:
    """Text another code."""
    here = desk.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("code"):
        return pages.go(elsewhere)
    number = here.answer("details")["number"]
    try:
        enquiries.claim_phone(visit.session, here.enquiry, number, now=visit.now)
        _renew(here)
        proving.text_code(here, number, anew=True)
    except TooMany as often:
        return pages.too_often(steps.code(here, {"": _(often.sentence)}, status=429), often)
    here.keep(notices=[_(proving.ON_ITS_WAY)])
    return pages.go(f"{here.base}/code")


@router.post("/{token}/leave")
def leave(token: str, visit: Writing) -> Response:
    """Let the times go and begin again; what is booked stays booked."""
    try:
        here = desk.open_form(visit, token, lock=True)
    except enquiries.EnquiryGone:
        return pages.go("/")  # the button was pressed twice
    if here.enquiry.course_id is not None:
        return pages.go(f"{here.base}/{desk.DONE}")
    enquiries.leave(visit.session, here.enquiry)
    return pages.go(f"/?clinic={here.clinic.id}&lang={spoken.language().code}")


def _book(here: Desk) -> Response:
    """Book what is proposed for whom the phone belongs to, or propose anew what is free."""
    visit, said = here.visit, here.application
    here.enquiry.unproved_phone = ""
    patient = intake.enrol(visit.session, here.actor, here.clinic, said, now=visit.now)
    try:
        intake.book(
            visit.session,
            here.actor,
            here.enquiry,
            here.treatment,
            patient=patient,
            said=said,
            key=visit.settings.secret_key,
            now=visit.now,
        )
    except SessionsTaken:
        return _plan_anew(here, patient)
    return pages.go(f"{here.base}/{desk.DONE}")


def _plan_anew(here: Desk, patient: Patient | None = None) -> Response:
    """What was proposed is gone: propose what is free now, and say so."""
    visit = here.visit
    try:
        proposals.make(
            visit.session,
            here.enquiry,
            here.treatment,
            here.wishes,
            now=visit.now,
            patient=patient,
        )
    except (planner.NoPlan, SessionsTaken, TooMany) as wrong:
        refused = replanning.refusal_as_kept(wrong)
        here.keep(notices=list(_why_no_plan(wrong).values()), accepted=None, refused=refused)
        return pages.go(f"{here.base}/wishes")
    here.keep(notices=[_(SOME_TAKEN)], accepted=None, before=None)
    return pages.go(f"{here.base}/plan")


def _renew(here: Desk) -> None:
    """Whoever goes on filling the form keeps the times; a lapsed hold is told at the next step."""
    if here.enquiry.hold_id is not None:
        proposals.renew(here.visit.session, here.enquiry, here.treatment, now=here.visit.now)


def _why_no_plan(wrong: Exception) -> dict[str, str]:
    if isinstance(wrong, Mistakes):
        return wrong.sentences
    if isinstance(wrong, planner.NoPlan):
        helps = isinstance(wrong, Refused) and wrong.remedies
        return {"": wrong.sentence if helps else f"{wrong.sentence} {_(WHAT_HELPS)}"}
    if isinstance(wrong, TooMany):
        return {"": _(wrong.sentence)}
    return {"": _("Others are booking at this very moment and took these times. Please try again.")}
