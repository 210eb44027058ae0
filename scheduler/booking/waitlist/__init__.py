"""Patients who wait for an earlier time or for a course, and the offers made to them.

May import courses and everything below it.
"""
