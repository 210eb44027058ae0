"""Authentication, errors, pagination and OpenAPI of all API routes.

May import the domain and phrases.
"""
