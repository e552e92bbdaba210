"""H.245: capabilities, master and slave, logical channels, user input; and what SDP says of the same."""
