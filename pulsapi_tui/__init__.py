"""PulsAPI's API keys in the terminal."""

__version__ = "0.1.0"
