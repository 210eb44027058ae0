"""Moves instants when the rules of a time zone change.

May import courses and everything below it.
"""
