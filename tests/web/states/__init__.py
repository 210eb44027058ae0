"""Every page that a patient can come to, in every state: a name, and how to get there.

To add one: a function that brings the scene there and returns the address, under `@state`. What
has to be pressed in the browser itself (an answer to a POST has no address) goes into `pressing`.
All of them are judged by test_everyone.py, in each language.
"""

from tests.web.states import course, form, public
from tests.web.states.scene import STATES, Scene, State

__all__ = ["STATES", "Scene", "State", "course", "form", "public"]
