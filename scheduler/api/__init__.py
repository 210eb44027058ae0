"""The door for staff: JSON over HTTP."""
