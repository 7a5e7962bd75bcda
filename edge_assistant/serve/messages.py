"""What the gateway and its broker say to each other, in one datagram each."""

READY = b"ready"  # the gateway is locked and listens
TURNED = b"turned"  # the gateway's loop came round
CONNECT = b"connect"  # the gateway wishes for a connection to the resident
OPEN = b"open "  # the gateway wishes for a file, whose path follows as JSON
