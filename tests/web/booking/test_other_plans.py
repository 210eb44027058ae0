"""Another plan for the whole course at once, one back, and what helps where there is none."""

import re
from datetime import UTC, date, datetime, time, timedelta

from sqlmodel import select
from starlette.testclient import TestClient

from scheduler.audit.audit_trail import OPERATOR
from scheduler.booking.absences import time_off
from scheduler.booking.models import Course, Enquiry, Hold
from scheduler.clinic.models import Closure, Practitioner, Treatment
from scheduler.storage.database import Database
from tests.builders.cast import NEW_YORK, NOW
from tests.web.conftest import Visitor, count, text_of


def times(visitor: Visitor) -> list[str]:
    """The days and times on the page of the plan."""
    page = visitor.get("plan").text
    found = re.findall(r'class="when">([^<]+)</span><br>([^<]+)', page)
    return [f"{day} {time.strip()}" for day, time in found]


def ask(visitor: Visitor, how: str) -> str:
    """Press a button beside the plan; what the page says then."""
    answer = visitor.post("replan", {"how": how})
    assert answer.headers["location"] == f"{visitor.base}/plan"
    return text_of(visitor.get("plan"))


def test_the_course_starts_a_week_later_and_the_plan_before_comes_back(visitor: Visitor) -> None:
    visitor.reach("plan")
    before = times(visitor)
    assert "Back to the plan before" not in text_of(visitor.get("plan"))

    text = ask(visitor, "week")

    assert "Your new plan: start a week later." in text
    after = times(visitor)
    assert (before[0], after[0]) == (
        "Monday, February 22 9:00 to 9:40 am",
        "Monday, March 1 9:00 to 9:40 am",
    )
    assert "This is the plan that you had before." in ask(visitor, "back")
    assert times(visitor) == before
    # And there again: neither is lost.
    ask(visitor, "back")
    assert times(visitor) == after


def test_the_whole_course_goes_to_another_time_of_day_and_to_another_person(
    visitor: Visitor,
) -> None:
    visitor.reach("plan")
    assert all("9:00 to 9:40 am" in time for time in times(visitor))

    ask(visitor, "later")
    assert len(times(visitor)) == 10
    assert all("10:00 to 10:40 am" in time for time in times(visitor))
    assert "always with Ana" in text_of(visitor.get("plan"))

    assert "always with Ben" in ask(visitor, f"with-{visitor.cast.ben}")
    assert all("10:00 to 10:40 am" in time for time in times(visitor))

    ask(visitor, "earlier")
    assert all("9:00 to 9:40 am" in time for time in times(visitor))


def test_what_cannot_be_had_changes_nothing_and_says_so(visitor: Visitor) -> None:
    visitor.reach("plan")
    before = times(visitor)

    assert "Nothing earlier in the day is free at this pace." in ask(visitor, "earlier")
    assert times(visitor) == before
    assert ask(visitor, "sideways").count("Would something else") == 1
    assert times(visitor) == before


def test_a_new_plan_is_what_is_kept_and_booked_and_wishes_follow_it(
    visitor: Visitor, database: Database
) -> None:
    visitor.reach("plan")
    for _ in range(2):  # the button is pressed twice
        ask(visitor, "week")
    assert count(database, Hold) == 1
    assert 'value="2027-03-' in visitor.get("wishes").text
    planned = times(visitor)

    visitor.post("plan")
    visitor.post("details", dict(visitor.details))
    visitor.type_code()

    assert re.findall(r"Monday, March \d+", text_of(visitor.get("done")))[0] in planned[0]


def test_a_plan_that_others_took_meanwhile_does_not_come_back(
    visitor: Visitor, client: TestClient, database: Database
) -> None:
    visitor.wishes["practitioner_id"] = str(visitor.cast.ana)
    visitor.reach("plan")
    ask(visitor, "later")
    mine = times(visitor)
    other = Visitor(client, database, visitor.cast, wishes=dict(visitor.wishes))
    other.reach("plan")

    assert "This plan is gone: others took some of its times." in ask(visitor, "back")
    assert times(visitor) == mine


def test_a_changed_session_is_marked_and_can_be_put_back(visitor: Visitor) -> None:
    visitor.reach("plan")
    before = times(visitor)
    slot = visitor.get("plan/3").text.split('name="slot" value="')[2].split('"')[0]

    visitor.post("plan/3", {"slot": slot})

    page = visitor.get("plan").text
    assert "Session 3 is now on" in page
    assert page.count("new time") == 1
    ask(visitor, "back")
    assert times(visitor) == before


def test_other_plans_are_shown_and_one_is_taken(visitor: Visitor, database: Database) -> None:
    # Ana could treat throughout, though not at one hour; with Ben for once it is one hour.
    cast = visitor.cast
    with database.transaction() as session:
        for practitioner, day, first, end in (
            (cast.ana, date(2027, 2, 25), 9, 13),
            (cast.ana, date(2027, 3, 1), 10, 17),
            (cast.ben, date(2027, 3, 4), 9, 17),
        ):
            starts, ends = (
                datetime.combine(day, time(hour), NEW_YORK).astimezone(UTC) for hour in (first, end)
            )
            time_off.take_time_off(
                session,
                OPERATOR,
                session.get_one(Practitioner, practitioner),
                starts_at=starts,
                ends_at=ends,
                now=NOW,
            )
    visitor.reach("plan")
    assert {time.split()[3] for time in times(visitor)} == {"9:00", "1:00"}

    shown = visitor.get("plans")
    kinds = re.findall(r'name="how" value="(\w+)"', shown.text)
    assert kinds == ["same_hour"]
    assert "All of its sessions begin at 9:00." in text_of(shown)
    assert count(database, Hold) == 1

    assert "All of its sessions begin at 9:00." in ask(visitor, "same_hour")
    assert {time.split()[3] for time in times(visitor)} == {"9:00"}
    assert "None is better than yours." in text_of(visitor.get("plans"))
    ask(visitor, "back")
    assert {time.split()[3] for time in times(visitor)} == {"9:00", "1:00"}


def close(database: Database, first: date, days: int) -> None:
    """Close the clinic for some days."""
    with database.transaction() as session:
        clinic = session.exec(select(Treatment)).one().clinic_id
        for day in range(days):
            session.add(Closure(clinic_id=clinic, day=first + timedelta(days=day), reason="works"))


def test_where_nothing_fits_each_thing_that_helps_is_a_button(
    visitor: Visitor, database: Database
) -> None:
    close(database, date(2027, 3, 1), 60)
    visitor.reach("wishes")

    answer = visitor.post("wishes", dict(visitor.wishes))

    assert answer.status_code == 422
    kinds = re.findall(r'name="kind" value="(\w+)"', answer.text)
    assert {"later", "fewer"} <= set(kinds), text_of(answer)
    # Going back or reloading shows it again, with what was wished.
    again = visitor.get("wishes")
    assert re.findall(r'name="kind" value="(\w+)"', again.text) == kinds
    assert 'value="2027-02-22"' in again.text

    for _ in range(2):
        done = visitor.post("remedy", {"kind": "fewer"})
        assert done.headers["location"] == f"{visitor.base}/plan"
    text = text_of(visitor.get("plan"))
    sessions = len(times(visitor))
    assert 0 < sessions < 10
    assert "sessions now and the rest later" in text
    visitor.post("plan")
    visitor.post("details", dict(visitor.details))
    visitor.type_code()
    with database.transaction(write=False) as session:
        course = session.exec(select(Course)).one()
        assert sum(phase.sessions for phase in course.phases) == sessions
        assert session.exec(select(Enquiry)).one().course_id == course.id


def test_other_wishes_ask_for_the_whole_course_again(visitor: Visitor, database: Database) -> None:
    close(database, date(2027, 3, 1), 60)
    visitor.reach("wishes")
    visitor.post("wishes", dict(visitor.wishes))
    visitor.post("remedy", {"kind": "fewer"})
    assert len(times(visitor)) < 10

    visitor.post("wishes", {**visitor.wishes, "start_on": "2027-05-03"})

    assert len(times(visitor)) == 10
    assert "No course fits these wishes" not in text_of(visitor.get("wishes"))


def test_what_leaves_the_rhythm_is_counted_in_the_total(visitor: Visitor) -> None:
    visitor.reach("plan")
    slot = visitor.get("plan/3").text.split('name="slot" value="')[2].split('"')[0]
    assert "The first six: Mondays and Thursdays at 9:00 am" in text_of(visitor.get("plan"))

    visitor.post("plan/3", {"slot": slot})

    text = text_of(visitor.get("plan"))
    assert "The first six: Mondays and Thursdays at 9:00 am, but one at another time" in text


def test_a_language_that_is_chosen_on_the_way_stays(visitor: Visitor) -> None:
    visitor.reach("plan")
    page = visitor.get("plan?lang=es").text
    for path in ("replan", "plans", "wishes", "plan/3"):
        assert f'"{visitor.base}/{path}?lang=es"' in page

    visitor.post("replan?lang=es", {"how": "week"})

    assert '<html lang="es">' in visitor.get("plan").text


def test_a_plan_made_in_english_is_explained_in_spanish_to_a_reader_of_spanish(
    visitor: Visitor,
) -> None:
    visitor.wishes = {**visitor.wishes, "weekdays": ["1"]}
    visitor.reach("plan")
    english = visitor.post("replan?lang=en", {"how": "week"})
    assert english.status_code == 303

    spanish = text_of(visitor.get("plan?lang=es"))

    assert "Su nuevo plan: empezar una semana más tarde." in spanish
    assert "el ritmo necesita más días por semana que martes" in spanish
    assert "the pace needs more days" not in spanish


def test_a_refusal_in_english_is_explained_in_spanish_to_a_reader_of_spanish(
    visitor: Visitor, database: Database
) -> None:
    close(database, date(2027, 2, 22), 80)
    visitor.reach("wishes")
    visitor.post("wishes?lang=en", visitor.wishes)

    spanish = text_of(visitor.get("wishes?lang=es"))

    assert "No hay sitio para la sesión 1" in spanish
    assert "cannot be placed" not in spanish


def test_a_form_of_an_earlier_release_opens(visitor: Visitor, database: Database) -> None:
    visitor.reach("plan")
    with database.transaction() as session:
        [enquiry] = session.exec(select(Enquiry))
        enquiry.compromises = [{"sessions": [3], "sentence": "Session 3 is a week later."}]
        refused = {"why": "Session 1 cannot be placed.", "remedies": []}
        enquiry.answers = enquiry.answers.model_copy(
            update={"notices": ["Saved."], "refused": refused}
        )
        session.add(enquiry)

    assert visitor.get("plan").status_code == 200
    assert visitor.get("wishes").status_code == 200
