"""PulsAPI over HTTP. Nothing here has heard of a terminal."""
