"""Which texts a patient wants, and in which language. The page explains each choice."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from scheduler.i18n import languages
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.patients import consent, register
from scheduler.reminders.outbox import outbox
from scheduler.reminders.replies import page_messages
from scheduler.reminders.schedule import essential
from scheduler.storage.database import stored_id
from scheduler.web.course.course_page import CoursePage
from scheduler.web.site.visit import Reading, Typed, Writing

router = APIRouter(prefix="/my/{token}/texts")

NONE = "none"
OPT_OUT_RECORD = "No texts (chosen on the private page)"
"""The wording that staff see with the opt-out."""

CHOICE_NOTICES = {
    essential.ALL: marked("It is noted: you get all texts."),
    essential.FEWER: marked("It is noted: you get only the texts that matter most."),
    NONE: marked("It is noted: no more texts come to this phone, from this moment on."),
}


@router.get("")
def show(
    token: str, visit: Reading, notice: Annotated[str, Query(alias="said")] = ""
) -> HTMLResponse:
    """The present choice, and the others."""
    return _page(CoursePage.open(visit, token), notice=notice)


@router.post("")
def choose(token: str, visit: Writing, form: Typed) -> Response:
    """Apply the choice at once, also to texts that are scheduled already."""
    page = CoursePage.open(visit, token)
    choice, language = form.one("texts"), form.one("language")
    fixed = consent.is_stopped_by_text(visit.session, page.patient.phone)
    if not languages.is_known(language) or (not fixed and choice not in CHOICE_NOTICES):
        mistake = _("Please choose one of the answers.")
        return _page(page, mistake=mistake, status=422)
    if language != page.patient.language:
        register.change(visit.session, page.actor, page.patient, language=language, now=visit.now)
    if not fixed:
        _apply(page, choice)
    outbox.derive(visit.session, [page.patient.phone], now=visit.now)
    return page.go("/texts", notice=_choice_of(page))


def _apply(page: CoursePage, choice: str) -> None:
    visit, patient, actor = page.visit, page.patient, page.actor
    if choice == _choice_of(page):
        return
    if choice == NONE:
        page_messages.stop(visit.session, actor, patient, words=OPT_OUT_RECORD, now=visit.now)
        return
    if _choice_of(page) == NONE:
        consent.resume(visit.session, actor, patient.phone, now=visit.now)
        wording = consent.wording(patient.language)
        consent.give(visit.session, actor, patient, wording=wording, channel="web", now=visit.now)
    register.change(visit.session, actor, patient, texts=choice, now=visit.now)


def _choice_of(page: CoursePage) -> str:
    """all, fewer, or none if the phone opted out or the patient never consented."""
    patient = page.patient
    if stored_id(patient.id) in consent.silences(page.session, [patient]):
        return NONE
    return essential.FEWER if patient.texts == essential.FEWER else essential.ALL


def _page(
    page: CoursePage, *, notice: str = "", mistake: str = "", status: int = 200
) -> HTMLResponse:
    patient = page.patient
    return page.show(
        "text_settings.html",
        status=status,
        chosen=_choice_of(page),
        fixed=consent.is_stopped_by_text(page.session, patient.phone),
        languages=[languages.of(code) for code in languages.codes()],
        speaks=languages.of(patient.language, page.clinic.language).code,
        wording=consent.wording(patient.language),
        notices=[_(CHOICE_NOTICES[notice])] if notice in CHOICE_NOTICES else [],
        mistakes={"texts": mistake} if mistake else None,
    )
