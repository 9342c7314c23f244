"""Processes that work in the background, and the command line."""
