"""Calendars, free times, courses and appointments."""
