"""What is texted, when, and that it is texted once."""
