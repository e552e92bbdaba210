"""SIP (RFC 3261): messages, transactions, dialogs and the legs they carry.

From the wire upwards: `uri` and `headers` hold the values that header fields carry, `message` a whole request or
response and its way to the wire, `parse` the way from it, `digest` who may.  These five know no socket and no clock.
"""
