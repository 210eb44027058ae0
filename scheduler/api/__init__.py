"""The staff API: JSON over HTTP."""
