"""What all API routes share: sign-in, errors, pagination, OpenAPI.

May import the domain and phrases.
"""
