"""Servers, API and workers as one tree of processes that starts, lives and ends together."""
