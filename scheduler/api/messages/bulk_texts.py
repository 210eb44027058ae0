"""News to more than fifty people at once: what would go out, letting it go, stopping it."""

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Call, Looking, Reading, Writing, etag, needs
from scheduler.api.http.fields import LARGEST_ID, PathId, QueryId, Shape, local
from scheduler.api.http.pagination import Page, Paging
from scheduler.infra.phone import masked
from scheduler.reminders.models import MassText, MassTextState
from scheduler.reminders.staff import bulk_review
from scheduler.staff.roles import Permission
from scheduler.storage.database import stored_id

router = APIRouter(prefix="/mass-texts", tags=["messages"])


class BulkTextShape(Shape):
    """Changes by the clinic that concern too many people to be texted without a second look."""

    id: int
    clinic_id: int
    state: MassTextState = Field(
        description="`held`: nothing of it goes out. `confirmed`: it goes out. `stopped`: no more."
    )
    opened_at: str
    people: int | None = Field(description="How many it was confirmed for.", examples=[73])
    decided_at: str | None
    decided_by: str


class SampleText(Shape):
    """One of the texts. Of the phone only the last digits are told."""

    kind: str = Field(examples=["cancelled"])
    language: str = Field(examples=["en"])
    phone: str = Field(examples=["...23"])
    text: str


class BulkTextPreview(BulkTextShape):
    """What of it is still to go out, by the calendar as it is now."""

    would_text: int = Field(
        description="How many people: say this number to confirm.", examples=[73]
    )
    texts: int
    segments: int
    cost: str | None = Field(description="In the clinic's money, if it has said a segment_price.")
    by_kind: dict[str, int] = Field(examples=[{"cancelled": 73}])
    by_language: dict[str, int] = Field(examples=[{"en": 70, "es": 3}])
    next_session_at: str | None = Field(
        description="The first session it speaks of. Once that has begun, its patient is not told"
        " any more: they are then before staff, in `/messages?for_staff=true`."
    )
    samples: list[SampleText] = Field(description="At most 10, each kind and language first.")


class BulkTextConfirmation(Shape):
    """How many people whoever confirms believes to text."""

    people: Annotated[int, Field(strict=True, ge=0, le=LARGEST_ID, examples=[73])]


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_mass_texts(
    call: Reading, paging: Paging, *, clinic_id: QueryId = None, state: MassTextState | None = None
) -> Page[BulkTextShape]:
    """Texts to many, in the order in which they were held; `state=held`: those that wait."""
    where = [] if state is None else [col(MassText.state) == state]
    found = pagination.rows(call, MassText, paging, *where, clinic_id=clinic_id)
    return pagination.page(found, paging, lambda row: BulkTextShape(**_fields(call, row)))


@router.get("/{mass_text_id}")
@needs(Permission.SEE_MESSAGES)
def show_mass_text(call: Looking, mass_text_id: PathId, response: Response) -> BulkTextPreview:
    """A preview: how many people, what it costs, and some of the texts. Your look is recorded."""
    batch = bulk_review.find(call.session, call.actor, mass_text_id)
    call.record_view("mass text", batch)
    response.headers["ETag"] = etag(batch.version)
    zone = zones.of(call.session, batch.clinic_id)
    seen = bulk_review.preview(
        call.session, batch, public_url=call.settings.public_url, now=call.now
    )
    begins = seen.next_session_at
    return BulkTextPreview(
        **_fields(call, batch),
        would_text=seen.people,
        texts=seen.texts,
        segments=seen.segments,
        cost=None if seen.cost is None else str(seen.cost),
        by_kind=seen.by_kind,
        by_language=seen.by_language,
        next_session_at=None if begins is None else local(begins, zone),
        samples=[
            SampleText(
                kind=sample.kind,
                language=sample.language,
                phone=masked(sample.phone),
                text=sample.text,
            )
            for sample in seen.samples
        ],
    )


@router.post("/{mass_text_id}/confirmation", response_model=BulkTextShape)
@needs(Permission.TEXT_MANY)
def confirm(call: Writing, mass_text_id: PathId, body: BulkTextConfirmation) -> JSONResponse:
    """Let it go, at the usual pace. Another number of people by now: 409 with `people`."""
    batch = bulk_review.find(call.session, call.actor, mass_text_id, lock=True)
    call.expect(batch.version)
    bulk_review.confirm(call.session, call.actor, batch, people=body.people, now=call.now)
    return call.answer(BulkTextShape(**_fields(call, batch)), version=batch.version)


@router.post("/{mass_text_id}/stop", response_model=BulkTextShape)
@needs(Permission.TEXT_MANY)
def stop(call: Writing, mass_text_id: PathId) -> JSONResponse:
    """Let nothing more of it go out, before or after it was confirmed. It cannot be taken back.

    Texts that the carrier is just being given still go: a few at most.
    """
    batch = bulk_review.find(call.session, call.actor, mass_text_id, lock=True)
    call.expect(batch.version)
    bulk_review.stop(call.session, call.actor, batch, now=call.now)
    return call.answer(BulkTextShape(**_fields(call, batch)), version=batch.version)


def _fields(call: Call, batch: MassText) -> dict[str, object]:
    zone = zones.of(call.session, batch.clinic_id)
    return {
        "id": stored_id(batch.id),
        "clinic_id": batch.clinic_id,
        "state": MassTextState(batch.state),
        "opened_at": local(batch.opened_at, zone),
        "people": batch.people,
        "decided_at": None if batch.decided_at is None else local(batch.decided_at, zone),
        "decided_by": batch.decided_by,
    }
