"""``make bench``: what a call and a packet cost, beside other systems in the same run."""
