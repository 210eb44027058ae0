"""Writes sentences about rules in the language of the reader.

May import booking and everything below it.
"""
