"""`GET /problems/{slug}`: what each `type` of an error means, for people who meet it in a log."""

from collections import defaultdict
from collections.abc import Iterator

from fastapi import APIRouter, Path
from pydantic import BaseModel

from scheduler.api.http.fields import Shape
from scheduler.api.http.problem_members import ProblemMembers
from scheduler.api.http.problems import SENTENCES, STATUS, status_of
from scheduler.infra.errors import NotFound, Problem

router = APIRouter(prefix="/problems", include_in_schema=False)

WITHOUT_CLASS = {
    "broken-json": (400, "The body is not valid JSON. Check its syntax."),
    "bad-request": (400, SENTENCES[400]),
    "method-not-allowed": (405, SENTENCES[405]),
    "internal": (500, SENTENCES[500]),
}
"""Errors that are found before a route runs, or that the program does not know."""


class ProblemType(Shape):
    """A `type` of errors. `detail` of an error is one of the sentences, or more precise."""

    type: str
    statuses: list[int]
    sentences: list[str]
    members: dict[str, str]


class ProblemTypes(BaseModel):
    """All types of errors."""

    items: list[ProblemType]


@router.get("")
def list_types() -> ProblemTypes:
    """All types of errors, in alphabetical order."""
    return ProblemTypes(items=[kind for _, kind in sorted(_types().items())])


@router.get("/{slug}")
def explain(slug: str = Path(max_length=60)) -> ProblemType:
    """The statuses, the sentences and the additional members of one type of errors."""
    kinds = _types()
    if slug not in kinds:
        raise NotFound(f"No error has the type /problems/{slug}. GET /problems lists all types.")
    return kinds[slug]


def _types() -> dict[str, ProblemType]:
    statuses: dict[str, set[int]] = defaultdict(set)
    sentences: dict[str, dict[str, None]] = defaultdict(dict)
    for kind in _kinds(Problem):
        statuses[kind.slug].add(_status(kind))
        sentences[kind.slug][kind.sentence] = None
    for slug, (status, sentence) in WITHOUT_CLASS.items():
        statuses[slug].add(status)
        sentences[slug][sentence] = None
    return {
        slug: ProblemType(
            type=f"/problems/{slug}",
            statuses=sorted(statuses[slug]),
            sentences=list(sentences[slug]),
            members=_members(slug),
        )
        for slug in statuses
    }


def _kinds(kind: type[Problem]) -> Iterator[type[Problem]]:
    """The subclasses that a response can have. A base without a status is none."""
    for narrower in kind.__subclasses__():
        if issubclass(narrower, tuple(known for known, _ in STATUS)):
            yield narrower
        yield from _kinds(narrower)


def _status(kind: type[Problem]) -> int:
    return status_of(kind.__new__(kind))


def _members(slug: str) -> dict[str, str]:
    """The members that errors of this type carry, with their descriptions."""
    return {
        name: str(field.description).partition(": ")[2]
        for name, field in ProblemMembers.model_fields.items()
        if f"`{slug}`" in str(field.description).partition(": ")[0]
    }
