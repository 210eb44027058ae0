"""Guards in front of every route: limits, origins, idempotency keys.

May import storage and infra.
"""
