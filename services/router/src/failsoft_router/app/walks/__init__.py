"""The walk along a route, from the request to an answer or to an error."""
