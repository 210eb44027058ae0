"""Every `type` of an error can be opened and explains itself."""

import re
from pathlib import Path

import pytest

from scheduler.api.http.problem_members import ProblemMembers
from tests.api.conftest import Desk, TestClient
from tests.builders.cast import Cast

NEVER_IN_A_RESPONSE = {
    "problem",  # the base class
    "misconfigured",  # ends the program at its start
    *("carrier-unreached", "text-later", "text-refused", "text-unknown", "too-many-calls"),
    "lease-lost",
}
"""The others are between a worker and the carrier or the database."""

PROGRAM = Path(__file__).resolve().parents[3] / "scheduler"


def test_every_type_that_the_program_names_is_explained(client: TestClient) -> None:
    named = {
        slug
        for file in PROGRAM.rglob("*.py")
        for slug in re.findall(r'^    slug = "([a-z-]+)"', file.read_text(), re.MULTILINE)
    }
    listed = client.get("/problems").json()["items"]

    explained = {kind["type"].removeprefix("/problems/") for kind in listed}
    assert named - explained == NEVER_IN_A_RESPONSE
    assert all(kind["statuses"] and all(kind["sentences"]) for kind in listed)


def test_every_member_belongs_to_a_type(client: TestClient) -> None:
    listed = client.get("/problems").json()["items"]

    members = {name for kind in listed for name in kind["members"]}
    assert members == set(ProblemMembers.model_fields)


def test_the_type_of_an_error_can_be_opened(desk: Desk, client: TestClient, cast: Cast) -> None:
    refused = desk.get("/appointments/999999").json()

    explained = client.get(refused["type"])

    assert (explained.status_code, explained.json()["type"]) == (200, refused["type"])
    assert refused["status"] in explained.json()["statuses"]
    assert refused["detail"] in explained.json()["sentences"]


@pytest.mark.parametrize("path", ["/problems/nonsense", "/problems/no/such"])
def test_an_unknown_type_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
