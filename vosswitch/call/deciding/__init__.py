"""The decision on a call, step by step: who calls, from and to which numbers, may it, at which price, and where to."""
