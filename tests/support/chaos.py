"""Tests that `make test` leaves to `make chaos`: larger runs, and proofs that simpler designs fail.

`make chaos` runs the tests marked `chaos` and sets CHAOS=full, which makes others larger.
"""

import os
from typing import Any

import pytest

FULL = os.environ.get("CHAOS") == "full"


def examples(few: int, many: int) -> int:
    """How many examples to try: `few` in `make test`, `many` in `make chaos`."""
    return many if FULL else few


def only_in_chaos(*values: object) -> list[Any]:
    """Parameters that only `make chaos` runs, for those of which one stands for the others."""
    return [pytest.param(value, marks=pytest.mark.chaos) for value in values]
