"""Builds what tests need: a clinic with people, one row of every kind, a worker and a carrier."""
