"""Requests, forms, rendering and errors that all patient pages share.

May import the domain and phrases.
"""
