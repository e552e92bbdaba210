"""One side of a call in H.323: its signalling as tables, and the leg that a call sees."""
