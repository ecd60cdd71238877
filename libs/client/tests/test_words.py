"""Numbers of the contract as people read them."""

from failsoft.inference.v1 import walk_pb2
from failsoft_client import word


def test_words_are_the_contract_s_without_the_enum_s_name() -> None:
    outcome = walk_pb2.HopOutcome.DESCRIPTOR

    assert word(outcome, walk_pb2.HOP_OUTCOME_SKIPPED) == "SKIPPED"
    assert word(outcome, 0) == "UNSPECIFIED"
    assert word(outcome, 99) == "99"
