"""The local PulsAPI: the wire contract on loopback, for the demo, for development and for tests.

It imports nothing else of this project, so that a misreading of the contract in the client cannot
hide in a server that misreads it the same way.
"""
