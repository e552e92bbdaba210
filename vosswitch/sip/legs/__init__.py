"""The two sides of a call as SIP speaks them: dialogs, before and behind the answer, session timers, transfers."""
