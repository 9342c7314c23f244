"""Tests of Wherry, against real servers."""
