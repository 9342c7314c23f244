"""Stores beside the events: passwords, sessions, sealed credentials. They write in a command's transaction."""
