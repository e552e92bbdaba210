"""Values, signals and interfaces that several rooms share; the bottom of the house."""
