"""Client, server, network and time in one process, every choice by a seed: what must always hold.

`loop` is time, and the one door to the network; `network` carries bytes between the real client and
the real server, or loses them; `server` restarts; `person` uses the program as people do; `ledger`
knows what must be so; `world` puts one together, and `worlds` many.
"""
