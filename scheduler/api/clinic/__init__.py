"""API routes for clinics, practitioners, rooms, treatments, hours and absences.

May import api.http.
"""
