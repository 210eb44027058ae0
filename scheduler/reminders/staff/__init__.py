"""Work for staff: failed messages, replies, bulk texts.

May import sending and everything below it.
"""
