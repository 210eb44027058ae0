"""Names that people read are single lines without hidden characters and without links."""

from typing import Any

import pytest

from tests.api.conftest import Desk
from tests.builders.cast import Cast

MISLEADING = [
    "Willow\nCall 900-555-0100",
    "Willow\u2028now",
    "Wil\u202elow",
    "Wil\u200blow",
    "Wil\u2066low",
    "Win at www.evil.example now",
    "evil.com",
]


def paths(cast: Cast) -> list[tuple[str, str]]:
    return [
        (f"/clinics/{cast.clinic}", "name"),
        (f"/clinics/{cast.clinic}", "text_name"),
        (f"/practitioners/{cast.ana}", "name"),
        (f"/rooms/{cast.beds[0]}", "name"),
        (f"/treatments/{cast.back}", "name"),
    ]


@pytest.mark.parametrize("name", MISLEADING)
def test_a_misleading_name_is_refused_everywhere(desk: Desk, cast: Cast, name: str) -> None:
    for path, field in paths(cast):
        answer = desk.send("PATCH", path, {field: name})

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), path


@pytest.mark.parametrize(
    "name",
    ["St. Mary's", "Dr. A. Lee, L.Ac.", "O'Neil", "Nguyễn Văn An", "李小龍", "می\u200cخواهم"],
)
def test_names_as_people_write_them_are_taken(desk: Desk, cast: Cast, name: str) -> None:
    body: dict[str, Any] = {"name": name}

    for path in (f"/practitioners/{cast.ana}", f"/rooms/{cast.beds[0]}"):
        assert desk.send("PATCH", path, body).json()["name"] == name
