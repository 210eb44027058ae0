"""Members of staff, their sign-ins and their permissions."""
