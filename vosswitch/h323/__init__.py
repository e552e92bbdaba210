"""H.323: call signalling (H.225.0 over Q.931), RAS and H.245, as legs that speak `vosswitch.model.signals`.

The protocol runs in a process of its own (`worker`), which the switch's side (`service`) starts when a gateway or a
phone needs it.
"""
