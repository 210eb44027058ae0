"""The patient's private pages for one course. May import booking and site."""
