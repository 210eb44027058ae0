"""The words by which replies are read, one file for each language."""
