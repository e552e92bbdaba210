"""A scripted H.323 endpoint: what real endpoints, gateways and a gatekeeper said, said again to another peer.

`capture` has made the scenarios (tests/data/h323) from recordings, `script` reads them, `template` puts numbers and
addresses in, `endpoint` plays the caller or the called side of one.  None of it knows how our own legs think.
"""
