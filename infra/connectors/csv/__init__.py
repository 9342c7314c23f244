"""Folders of CSV files."""
