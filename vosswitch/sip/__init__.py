"""SIP (RFC 3261): from the wire to the legs of calls.

From below: `grammar` reads and writes messages, `transactions` carries requests to their responses, `destinations`
and `identity` say where a message goes and who it is from, `legs` are the sides of calls with their dialogs,
`registrations` knows where devices and gateways are, `gate` who gets in, `transport` has the sockets.  `reception`
serves what comes from outside dialogs, and `service` plugs it all together.  Which of them may import which is checked.
"""
