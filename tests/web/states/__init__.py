"""Every page that a patient can reach, in every state: a name, and how to get there.

To add one: a function that brings the scene there and returns the address, under `@state`. Buttons
that must be pressed in the browser (an answer to a POST has no address) go into `pressing`.
test_everyone.py judges all of them, in each language.
"""

from tests.web.states import course, form, public
from tests.web.states.scene import STATES, Scene, State

__all__ = ["STATES", "Scene", "State", "course", "form", "public"]
