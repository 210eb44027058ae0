"""The commands of `scheduler`, which cli.py names and documents. May import everything but cli."""
