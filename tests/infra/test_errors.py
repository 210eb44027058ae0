"""Error sentences reach the reader however Python was started."""

import subprocess
import sys

from scheduler.infra.errors import NotFound

SCRIPT = "from scheduler.infra.errors import NotFound; print(NotFound().sentence)"


def test_an_error_keeps_its_sentence_without_docstrings() -> None:
    printed = subprocess.run(
        [sys.executable, "-OO", "-c", SCRIPT], capture_output=True, text=True, check=True
    ).stdout

    assert printed.strip() == NotFound.sentence
