"""The kinds of messages: whether each is still true, on which terms it goes, where its link leads.

May import outbox and everything below it.
"""
