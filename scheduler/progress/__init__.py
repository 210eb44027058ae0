"""Whether it is helping."""
