"""Writes sentences about rules in the language of the reader.

May import reminders, booking and everything below them.
"""
