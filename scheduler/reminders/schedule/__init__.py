"""Pure rules that say which messages are due, when, and in which words.

May import intervals and i18n.
"""
