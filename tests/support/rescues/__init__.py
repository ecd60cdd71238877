"""Random answers that break off anywhere, and targets that go on with them, dialect by dialect.

The bytes are written by the look-alike's encoders and read by the router's own codecs; the walk
is the router's; time is virtual and there are no sockets. `make rescue` runs thousands.
"""
