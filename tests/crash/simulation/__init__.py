"""Whole histories of a migration in virtual time: real workers and rules, and a world that fails on purpose."""
