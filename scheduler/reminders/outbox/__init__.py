"""Derives the messages owed from the calendar and stores them.

May import schedule, texts and everything below them.
"""
