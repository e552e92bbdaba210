"""The grammar of SIP: messages, headers, URIs and bodies, from bytes and to bytes, without any state."""
