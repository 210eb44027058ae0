"""`make check` finds modules that call themselves pure and checks their imports."""

import pytest
from grimp import ImportGraph

from workshop.purity import PureContract, is_pure


def faults(imported: str) -> list[tuple[str, str]]:
    """The faults found if the slot arithmetic imports this module."""
    graph = ImportGraph()
    for module in (
        "scheduler",
        "scheduler.booking.availability.slots",
        "scheduler.storage.database",
    ):
        graph.add_module(module)
    graph.add_import(importer="scheduler.booking.availability.slots", imported=imported)
    contract = PureContract("pure", {"root_packages": ["scheduler"]}, {"also_pure": ["icalendar"]})
    found: list[tuple[str, str]] = contract.check(graph, verbose=False).metadata["faults"]
    return found


@pytest.mark.parametrize("imported", ["datetime", "icalendar", "scheduler.clinic.hours"])
def test_a_pure_module_may_use_its_like(imported):
    assert faults(imported) == []


@pytest.mark.parametrize("imported", ["scheduler.storage.database", "sqlalchemy", "time", "os"])
def test_a_pure_module_reaches_nothing_outside(imported):
    assert faults(imported) == [("scheduler.booking.availability.slots", imported)]


def test_the_docstring_is_the_list():
    assert is_pure("scheduler.booking.availability.slots")
    assert not is_pure("scheduler.storage.database")
