"""Clock, settings, errors, logging and other parts that do not depend on clinics.

May import i18n.
"""
