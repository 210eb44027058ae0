"""Closures and time off, and new places for the appointments inside them.

May import courses and everything below it.
"""
