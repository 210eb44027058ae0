"""The browser of the tests is a real one."""

import pytest

from tests import databases


def test_the_browser_shows_a_page(page):
    page.set_content("<title>Willow</title><h1>Welcome</h1>")

    assert (page.title(), page.locator("h1").inner_text()) == ("Willow", "Welcome")


def test_what_is_missing_skips_a_test_at_home(monkeypatch):
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no browser"):
        databases.missing("no browser")


def test_what_is_missing_fails_a_test_where_all_has_to_be_there(monkeypatch):
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no browser"):
        databases.missing("no browser")
