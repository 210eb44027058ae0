"""API routes for courses, appointments, slots, holds and the waitlist. May import api.http."""
