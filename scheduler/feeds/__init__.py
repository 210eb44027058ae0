"""The door for calendar programs."""
