"""Text messages: derives which are due, sends each of them once, and reads the replies."""
