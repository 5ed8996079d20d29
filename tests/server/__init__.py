"""The local server: its contract, its guard and what it does when it is killed."""
