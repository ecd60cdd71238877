"""TLS of gRPC ports and of the calls between our services, by files that are followed.

Certificates are replaced while a service runs, by cert-manager every few weeks: a new pair is in
use with the next connection, and calls that run go on over the connection that they began on.
"""
