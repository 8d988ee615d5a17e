"""Starts servers, puts load on them, and judges what they cost."""
