"""Reads the replies of patients and acts on them. May import sending and everything below it."""
