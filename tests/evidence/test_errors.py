import pickle

from wuxin_evidence.errors import EvidenceError, malformed, too_large


def test_a_refusal_carries_code_detail_and_hint():
    error = EvidenceError("bad_signature", "what was found", "what to do")
    assert (error.code, error.detail, error.hint) == ("bad_signature", "what was found", "what to do")
    assert str(error) == "bad_signature: what was found (what to do)"


def test_a_refusal_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(EvidenceError("malformed", "detail", "hint")))
    assert (error.code, error.detail, error.hint) == ("malformed", "detail", "hint")


def test_the_two_common_refusals_have_their_codes():
    assert malformed("x").code == "malformed"
    assert malformed("x").hint
    assert too_large("bytes", 3, 2).code == "too_large"
    assert "3 is more than 2" in too_large("bytes", 3, 2).detail
