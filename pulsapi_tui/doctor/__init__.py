"""`pulsapi-tui doctor`: what this terminal, multiplexer, session and server can do."""
