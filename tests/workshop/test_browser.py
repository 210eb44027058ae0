"""The tests use a real browser."""

import psutil
import pytest
from playwright.sync_api import Error

from tests.support import browser, databases


def test_the_browser_shows_a_page(page):
    page.set_content("<title>Willow</title><h1>Welcome</h1>")

    assert (page.title(), page.locator("h1").inner_text()) == ("Willow", "Welcome")


def test_one_that_no_longer_answers_is_killed_and_the_next_test_has_another(
    browsers_of_this_worker,
):
    with browsers_of_this_worker.lent(seconds=3) as frozen:
        page = frozen.new_page()
        for process in psutil.Process().children(recursive=True):
            if "chrom" in process.name().lower():
                process.suspend()
        with pytest.raises(Error) as gone:
            page.evaluate("1 + 1")

    with browsers_of_this_worker.lent() as another:
        page = another.new_page()
        assert page.evaluate("1 + 1") == 2
        page.close()
    assert type(gone.value).__name__ == browser.GONE
    assert another is not frozen


def test_what_is_missing_skips_a_test_at_home(monkeypatch):
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="no browser"):
        databases.missing("no browser")


def test_what_is_missing_fails_a_test_where_all_has_to_be_there(monkeypatch):
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="no browser"):
        databases.missing("no browser")
