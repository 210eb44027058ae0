"""Records the actions of staff, patients and the program. May import storage."""
