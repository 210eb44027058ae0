"""API routes for messages, replies and reminder rules. May import api.http."""
