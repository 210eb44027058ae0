"""Which texts a patient wants and in which language, with what each choice means said before."""

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from scheduler.i18n import languages
from scheduler.i18n.translation import gettext as _
from scheduler.i18n.translation import marked
from scheduler.patients import consent, register
from scheduler.reminders.outbox import outbox
from scheduler.reminders.replies import page_messages
from scheduler.reminders.schedule import essential
from scheduler.storage.database import stored_id
from scheduler.web.course import course_page as folders
from scheduler.web.course.course_page import CoursePage
from scheduler.web.site import rendering
from scheduler.web.site.visit import Reading, Typed, Visit, Writing

router = APIRouter()

NONE = "none"
WORDS = "No texts (chosen on the private page)"
"""What stands with the opt-out, for staff."""

SAID = {
    essential.ALL: marked("It is noted: you get all texts."),
    essential.FEWER: marked("It is noted: you get only the texts that matter most."),
    NONE: marked("It is noted: no more texts come to this phone, from this moment on."),
}


@router.get("/my/{token}/texts")
def show(token: str, visit: Reading, said: str = "") -> HTMLResponse:
    """What is chosen, and what else there is."""
    return _page(folders.find(visit, token), token, said=said)


@router.post("/my/{token}/texts")
def choose(token: str, visit: Writing, form: Typed) -> Response:
    """Do as they wish, at once: what is owed by the old wish is withdrawn with it."""
    folder = folders.find(visit, token)
    wish, language = form.one("texts"), form.one("language")
    fixed = consent.is_stopped_by_text(visit.session, folder.patient.phone)
    if not languages.is_known(language) or (not fixed and wish not in SAID):
        mistake = _("Please choose one of the answers.")
        return _page(folder, token, mistake=mistake, status=422)
    if language != folder.patient.language:
        register.change(
            visit.session, folder.actor, folder.patient, language=language, now=visit.now
        )
    if not fixed:
        _follow(folder, visit, wish)
    outbox.derive(visit.session, [folder.patient.phone], now=visit.now)
    return rendering.go(f"/my/{token}/texts?said={_wish_of(folder)}")


def _follow(folder: CoursePage, visit: Visit, wish: str) -> None:
    patient, actor = folder.patient, folder.actor
    if wish == _wish_of(folder):
        return
    if wish == NONE:
        page_messages.stop(visit.session, actor, patient, words=WORDS, now=visit.now)
        return
    if _wish_of(folder) == NONE:
        consent.resume(visit.session, actor, patient.phone, now=visit.now)
        wording = consent.wording(patient.language)
        consent.give(visit.session, actor, patient, wording=wording, channel="web", now=visit.now)
    register.change(visit.session, actor, patient, texts=wish, now=visit.now)


def _wish_of(folder: CoursePage) -> str:
    """all, fewer, or none where the phone wants none or its owner never agreed."""
    patient = folder.patient
    if stored_id(patient.id) in consent.silences(folder.visit.session, [patient]):
        return NONE
    return essential.FEWER if patient.texts == essential.FEWER else essential.ALL


def _page(
    folder: CoursePage, token: str, *, said: str = "", mistake: str = "", status: int = 200
) -> HTMLResponse:
    patient = folder.patient
    return folders.page(
        folder,
        "texts.html",
        status=status,
        my=f"/my/{token}",
        chosen=_wish_of(folder),
        fixed=consent.is_stopped_by_text(folder.visit.session, patient.phone),
        languages=[languages.of(code) for code in languages.codes()],
        speaks=languages.of(patient.language, folder.clinic.language).code,
        wording=consent.wording(patient.language),
        notices=[_(SAID[said])] if said in SAID else [],
        mistakes={"texts": mistake} if mistake else {},
    )
