"""Pain scores and reviews of a course."""
