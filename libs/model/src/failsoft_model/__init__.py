"""The domain that Failsoft's services share: frozen types and the canonical form of a request."""
