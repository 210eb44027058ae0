"""Text messages: which are owed, how they are sent once, and how replies are read."""
