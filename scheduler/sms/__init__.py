"""Sends text messages through a carrier."""
