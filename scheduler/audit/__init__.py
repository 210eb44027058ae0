"""Who did what and when. May import storage."""
