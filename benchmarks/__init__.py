"""Measures the program beside the lowest cost of the same work. `make bench` runs all."""
