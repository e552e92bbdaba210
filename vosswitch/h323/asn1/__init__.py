"""Aligned PER (ITU-T X.691) for the types of H.225.0 and H.245."""
