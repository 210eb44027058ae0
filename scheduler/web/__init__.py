"""The door for patients: pages that work on any browser."""
