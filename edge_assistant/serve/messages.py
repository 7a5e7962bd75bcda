"""What the gateway and its broker say to each other, in one datagram each."""

MOST_BYTES = 1 << 17  # of one; each byte of the longest names of FILES files may take six as JSON
READY = b"ready"  # the gateway is locked and listens
TURNED = b"turned"  # the gateway's loop came round
CONNECT = b"connect"  # the gateway wishes for a connection to the resident, which is started if none runs
FIND = b"find"  # the same, and none is started
OPEN = b"open "  # the gateway wishes for a file, whose path follows as JSON
APP = b"app "  # the gateway wishes for the app on a pseudoterminal, whose columns and rows follow as JSON
HUNG_UP = b"hung up"  # the gateway has closed the app's terminal
FOLDER = b"folder"  # the gateway wishes for all files of the folder that Wyoming's questions are about
FILES = 64  # of that, at most
