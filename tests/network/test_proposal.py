"""What is refused before anybody is asked to endorse it."""

import pytest

from chaincode.contract import FUNCTIONS
from network.facts.proposal import require_submitting
from network.ports import Rejected


@pytest.mark.parametrize("function", [name for name, each in FUNCTIONS.items() if not each.submitting])
def test_a_question_cannot_be_submitted(function: str) -> None:
    with pytest.raises(Rejected) as refused:
        require_submitting(function)

    assert refused.value.code == "unsupported_action"
    assert function in refused.value.detail
    assert "evaluate" in refused.value.hint


@pytest.mark.parametrize("function", [name for name, each in FUNCTIONS.items() if each.submitting])
def test_a_command_can_be(function: str) -> None:
    require_submitting(function)


def test_an_unknown_function_is_left_to_the_chaincode_to_refuse() -> None:
    require_submitting("no_such_function")
