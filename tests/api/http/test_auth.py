"""Every route needs a permission, and no staff member sees the rows of another clinic."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from httpx import Response
from sqlalchemy import text
from sqlmodel import SQLModel, col, delete, select

from scheduler.api import router
from scheduler.api.http import openapi
from scheduler.api.http.auth import PERMISSION_MARK, admit
from scheduler.app import create
from scheduler.audit.audit_trail import AuditEntry
from scheduler.infra.settings import Settings
from scheduler.maintenance import tables
from scheduler.staff.models import Membership
from scheduler.staff.roles import Role
from scheduler.storage.database import Database
from tests.api.conftest import API, Desk, TestClient, key_for
from tests.builders.cast import Cast
from tests.builders.clock import FrozenClock
from tests.builders.one_of_each import Ids, furnish

pytestmark = pytest.mark.both_databases

PUBLIC = {("POST", "/sign-ins")}
Operation = tuple[str, str, dict[str, Any]]


def operations(app: FastAPI) -> Iterator[Operation]:
    """Each method, path and description below /api/v1, from the OpenAPI document."""
    for path, methods in openapi.document(app)["paths"].items():
        for method, described in methods.items():
            yield method.upper(), path.removeprefix(API), described


def test_every_route_says_who_may_enter() -> None:
    routes = [route for part in router.PARTS for route in part.router.routes]

    assert len(routes) > 50
    assert [route.path for route in routes if not hasattr(route.endpoint, PERMISSION_MARK)] == []


def test_a_stranger_is_refused_everywhere(app: FastAPI, client: TestClient, cast: Cast) -> None:
    answers = {
        (method, path): client.request(method, API + re.sub(r"{\w+}", "1", path), json={})
        for method, path, _ in operations(app)
    }

    let_in = {what for what, answer in answers.items() if answer.status_code != 401}
    assert let_in == PUBLIC
    assert {
        answer.headers.get("WWW-Authenticate") is not None
        for what, answer in answers.items()
        if what not in PUBLIC
    } == {True}


@pytest.mark.parametrize(
    "proof",
    ["Bearer ck_1_wrong", "Bearer st_wrong", "Bearer ", "Basic YTpi", "Bearer " + "x" * 500],
)
def test_a_wrong_proof_is_refused(client: TestClient, cast: Cast, proof: str) -> None:
    answer = client.get(f"{API}/clinics", headers={"Authorization": proof})

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_key_in_the_address_is_no_key(client: TestClient, desk: Desk) -> None:
    assert client.get(f"{API}/clinics?key={desk.key}&access_token={desk.key}").status_code == 401


def test_only_the_hash_of_a_key_is_kept(database: Database, desk: Desk) -> None:
    secret = desk.key.split("_", 2)[2]  # it may hold the sign itself

    with database.transaction(write=False) as session:
        rows = [
            str(row)
            for table in tables.metadata.tables.values()
            for row in session.execute(text(f"SELECT * FROM {table.name}"))
        ]
    assert [row for row in rows if secret in row] == []


def test_roles_do_what_they_may(client: TestClient, database: Database, cast: Cast) -> None:
    front_desk = Desk(client, key_for(database, Role.FRONT_DESK, [cast.clinic]))
    practitioner = Desk(client, key_for(database, Role.PRACTITIONER, [cast.clinic]))

    for somebody in (front_desk, practitioner):
        assert somebody.get("/rooms").status_code == 200
        refused = somebody.post("/rooms", {"clinic_id": cast.clinic, "name": "Bed 3"})
        assert (refused.status_code, refused.json()["type"]) == (403, "/problems/not-allowed")
        assert somebody.get("/audit").status_code == 403
    assert front_desk.post("/courses/1/clearance").status_code == 403
    assert practitioner.post("/courses/1/clearance").status_code == 404


def test_only_who_sees_all_clinics_opens_one(desk: Desk, local_desk: Desk) -> None:
    clinic = {
        "name": "Third",
        "timezone": "Europe/Berlin",
        "phone": "+49 30 1234567",
        "emergency_phone": "112",
        "country": "DE",
    }

    assert local_desk.post("/clinics", clinic).status_code == 403
    assert desk.post("/clinics", clinic).status_code == 201


@pytest.fixture
def foreign(database: Database, other: Cast) -> Ids:
    """Something of every kind at the other clinic."""
    return furnish(database, other)


@pytest.fixture
def own(database: Database, cast: Cast) -> Ids:
    """Something of every kind at our clinic."""
    return furnish(database, cast)


@pytest.mark.slow
def test_a_foreign_id_in_any_path_is_not_found(
    app: FastAPI, local_desk: Desk, own: Ids, foreign: Ids
) -> None:
    leaks = []
    tried = 0
    for method, path, described in operations(app):
        for name in re.findall(r"{(\w+)}", path):
            ids = {**own.by_parameter, name: foreign.by_parameter[name]}
            body = own.body(described)
            answer = local_desk.send(method, path.format(**ids), body)
            tried += 1
            if answer.status_code != 404:
                leaks.append((method, path, name, answer.status_code, answer.text[:200]))
    assert leaks == []
    assert tried > 30


def test_a_foreign_id_in_any_query_is_not_found_or_shows_nothing(
    app: FastAPI, local_desk: Desk, own: Ids, foreign: Ids
) -> None:
    leaks = []
    for method, path, described in operations(app):
        if method != "GET" or "{" in path:
            continue
        names = [parameter["name"] for parameter in described.get("parameters", [])]
        for name in set(names) & foreign.by_parameter.keys():
            query = {
                **({"from": "2027-02-01", "to": "2027-04-01"} if "from" in names else {}),
                **({"treatment_id": own.by_parameter["treatment_id"]} if path == "/slots" else {}),
                name: foreign.by_parameter[name],
            }
            answer = local_desk.get(path, **query)
            if answer.status_code != 404 and answer.json().get("items") != []:
                leaks.append((path, name, answer.status_code, answer.text[:200]))
    assert leaks == []


def test_a_foreign_id_in_any_body_is_refused(
    app: FastAPI, local_desk: Desk, own: Ids, foreign: Ids
) -> None:
    leaks = []
    tried = 0
    for method, path, described in operations(app):
        body = own.body(described)
        for name in set(body or {}) & foreign.by_body.keys():
            answer = local_desk.send(
                method,
                path.format(**own.by_parameter),
                {**(body or {}), name: foreign.by_body[name]},
            )
            tried += 1
            if answer.status_code not in {404, 422}:
                leaks.append((method, path, name, answer.status_code, answer.text[:200]))
    assert leaks == []
    assert tried > 8


UNKNOWN_ID = 987_654


def without_id(answer: Response, wrong: int) -> tuple[Any, ...]:
    """What an answer says, apart from the id itself and the request's."""
    said = json.loads(re.sub(rf"\b(id|Practitioner) {wrong}\b", r"\1 0", answer.text))
    said.pop("request_id", None)
    return answer.status_code, said


def test_an_unknown_id_in_any_body_gets_the_same_answer_as_a_foreign_one(
    app: FastAPI, local_desk: Desk, own: Ids, foreign: Ids
) -> None:
    """Otherwise the answers say which ids other clinics have."""
    differ = []
    tried = 0
    for method, path, described in operations(app):
        body = own.body(described) or {}
        for name in sorted(set(body) & foreign.by_body.keys()):
            several = isinstance(body[name], list)
            answers = [
                without_id(
                    local_desk.send(
                        method,
                        path.format(**own.by_parameter),
                        {**body, name: [wrong] if several else wrong},
                    ),
                    wrong,
                )
                for wrong in (foreign.by_parameter[name.removesuffix("s")], UNKNOWN_ID)
            ]
            tried += 1
            if answers[0] != answers[1]:
                differ.append((method, path, name, *answers))
    assert differ == []
    assert tried > 8


def test_an_unknown_id_in_any_query_gets_the_same_answer_as_a_foreign_one(
    app: FastAPI, local_desk: Desk, own: Ids, foreign: Ids
) -> None:
    differ = []
    tried = 0
    for method, path, described in operations(app):
        names = {it["name"] for it in described.get("parameters", []) if it["in"] == "query"}
        if method != "GET":
            continue
        for name in sorted(names & foreign.by_parameter.keys()):
            query = {
                **({"from": "2027-02-01", "to": "2027-04-01"} if "from" in names else {}),
                **({"treatment_id": own.by_parameter["treatment_id"]} if path == "/slots" else {}),
            }
            answers = [
                without_id(
                    local_desk.get(path.format(**own.by_parameter), **{**query, name: wrong}),
                    wrong,
                )
                for wrong in (foreign.by_parameter[name], UNKNOWN_ID)
            ]
            tried += 1
            if answers[0] != answers[1]:
                differ.append((method, path, name, *answers))
    assert differ == []
    assert tried > 8


def test_a_repeated_request_needs_the_clinic_again(
    client: TestClient, database: Database, cast: Cast, other: Cast
) -> None:
    both = Desk(client, key_for(database, clinic_ids=[cast.clinic, other.clinic]))
    ours, theirs = (
        {"clinic_id": clinic, "name": "Cy Example", "phone": "(202) 555-0103"}
        for clinic in (cast.clinic, other.clinic)
    )
    both.post("/patients", ours, idempotency_key="ours")
    first = both.post("/patients", theirs, idempotency_key="theirs")

    with database.transaction() as session:
        session.exec(delete(Membership).where(col(Membership.clinic_id) == other.clinic))

    assert first.status_code == 201
    assert both.post("/patients", theirs, idempotency_key="theirs").status_code == 404
    assert both.post("/patients", ours, idempotency_key="ours").status_code == 201


def test_lists_show_only_ones_own_clinics(
    app: FastAPI, local_desk: Desk, own: Ids, foreign: Ids, cast: Cast
) -> None:
    for method, path, described in operations(app):
        if method != "GET" or "{" in path or path == "/slots":
            continue
        names = [parameter["name"] for parameter in described.get("parameters", [])]
        query = {"from": "2027-02-01", "to": "2027-04-01"} if "from" in names else {}
        items = local_desk.get(path, **query).json()["items"]
        clinics = {item["clinic_id"] if "clinic_id" in item else item["id"] for item in items}
        assert clinics <= {cast.clinic}, path


@pytest.mark.slow
def test_no_column_of_a_table_can_be_slipped_in(
    app: FastAPI, local_desk: Desk, own: Ids, cast: Cast
) -> None:
    columns = {
        column.name for table in SQLModel.metadata.tables.values() for column in table.columns
    }
    schemas = openapi.document(app)["components"]["schemas"]
    taken = []
    for method, path, described in operations(app):
        body = own.body(described)
        if body is None:
            continue
        reference = described["requestBody"]["content"]["application/json"]["schema"]
        name = str(reference).rsplit("/", 1)[-1].split("'")[0]
        strange = sorted(columns - schemas[name]["properties"].keys())
        for some in (strange[start : start + 40] for start in range(0, len(strange), 40)):
            slipped = {**body, **dict.fromkeys(some, "1")}
            answer = local_desk.send(method, path.format(**own.by_parameter), slipped)
            refused = {error["field"] for error in answer.json().get("errors", [])}
            if answer.status_code != 422 or not refused >= set(some):
                taken.append((method, path, answer.status_code, set(some) - refused))
    assert taken == []


def test_no_table_is_a_request_or_an_answer(app: FastAPI) -> None:
    names = set(openapi.document(app)["components"]["schemas"])
    stored = {mapper.class_.__name__ for mapper in SQLModel._sa_registry.mappers}

    assert names & stored == set()


def test_a_sign_in_gives_a_token_that_lapses(
    client: TestClient, desk: Desk, clock: FrozenClock
) -> None:
    who = {"email": "admin.all@example.org", "password": "correct horse battery staple"}

    made = client.post(f"{API}/sign-ins", json=who)

    assert made.status_code == 201
    signed_in = Desk(client, made.json()["token"])
    assert signed_in.get("/clinics").status_code == 200
    for _ in range(26):
        clock.move(minutes=28)
        if clock.now().isoformat() >= made.json()["expires_at"]:
            break
        assert signed_in.get("/clinics").status_code == 200
    assert signed_in.get("/clinics").status_code == 401

    again = Desk(client, client.post(f"{API}/sign-ins", json=who).json()["token"])
    clock.move(minutes=31)
    assert again.get("/clinics").status_code == 401


def test_guessing_passwords_does_not_pay(client: TestClient, desk: Desk) -> None:
    right = {"email": "admin.all@example.org", "password": "correct horse battery staple"}
    wrong = {**right, "password": "guess"}

    answers = [client.post(f"{API}/sign-ins", json=wrong) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert client.post(f"{API}/sign-ins", json=right).status_code == 429
    unknown = client.post(f"{API}/sign-ins", json={**wrong, "email": "nobody@example.org"})
    assert {**unknown.json(), "request_id": ""} == {**answers[0].json(), "request_id": ""}


def test_each_look_at_a_patient_is_written_down(
    desk: Desk, database: Database, cast: Cast, own: Ids
) -> None:
    desk.get(f"/patients/{cast.ann}")
    desk.get(f"/courses/{own.by_parameter['course_id']}/messages")

    with database.transaction(write=False) as session:
        looks = session.exec(select(AuditEntry).where(AuditEntry.action == "looked at")).all()
    assert [(look.subject, look.subject_id, look.clinic_id) for look in looks] == [
        ("patient", cast.ann, cast.clinic),
        ("course", own.by_parameter["course_id"], cast.clinic),
    ]
    assert {look.actor_kind for look in looks} == {"staff"}
    assert all(look.request_id and look.origin for look in looks)


@pytest.mark.slow
def test_a_route_that_does_not_say_who_may_enter_lets_nobody_in(
    desk: Desk, database: Database, settings: Settings, clock: FrozenClock
) -> None:
    app = create(settings, database, clock)
    app.add_api_route(f"{API}/forgotten", lambda: "secret", dependencies=[Depends(admit)])

    with TestClient(app) as client:
        assert Desk(client, desk.key).get("/forgotten").status_code == 403
