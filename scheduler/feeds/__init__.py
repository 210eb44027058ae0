"""Calendar files for calendar programs. May import the domain."""
