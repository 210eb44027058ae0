"""What staff must look at: failed messages, replies, bulk texts.

May import sending and everything below it.
"""
