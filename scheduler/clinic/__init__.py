"""Clinics, practitioners, rooms, treatments and hours."""
