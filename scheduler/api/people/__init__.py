"""API routes for patients, sign-ins and the audit trail. May import api.http."""
