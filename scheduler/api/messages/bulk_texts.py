"""Bulk texts: change notices to more than fifty people, held until staff confirm them."""

from typing import Annotated

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlmodel import col

from scheduler.api.http import pagination, zones
from scheduler.api.http.auth import Call, Looking, Reading, Writing, etag, needs
from scheduler.api.http.fields import LARGEST_ID, LocalTime, PathId, QueryId, Several, Shape
from scheduler.api.http.pagination import Page, Paging
from scheduler.infra.phone import masked
from scheduler.reminders.models import MassText, MassTextState
from scheduler.reminders.staff import bulk_review
from scheduler.staff.roles import Permission

router = APIRouter(prefix="/mass-texts", tags=["messages"])


class BulkTextShape(Shape):
    """Change notices that are held because they go to many people."""

    id: int
    clinic_id: int
    state: MassTextState = Field(
        description="`held`: not sent yet. `confirmed`: being sent. `stopped`: no more are sent."
    )
    opened_at: LocalTime
    people: int | None = Field(
        description="The number of people it was confirmed for.", examples=[73]
    )
    decided_at: LocalTime | None
    decided_by: str


class SampleText(Shape):
    """One of the texts. `phone` contains the last digits only."""

    kind: str = Field(examples=["cancelled"])
    language: str = Field(examples=["en"])
    phone: str = Field(examples=["...23"])
    text: str


class BulkTextPreview(BulkTextShape):
    """The texts that are still to be sent, for the present calendar."""

    would_text: int = Field(description="The number of people. Send it to confirm.", examples=[73])
    texts: int
    segments: int
    cost: str | None = Field(
        description="In the clinic's currency. Null: it has no `segment_price`."
    )
    by_kind: dict[str, int] = Field(examples=[{"cancelled": 73}])
    by_language: dict[str, int] = Field(examples=[{"en": 70, "es": 3}])
    next_session_at: LocalTime | None = Field(
        description="The start of the first session that a text is about. From then on that text is"
        " not sent but listed in `/messages?for_staff=true`."
    )
    samples: list[SampleText] = Field(
        description="At most 10 texts, covering every kind and language first."
    )


class BulkTextConfirmation(Shape):
    """The number of people that the caller expects to text."""

    people: Annotated[int, Field(strict=True, ge=0, le=LARGEST_ID, examples=[73])]


@router.get("")
@needs(Permission.SEE_MESSAGES)
def list_mass_texts(
    call: Reading,
    paging: Paging,
    *,
    clinic_id: QueryId = None,
    state: Several[MassTextState] = None,
) -> Page[BulkTextShape]:
    """The bulk texts of your clinics. `state=held` lists those that wait for confirmation."""
    where = [col(MassText.state).in_(state)] if state else []
    found = pagination.rows(call, MassText, paging, *where, clinic_id=clinic_id)
    return pagination.page(found, paging, lambda row: _shape(call, row))


@router.get("/{mass_text_id}")
@needs(Permission.SEE_MESSAGES)
def show_mass_text(call: Looking, mass_text_id: PathId, response: Response) -> BulkTextPreview:
    """The number of people, the cost and sample texts. The audit trail records that you read it."""
    batch = bulk_review.find(call.session, call.actor, mass_text_id)
    call.record_view("mass text", batch)
    response.headers["ETag"] = etag(batch.version)
    zone = zones.of(call.session, batch.clinic_id)
    found = bulk_review.preview(
        call.session, batch, public_url=call.settings.public_url, now=call.now
    )
    return BulkTextPreview.of(
        found,
        zone,
        **BulkTextShape.of(batch, zone).model_dump(),
        would_text=found.people,
        cost=None if found.cost is None else str(found.cost),
        samples=[SampleText.of(sample, phone=masked(sample.phone)) for sample in found.samples],
    )


@router.post("/{mass_text_id}/confirmation", response_model=BulkTextShape)
@needs(Permission.TEXT_MANY)
def confirm(call: Writing, mass_text_id: PathId, body: BulkTextConfirmation) -> JSONResponse:
    """Send the texts. If the number of people has changed, 409 contains the new number."""
    batch = bulk_review.find(call.session, call.actor, mass_text_id, lock=True)
    call.expect(batch.version)
    bulk_review.confirm(call.session, call.actor, batch, people=body.people, now=call.now)
    return call.answer(_shape(call, batch), version=batch.version)


@router.post("/{mass_text_id}/stop", response_model=BulkTextShape)
@needs(Permission.TEXT_MANY)
def stop(call: Writing, mass_text_id: PathId) -> JSONResponse:
    """Send no more of these texts, before or after confirmation. This cannot be undone.

    A few texts that are already being handed to the carrier are still sent.
    """
    batch = bulk_review.find(call.session, call.actor, mass_text_id, lock=True)
    call.expect(batch.version)
    bulk_review.stop(call.session, call.actor, batch, now=call.now)
    return call.answer(_shape(call, batch), version=batch.version)


def _shape(call: Call, batch: MassText) -> BulkTextShape:
    return BulkTextShape.of(batch, zones.of(call.session, batch.clinic_id))
