"""Pure rules that decide which messages are due, when, and from which template.

May import intervals and i18n.
"""
