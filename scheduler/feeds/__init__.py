"""Calendar files for calendar programs."""
