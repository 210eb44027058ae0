"""The place, its people, its rooms and what it offers."""
