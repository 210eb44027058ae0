"""Books whole courses of treatment and texts each patient around every session."""

VERSION = "0.2.0"
