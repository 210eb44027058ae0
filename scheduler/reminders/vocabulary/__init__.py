"""The words by which replies are understood. One more language is one more file."""
