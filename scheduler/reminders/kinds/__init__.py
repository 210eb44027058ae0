"""Messages with a trigger of their own, for example waitlist offers.

May import outbox and everything below it.
"""
