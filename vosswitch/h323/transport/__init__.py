"""The sockets of H.323: to peers (in the H.323 process), and between that process and the switch.

`link` joins switch and process, `stream` is any TCP connection that carries TPKTs, `incoming` takes calls, several by
one connection, `signalling` is the line of one leg, `control` the H.245 connections.
"""
