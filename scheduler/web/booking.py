"""Booking a course, a question a page: health, wishes, times, name and phone, the code.

Every POST answers with "see other", so that reloading and going back send nothing again, and a step
that is sent twice finds that it is done. What has to be mended is shown with what was typed.
"""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.booking import enquiries, planner, proposals
from scheduler.booking.holds import SessionsTaken
from scheduler.database import known
from scheduler.errors import TooMany, Unfit
from scheduler.patients import consent, screening, verification
from scheduler.patients.models import Patient
from scheduler.phone import for_people
from scheduler.reminders import outbox
from scheduler.web import desk, forms, intake, pages, treatments, views, words
from scheduler.web.desk import STEPS, Desk
from scheduler.web.entry import Reading, Typed, Writing
from scheduler.web.forms import Form, Mistakes

router = APIRouter(prefix="/book")

SOME_TAKEN = (
    "Some of your times were taken while you were looking. This is the best course that is free now"
    " and fits your wishes; all that you told us is kept."
)
WHAT_HELPS = "It may help to tick more days, to take any time of day, or to start later."
OPTIONS_A_DAY = 6
DAYS_OFFERED = 5


@router.post("")
def begin(visit: Writing, form: Typed) -> Response:
    """Open an empty form for a treatment."""
    treatment = treatments.find(visit.session, form.one("treatment_id"))
    _, token = enquiries.begin(visit.session, treatment, origin=visit.origin, now=visit.now)
    return pages.go(f"/book/{token}/{STEPS[0]}")


@router.get("/{token}/screening")
def ask_health(token: str, visit: Reading) -> Response:
    """What to know before needling."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("screening"):
        return pages.go(elsewhere)
    said = here.answer("health") or {"answers": {}, "pain_since": ""}
    return _health_page(here, {**said["answers"], "pain_since": said["pain_since"]})


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
        return _health_page(here, form.typed("pain_since", *names), wrong.sentences)
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
    return _wishes_page(here, said, said["weekdays"])


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
        here.keep(wishes=desk.wishes_as_kept(wished), accepted=None)
        proposals.make(visit.session, here.enquiry, here.treatment, here.wishes, now=visit.now)
    except (Mistakes, planner.NoPlan, SessionsTaken) as wrong:
        typed = form.typed("start_on", "hours", "practitioner_id")
        return _wishes_page(here, typed, form.many("weekdays"), _why_no_plan(wrong))
    return pages.go(f"{here.base}/plan")


@router.get("/{token}/plan")
def show_plan(token: str, visit: Reading) -> Response:
    """The proposed course, week by week."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("plan"):
        return pages.go(elsewhere)
    sessions = [here.shown(each) for each in here.planned]
    return _page(
        here,
        "plan.html",
        summary=views.summary(sessions, here.place),
        weeks=views.weeks(sessions, here.place.manner),
        compromises=here.enquiry.compromises,
        kept=here.kept(),
    )


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
    return _others_page(here, desk.session_number(here, number))


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
        starts_at, practitioner_id = _slot(form)
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
        return _others_page(here, which, {"slot": wrong.sentence})
    except proposals.NoLongerFree as gone:
        return _others_page(here, which, {"slot": gone.sentence}, status=409)
    now_on = here.shown(here.planned[which - 1])
    here.keep(notices=[f"Session {which} is now on {now_on.spoken}."])
    return pages.go(f"{here.base}/plan")


@router.get("/{token}/details")
def ask_details(token: str, visit: Reading) -> Response:
    """Who comes, and whether we may text."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("details"):
        return pages.go(elsewhere)
    return _details_page(here, here.answer("details") or {})


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
        return _details_page(here, typed, wrong.sentences)
    here.keep(details=desk.details_as_kept(details, typed["phone"]))
    # No text before the times are really kept: an empty form must not be able to send any.
    if not proposals.renew(visit.session, here.enquiry, here.treatment, now=visit.now):
        return _plan_anew(here)
    if here.proved(details.phone):
        return _book(here)
    try:
        _text_code(here, details.phone)
    except TooMany as often:
        return _too_often(_details_page(here, typed, {"": often.sentence}, status=429), often)
    return pages.go(f"{here.base}/code")


@router.get("/{token}/code")
def ask_code(token: str, visit: Reading) -> Response:
    """The digits that were texted."""
    here = desk.open_form(visit, token)
    if elsewhere := here.elsewhere("code"):
        return pages.go(elsewhere)
    return _code_page(here)


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
        return _code_page(here, {"code": wrong.sentence})
    return _book(here)


@router.post("/{token}/code/again")
def send_code_again(token: str, visit: Writing) -> Response:
    """Text another code."""
    here = desk.open_form(visit, token, lock=True)
    if elsewhere := here.elsewhere("code"):
        return pages.go(elsewhere)
    _renew(here)
    try:
        _text_code(here, here.answer("details")["number"], anew=True)
    except TooMany as often:
        return _too_often(_code_page(here, {"": often.sentence}, status=429), often)
    here.keep(notices=["A new code is on its way. Only the newest one counts."])
    return pages.go(f"{here.base}/code")


def _book(here: Desk) -> Response:
    """Book what is proposed for whom the phone belongs to, or propose anew what is free."""
    visit, said = here.visit, here.application
    patient = intake.enrol(visit.session, here.actor, here.clinic, said, now=visit.now)
    try:
        intake.book(
            visit.session,
            here.actor,
            here.enquiry,
            here.treatment,
            patient,
            said,
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
    except (planner.NoPlan, SessionsTaken) as wrong:
        here.keep(notices=list(_why_no_plan(wrong).values()), accepted=None)
        return pages.go(f"{here.base}/wishes")
    here.keep(notices=[SOME_TAKEN], accepted=None)
    return pages.go(f"{here.base}/plan")


def _renew(here: Desk) -> None:
    """Whoever goes on filling the form keeps the times; a lapsed hold is told at the next step."""
    if here.enquiry.hold_id is not None:
        proposals.renew(here.visit.session, here.enquiry, here.treatment, now=here.visit.now)


def _text_code(here: Desk, number: str, *, anew: bool = False) -> None:
    """Owe a code to a phone. Sent twice in a row, the same step texts once."""
    visit, last = here.visit, here.code
    fresh = (
        last is not None
        and last.phone == number
        and last.proved_at is None
        and visit.now - last.created_at < verification.PATIENCE
    )
    if fresh and not anew:
        return
    code = verification.begin(
        visit.session,
        clinic_id=known(here.clinic.id),
        phone=number,
        origin=visit.origin,
        now=visit.now,
    )
    outbox.owe_code(visit.session, code, language=here.clinic.language, now=visit.now)
    here.enquiry.phone_code_id = code.id
    visit.session.add(here.enquiry)
    visit.session.flush()


def _why_no_plan(wrong: Exception) -> dict[str, str]:
    if isinstance(wrong, Mistakes):
        return wrong.sentences
    if isinstance(wrong, planner.NoPlan):
        return {"": f"{wrong.sentence} {WHAT_HELPS}"}
    return {"": "Others are booking at this very moment and took these times. Please try again."}


def _slot(form: Form) -> tuple[int, int]:
    parts = form.one("slot").split("-")
    if not all(part.isascii() and part.isdecimal() and len(part) < 12 for part in parts):
        raise Unfit("Please choose one of the times, or keep it as it is.")
    if len(parts) != 2:
        raise Unfit("Please choose one of the times, or keep it as it is.")
    return int(parts[0]), int(parts[1])


def _health_page(
    here: Desk, typed: dict[str, str], mistakes: dict[str, str] | None = None
) -> HTMLResponse:
    return _page(
        here,
        "screening.html",
        typed=typed,
        mistakes=mistakes,
        questions=screening.QUESTIONS,
        answers=[("no", "No"), ("yes", "Yes"), ("unsure", "Not sure")],
        pain_since=list(screening.PAIN_SINCE.items()),
    )


def _wishes_page(
    here: Desk, typed: dict[str, Any], days: list[str], mistakes: dict[str, str] | None = None
) -> HTMLResponse:
    last = here.place.today + timedelta(days=here.treatment.horizon_days)
    return _page(
        here,
        "wishes.html",
        typed=typed,
        typed_days=days,
        mistakes=mistakes,
        rhythm=views.rhythm(here.treatment),
        advice=_advice(here.answer("health")["answers"]),
        first=here.place.today.isoformat(),
        last=last.isoformat(),
        weekdays=list(enumerate(words.WEEKDAYS)),
        hours=_hours(here),
        practitioners=[
            ("", "Anyone"),
            *((each.id, each.name) for each in here.practitioners),
        ],
    )


def _advice(answers: dict[str, str]) -> list[str]:
    """What to tell at once about the answers."""
    told = [
        question.advice[answers[question.key]]
        for question in screening.QUESTIONS
        if question.advice and answers[question.key] in question.advice
    ]
    if screening.needs_clearance(answers):
        told.insert(
            0,
            "Thank you. A practitioner will look at your answers before your first session. You can"
            " book now: your times are kept for you.",
        )
    return told


def _hours(here: Desk) -> list[tuple[str, str]]:
    noon, five = ("noon", "5 pm") if here.place.manner.twelve_hours else ("12:00", "17:00")
    return [
        ("any", "Any time"),
        ("morning", f"Before {noon}"),
        ("afternoon", f"{noon.capitalize()} to {five}"),
        ("evening", f"After {five}"),
    ]


def _others_page(
    here: Desk, number: int, mistakes: dict[str, str] | None = None, *, status: int = 422
) -> HTMLResponse:
    sessions = here.planned
    current = sessions[number - 1].opening
    found = proposals.others(
        here.visit.session, here.enquiry, here.treatment, number, now=here.visit.now
    )
    return _page(
        here,
        "change.html",
        status=status,
        mistakes=mistakes,
        typed={},
        session=here.shown(sessions[number - 1]),
        days=[
            {
                "words": here.place.manner.day(day, today=here.place.today),
                "options": [
                    {
                        "key": f"{each.starts_at}-{each.practitioner_id}",
                        "time": here.shown(sessions[number - 1]._replace(opening=each)).time,
                        "who": here.name_of(each.practitioner_id),
                    }
                    for each in options
                ],
            }
            for day, options in proposals.by_day(
                found, current, days=DAYS_OFFERED, a_day=OPTIONS_A_DAY
            )
        ],
    )


def _details_page(
    here: Desk,
    typed: dict[str, str],
    mistakes: dict[str, str] | None = None,
    *,
    status: int = 422,
) -> HTMLResponse:
    return _page(
        here,
        "details.html",
        status=status,
        typed=typed,
        mistakes=mistakes,
        wording=consent.WORDING["en"],
        kept=here.kept(),
        proved=bool(typed.get("number")) and here.proved(typed["number"]),
    )


def _code_page(
    here: Desk, mistakes: dict[str, str] | None = None, *, status: int = 422
) -> HTMLResponse:
    return _page(
        here,
        "code.html",
        status=status,
        typed={},
        mistakes=mistakes,
        number=for_people(here.answer("details")["number"]),
    )


def _page(
    here: Desk,
    template: str,
    *,
    status: int = 422,
    mistakes: dict[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page of the form; `status` holds where there are mistakes to mend."""
    return pages.show(
        template,
        status=status if mistakes else 200,
        mistakes=mistakes or {},
        notices=here.answer("notices") or [],
        base=here.base,
        steps=len(STEPS),
        clinic=here.clinic,
        treatment=here.treatment,
        **values,
    )


def _too_often(page: HTMLResponse, often: TooMany) -> HTMLResponse:
    page.headers["Retry-After"] = str(often.retry_after)
    return page

