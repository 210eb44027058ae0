"""The line over the sessions: where its parts stand."""

from scheduler.web.course.charts import BOTTOM, LEFT, RIGHT, TOP, chart


def test_the_worst_is_at_the_top_and_none_at_the_bottom() -> None:
    drawn = chart({1: 10, 10: 0}, sessions=10, reviews=())

    assert [dot.y for dot in drawn.dots] == [TOP, BOTTOM]
    assert LEFT < drawn.dots[0].x < drawn.dots[1].x < RIGHT
    assert drawn.line == " ".join(f"{dot.x},{dot.y}" for dot in drawn.dots)


def test_only_the_first_the_last_and_a_review_have_their_number_written() -> None:
    drawn = chart({1: 7, 2: 6, 4: 5, 5: 5, 6: 3}, sessions=10, reviews={4})

    assert [dot.words for dot in drawn.dots] == ["7", "", "5", "", "3"]
    assert drawn.reviews == [drawn.dots[2].x]


def test_session_numbers_do_not_crowd() -> None:
    assert [mark.words for mark in chart({}, sessions=10, reviews=()).numbers] == [
        str(number) for number in range(1, 11)
    ]
    assert [mark.words for mark in chart({}, sessions=24, reviews=()).numbers] == [
        str(number) for number in range(1, 25, 2)
    ]


def test_a_course_of_one_session_has_a_picture_too() -> None:
    assert chart({1: 5}, sessions=1, reviews={1}).dots[0].x > LEFT
