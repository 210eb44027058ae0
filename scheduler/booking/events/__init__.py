"""Records what happens to courses and appointments, and which changes patients must hear of.

May import models.
"""
