"""Reads the words of a reply: pure rules and one vocabulary file per language."""
