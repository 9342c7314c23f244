"""Stores of the migrations slice: plans, chunks, counters, assignments, streams, reports."""
