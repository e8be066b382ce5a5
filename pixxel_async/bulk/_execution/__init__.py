"""Rows through their stages."""
