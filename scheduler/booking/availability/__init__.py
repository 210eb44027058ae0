"""Finds free times, and reserves them in the diary. May import pace, models and states."""
