"""Pure rules of a course: its pace, its dates, and the best plan.

May import clinic.phases, intervals and i18n.
"""
