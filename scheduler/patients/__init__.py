"""Patients, their consent, their screening answers and the proof of their phone."""
