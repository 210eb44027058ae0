"""Languages, message catalogs, and the language of the current request."""
