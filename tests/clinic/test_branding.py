"""A clinic's color is readable, and only named websites may embed its form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.clinic import branding
from scheduler.infra.errors import Invalid

channels = st.integers(0, 255)


def test_a_colour_that_can_be_read_is_kept_in_one_form() -> None:
    assert branding.accent(" #7A1F5C ") == "#7a1f5c"
    assert branding.accent("") == ""


@pytest.mark.parametrize("typed", ["red", "#fff", "14574f", "#14574f;}*{}", "#14574g", "url(x)"])
def test_what_is_no_colour_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match="Write a colour as # and six digits"):
        branding.accent(typed)


def test_a_colour_too_pale_is_refused_with_the_nearest_that_can_be_read() -> None:
    with pytest.raises(Invalid) as refusal:
        branding.accent("#ffcc00")

    named = refusal.value.sentence.rstrip(".").rpartition(" ")[2]
    assert branding.accent(named) == named


@pytest.mark.parametrize(
    ("one", "other", "ratio"), [("#000000", "#ffffff", 21), ("#777777", "#ffffff", 4.48)]
)
def test_contrast_is_what_wcag_says(one: str, other: str, ratio: float) -> None:
    assert branding.contrast(one, other) == pytest.approx(ratio, abs=0.005)


@given(channels, channels, channels)
def test_every_colour_that_is_taken_can_be_read_by_day_and_night(
    red: int, green: int, blue: int
) -> None:
    try:
        colour = branding.accent(f"#{red:02x}{green:02x}{blue:02x}")
    except Invalid:
        return
    sheet = branding.stylesheet(colour)
    day, night = sheet.split("@media")
    for part, behind in (
        (day, (branding.BY_DAY, "#faf7f2", "#ffffff")),
        (night, (branding.BY_NIGHT, "#121a19", "#1a2423")),
    ):
        deep, deeper, on_it = (
            each.partition(":")[2].strip("{}") for each in part[part.index("--") :].split(";")
        )
        for shade in (deep, deeper):
            assert all(branding.contrast(shade, each) >= 4.5 for each in (*behind, on_it))


def test_websites_are_kept_once_each_in_one_form() -> None:
    typed = ["https://Www.Example.org/", "https://www.example.org", "https://a.example:8443"]

    assert branding.origins(typed) == ["https://www.example.org", "https://a.example:8443"]


@pytest.mark.parametrize(
    "typed",
    [
        *("http://www.example.org", "https://*.example.org", "*", "'self'", "https:", "https://x"),
        *("https://a.example/path", "https://a.example; script-src *", "https://a.example b", ""),
        *("https://u:p@a.example", "https://a.example?x", "https://a.example\r\nX: y"),
    ],
)
def test_what_is_no_website_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match="is no address of a website"):
        branding.origins([typed])


def test_ten_websites_are_enough() -> None:
    with pytest.raises(Invalid, match="At most 10"):
        branding.origins([f"https://{number}.example" for number in range(11)])
