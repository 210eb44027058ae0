"""Plans whole courses, and keeps the drafts of booking forms. May import availability and pace."""
