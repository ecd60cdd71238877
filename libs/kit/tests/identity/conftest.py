"""What the tests of identity share."""

import pytest
from issuer import Issuer


@pytest.fixture(scope="session")
def issuer() -> Issuer:
    return Issuer()
