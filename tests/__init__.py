"""Promises in plain words. The tree mirrors that of the program."""
