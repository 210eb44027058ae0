"""A clinic's color is readable, and only named websites may embed its form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.clinic import branding
from scheduler.infra.errors import Invalid

channels = st.integers(0, 255)


def test_a_readable_color_is_normalized() -> None:
    assert branding.accent(" #7A1F5C ") == "#7a1f5c"
    assert branding.accent("") == ""


@pytest.mark.parametrize("typed", ["red", "#fff", "14574f", "#14574f;}*{}", "#14574g", "url(x)"])
def test_a_string_that_is_no_color_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match="Write # and six hexadecimal digits"):
        branding.accent(typed)


def test_a_color_with_too_little_contrast_is_refused_with_the_nearest_readable_one() -> None:
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
def test_every_accepted_color_is_readable_in_light_and_dark_mode(
    red: int, green: int, blue: int
) -> None:
    try:
        color = branding.accent(f"#{red:02x}{green:02x}{blue:02x}")
    except Invalid:
        return
    sheet = branding.stylesheet(color)
    light, dark = sheet.split("@media")
    for part, backgrounds in (
        (light, (branding.LIGHT_BACKGROUND, "#faf7f2", "#ffffff")),
        (dark, (branding.DARK_BACKGROUND, "#121a19", "#1a2423")),
    ):
        deep, deeper, text = (
            rule.partition(":")[2].strip("{}") for rule in part[part.index("--") :].split(";")
        )
        for shade in (deep, deeper):
            assert all(branding.contrast(shade, other) >= 4.5 for other in (*backgrounds, text))


def test_websites_are_normalized_and_stored_once() -> None:
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
def test_a_string_that_is_no_website_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match="is not the address of a website"):
        branding.origins([typed])


def test_more_than_ten_websites_are_refused() -> None:
    with pytest.raises(Invalid, match="Give at most 10"):
        branding.origins([f"https://{number}.example" for number in range(11)])
