"""What all patient pages share: requests, forms, rendering, errors.

May import the domain and phrases.
"""
