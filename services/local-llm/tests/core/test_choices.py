"""Whatever is in a choice, the grammar says it and nothing else."""

from failsoft_local_llm.core.choices import choice_grammar


def test_choices_are_alternatives_in_their_order() -> None:
    assert choice_grammar(["yes", "no | maybe"]) == 'root ::= "yes" | "no | maybe"'


def test_what_would_end_a_choice_is_escaped() -> None:
    """Else a choice could add rules of its own."""
    assert choice_grammar(['a"\nb\\']) == 'root ::= "a\\"\\U0000000ab\\\\"'


def test_other_scripts_are_written_as_they_are() -> None:
    assert choice_grammar(["où 🙂"]) == 'root ::= "où 🙂"'
