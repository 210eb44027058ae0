"""Clock, settings, errors, logging and other parts that know nothing of clinics.

May import i18n.
"""
