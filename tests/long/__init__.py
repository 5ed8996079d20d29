"""Checks that take minutes: `python -m tests.long --list`."""
