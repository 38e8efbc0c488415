import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wuxin_evidence.errors import EvidenceError
from wuxin_evidence.log.tree import (
    EMPTY_ROOT,
    Tree,
    leaf_hash,
    node_hash,
    pack_root,
    tree_head,
    verify_consistency,
    verify_inclusion,
)

# the reference leaves and roots of the Certificate Transparency project
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")] + [
    bytes(range(0x60, 0x70))
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree_of(size: int) -> Tree:
    tree = Tree()
    for number in range(size):
        tree.append(b"%d" % number)
    return tree


def refused(call, *arguments) -> str:
    with pytest.raises(EvidenceError) as refusal:
        call(*arguments)
    return refusal.value.code


def test_the_reference_roots_come_out():
    assert [tree_head(LEAVES[: size + 1]).hex() for size in range(8)] == ROOTS
    assert tree_head([]) == EMPTY_ROOT


def test_earlier_roots_stay_computable():
    tree = tree_of(0)
    for leaf in LEAVES:
        tree.append(leaf)
    assert [tree.root(size + 1).hex() for size in range(8)] == ROOTS
    assert tree.root(0) == EMPTY_ROOT


def test_a_stored_log_read_again_is_the_same_tree():
    again = Tree(leaf_hash(b"%d" % number) for number in range(13))
    assert (len(again), again.root()) == (13, tree_of(13).root())


def test_a_leaf_is_no_node():
    assert leaf_hash(leaf_hash(b"a") + leaf_hash(b"b")) != node_hash(leaf_hash(b"a"), leaf_hash(b"b"))


SIZES = st.integers(1, 70).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


@given(SIZES)
def test_every_leaf_proves_its_inclusion(case):
    size, index = case
    tree = tree_of(size + 3)
    verify_inclusion(leaf_hash(b"%d" % index), index, size, tree.inclusion_proof(index, size), tree.root(size))


@given(SIZES, st.data())
@settings(max_examples=60)
def test_a_changed_inclusion_proof_is_refused(case, data):
    size, index = case
    tree = tree_of(size)
    proof = tree.inclusion_proof(index, size)
    leaf, root = leaf_hash(b"%d" % index), tree.root()
    assert refused(verify_inclusion, leaf, index, size, [*proof, root], root) == "proof_invalid"
    assert refused(verify_inclusion, leaf_hash(b"other"), index, size, proof, root) == "proof_invalid"
    assert refused(verify_inclusion, leaf, size, size, proof, root) == "proof_invalid"
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        changed = [*proof]
        changed[place] = bytes(32)
        assert refused(verify_inclusion, leaf, index, size, changed, root) == "proof_invalid"
        assert refused(verify_inclusion, leaf, index, size, proof[:-1], root) == "proof_invalid"
        assert refused(verify_inclusion, leaf, (index + 1) % size, size, proof, root) == "proof_invalid"


@given(st.integers(0, 70), st.integers(0, 70))
def test_every_earlier_tree_is_a_beginning_of_the_later(first, second):
    old, new = sorted((first, second))
    tree = tree_of(new)
    verify_consistency(old, new, tree.consistency_proof(old, new), tree.root(old), tree.root(new))


@given(st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=60)
def test_a_rewritten_log_is_not_consistent(old, grown):
    tree, new = tree_of(old + grown), old + grown
    proof, root = tree.consistency_proof(old, new), tree.root()
    other = Tree([leaf_hash(b"rewritten"), *(leaf_hash(b"%d" % number) for number in range(1, old))]).root()
    assert refused(verify_consistency, old, new, proof, other, root) == "proof_invalid"
    assert refused(verify_consistency, old, new, proof, tree.root(old), other) == "proof_invalid"
    assert refused(verify_consistency, old, new, proof[:-1], tree.root(old), root) == "proof_invalid"
    assert refused(verify_consistency, old, new, [*proof, root], tree.root(old), root) == "proof_invalid"
    assert refused(verify_consistency, new, old, proof, tree.root(old), root) == "proof_invalid"


def test_equal_and_empty_trees_need_no_hashes_and_take_none():
    root = tree_of(3).root()
    verify_consistency(3, 3, [], root, root)
    verify_consistency(0, 3, [], EMPTY_ROOT, root)
    assert refused(verify_consistency, 3, 3, [root], root, root) == "proof_invalid"
    assert refused(verify_consistency, 3, 3, [], root, EMPTY_ROOT) == "proof_invalid"
    assert refused(verify_consistency, 0, 3, [], root, root) == "proof_invalid"


def test_input_is_bounded():
    root = tree_of(3).root()
    assert refused(verify_inclusion, root, 0, 3, [root] * 65, root) == "proof_invalid"
    assert refused(verify_inclusion, root, 0, 2**64, [], root) == "proof_invalid"
    assert refused(verify_inclusion, root[:31], 0, 3, [], root) == "malformed"
    assert refused(verify_inclusion, root, 0, 3, [b"short"], root) == "malformed"
    assert refused(tree_of(3).root, 4) == "malformed"
    assert refused(tree_of(3).inclusion_proof, 3, 3) == "malformed"
    assert refused(tree_of(3).consistency_proof, 3, 2) == "malformed"
    assert refused(tree_of(3).append_hash, b"short") == "malformed"


def test_a_pack_root_does_not_depend_on_the_order_of_packs():
    digests = [leaf_hash(b"%d" % number) for number in range(5)]
    assert pack_root(digests) == pack_root(digests[::-1]) == tree_head(sorted(digests))
    assert pack_root([]) == EMPTY_ROOT


def test_a_pack_counts_once():
    assert refused(pack_root, [bytes(32), bytes(32)]) == "malformed"
    assert refused(pack_root, [b"short"]) == "malformed"
