"""Claims due messages, sends them and records the outcome.

May import outbox and everything below it.
"""
