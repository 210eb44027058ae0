"""Books and changes courses and their appointments. May import planning and everything below it."""
