"""The reference pages say what there is, all of it, and nothing that is no more."""

import re

import pytest

from chaincode.contract import FUNCTIONS
from chaincode.things.assets import STEPS
from contracts.loader import ACTIONS, EXECUTABLE_ACTIONS, EXECUTABLE_WINDOWS
from node.products import product
from oracle.profile import FORMULAS, Profile
from oracle.sources.mapping import SeriesMapping
from tests.docs import inventory, tables
from tests.docs.pages import DOCS, ROOT, anchors, first_cells, headings, links, pages, read, rows, section
from wuxin_evidence.bundle.archive import MEMBER_NAME
from wuxin_evidence.bundle.trust import Trust
from wuxin_evidence.crypto.suites import SUITES

PUBLISHED_CODES = frozenset(
    {
        "not_found", "forbidden", "unauthenticated", "malformed", "too_large", "unsupported_action",
        "idempotency_mismatch", "conflict", "unavailable", "unknown_device", "bad_signature", "pack_replayed",
        "pack_equivocation", "clock_skew", "implausible", "wrong_aad", "quorum_not_met", "conflicted_signer",
        "equivocation", "wrong_epoch", "sequence_regressed", "profile_mismatch", "slot_claimed", "receipt_pledged",
        "receipt_not_active", "pledge_not_active", "not_pledgee", "not_owner", "facility_frozen", "attestation_stale",
        "lien_missing", "price_stale", "limit_exceeded", "not_clean", "approval_missing", "command_repeated",
    }
)  # fmt: skip
"""Codes of the first release: other programs know them, so none is ever renamed or dropped."""

SHIPPED_PROFILE = Profile.load(product("weighed-stock").profile())

LINE_CHARS_MAX = 120


def require_same(documented, existing, where: str) -> None:
    """Fail naming what lacks an entry and which entry is about nothing."""
    given, wanted = set(documented), set(existing)
    missing, stale = sorted(wanted - given), sorted(given - wanted)
    assert not missing, f"docs/{where} lacks an entry for {missing}"
    assert not stale, f"docs/{where} has entries for what does not exist: {stale}"


def test_every_command_and_option_has_an_entry():
    documented = {
        title: set(first_cells(section("reference/cli.md", title)))
        for title in headings("reference/cli.md", 2)
        if title.startswith("wuxin ")
    }
    existing = inventory.commands()
    require_same(documented, existing, "reference/cli.md")
    for command, options in existing.items():
        require_same(documented[command], options, f"reference/cli.md, {command}")


def test_every_exit_status_has_an_entry():
    from node.cli.exit_status import DONE, INCOMPLETE, REFUSED, UNAVAILABLE, UNKNOWN, UNREADABLE

    documented = {int(row[0]) for row in rows(read("reference/cli.md").partition("\n## ")[0]) if row[0].isdigit()}
    require_same(
        documented, {DONE, REFUSED, INCOMPLETE, UNREADABLE, UNAVAILABLE, UNKNOWN}, "reference/cli.md, exit status"
    )


def test_every_key_of_a_mapping_has_an_entry():
    documented = {key.strip("[]") for key in first_cells(section("reference/cli.md", "The mapping of a series"))}
    require_same(documented, SeriesMapping.model_fields, "reference/cli.md, the mapping of a series")


def _in_english() -> str:
    return read("reference/problems.md").partition("\n## In Chinese")[0]


def test_every_problem_code_has_one_entry():
    kept = first_cells(section("reference/problems.md", "Kept, and said by nobody now"))
    documented = [code for code in first_cells(_in_english()) if code not in kept]
    existing = inventory.problem_codes()
    require_same(documented, existing, "reference/problems.md")
    assert len(documented) == len(set(documented)), "a code has two entries"
    assert not set(kept) & set(existing), "a code that is said stands among those that are not"


def test_no_published_code_was_dropped():
    assert set(first_cells(read("reference/problems.md"))) >= PUBLISHED_CODES


def test_every_problem_tells_who_what_and_what_to_do():
    kept = "Kept, and said by nobody now"
    for row in rows(_in_english().split(f"## {kept}")[0]):
        if row[0].startswith("`"):
            assert len(row) == 4, f"{row[0]}: code, who, means, do"
            assert all(row), f"{row[0]}: an empty cell"


def test_the_status_of_each_code_is_the_one_that_is_answered():
    from node.gate.problems import status_of

    stated = {row[0]: row[1] for row in rows(read("reference/problems.md")) if row[0].isdigit()}
    for status, codes in stated.items():
        if status != "409":
            assert {status_of(code) for code in codes.split(", ")} == {int(status)}
    listed = {code for codes in stated.values() for code in codes.split(", ")}
    others = {code for code in inventory.problem_codes() if status_of(code) not in (409, 500)}
    assert others <= listed


def test_every_event_type_has_an_entry():
    require_same(first_cells(section("reference/events.md", "Facts")), inventory.facts_events(), "reference/events.md")
    obligations = first_cells(section("reference/events.md", "Obligations"))
    require_same(obligations, inventory.obligations_events(), "reference/events.md")


def test_every_field_of_the_consortium_file_has_an_entry():
    page = "reference/consortium.md"
    require_same(first_cells(read(page)), inventory.consortium_fields(), page)


def test_the_tables_are_those_of_the_declarations():
    for page in pages():
        assert read(page) == tables.written(page), f"docs/{page} is behind the declarations: run `make generate`"


def test_every_table_of_the_declarations_has_its_place():
    marked = [name for page in pages() for name in re.findall(r"<!-- made from the declarations: (.*) -->", read(page))]
    require_same(marked, tables.MADE, "reference")


def test_every_problem_that_a_command_declares_has_an_entry():
    said = set(inventory.problem_codes())
    for name, command in FUNCTIONS.items():
        assert command.all_problems <= said, name


def test_every_life_event_of_an_asset_has_an_entry():
    table = {row[0].strip("`"): row for row in rows(section("reference/chaincode.md", "The life of an asset"))}
    require_same(table, STEPS, "reference/chaincode.md")
    for name, step in STEPS.items():
        assert table[name][2] == (step.leads_to or "–"), name


def test_every_field_of_the_rule_pack_schema_is_described():
    text = section("reference/rule-packs.md", "Fields")
    named = {name for span in re.findall(r"`([^`]+)`", text) for name in span.split()}
    missing = inventory.schema_fields() - named - {"mode", "count", "windows"}
    assert not missing, f"docs/reference/rule-packs.md lacks {sorted(missing)}"
    require_same(named & set(ACTIONS) | {"split_loss"}, ACTIONS, "reference/rule-packs.md, actions")


def test_what_is_executed_of_a_rule_pack_is_what_the_loader_lets_through():
    table = {row[0]: row for row in rows(section("reference/rule-packs.md", "What is executed"))}
    assert set(re.findall(r"`(\w+)`", table["action"][1])) == EXECUTABLE_ACTIONS
    assert set(re.findall(r"`(\w+)`", table["window mode"][1])) == EXECUTABLE_WINDOWS


def test_every_field_and_formula_of_the_profile_has_an_entry():
    page = "reference/profile.md"
    require_same(first_cells(section(page, "Fields")), SHIPPED_PROFILE.document, page)
    shipped = [row for row in rows(section(page, "Fields")) if row[2].lstrip("-").isdigit()]
    for row in shipped:
        assert int(row[2]) == SHIPPED_PROFILE.document[row[0].strip("`")], f"docs/{page}: {row[0]}"
    require_same(first_cells(section(page, "Indicators")), FORMULAS, f"{page}, Indicators")


def test_every_member_of_a_bundle_has_an_entry():
    documented = first_cells(section("reference/formats.md", "Bundle"))
    for name in documented:
        filled = name.replace("<digest>", "0" * 64).replace("<name>", "0" * 64)
        assert MEMBER_NAME.fullmatch(filled), f"docs/reference/formats.md: {name} is no member of a bundle"
    fixed = {re.sub(r"<\w+>", "", name) for name in documented}
    require_same(fixed, inventory.bundle_members(), "reference/formats.md")


def test_every_suite_and_every_field_of_the_trust_file_has_an_entry():
    suites = {row[0].strip("`"): row[1] for row in rows(section("reference/formats.md", "Pack")) if "−" in row[1]}
    assert {name: int(alg.split(",")[0].replace("−", "-")) for name, alg in suites.items()} == {
        each.name: each.cose_alg for each in SUITES
    }
    from tests.evidence.bundle_maker import Consortium

    fields = Trust.from_json(Consortium().trust.to_json()).to_json()
    require_same(first_cells(section("reference/formats.md", "Trust file")), fields, "reference/formats.md, Trust file")


def test_every_page_is_written_in_lines_that_fit():
    for page in pages():
        fenced = False
        for number, line in enumerate(read(page).splitlines(), 1):
            fenced ^= line.startswith("```")
            assert len(line) <= LINE_CHARS_MAX or line.startswith("|"), f"docs/{page}:{number} is too long"
        assert not fenced, f"docs/{page}: a block is not closed"


@pytest.mark.parametrize("page", [*pages(), "../README.md", "../CONTRIBUTING.md"])
def test_every_link_within_the_documentation_leads_somewhere(page):
    for target, fragment in links(page):
        assert target.exists(), f"docs/{page} links to {target.relative_to(ROOT)}, which is not there"
        if fragment:
            assert fragment in anchors(target), f"docs/{page}: no heading makes #{fragment}"


def test_every_path_of_this_repository_that_a_page_names_exists():
    rooted = re.compile(r"`((?:docs|node|oracle|contracts|chaincode|network|client_sdk|tests)/[\w./-]+)`")
    for page in [*pages(), "../README.md", "../CONTRIBUTING.md"]:
        for path in rooted.findall(read(page)):
            assert (ROOT / path).exists(), f"docs/{page} names {path}, which is not there"


def test_decisions_are_numbered_without_gaps_and_say_what_they_cost():
    files = sorted((DOCS / "adr").glob("*.md"))
    assert [int(each.name[:4]) for each in files] == list(range(1, len(files) + 1))
    for each in files:
        text = each.read_text("utf-8")
        assert text.startswith(f"# {int(each.name[:4])}. "), each.name
        assert "\nWhy: " in text, f"{each.name} does not say why"
        assert "\nCost: " in text, f"{each.name} does not say what it costs"
        assert len(text.splitlines()) <= 25, f"{each.name} is longer than a decision needs"


def test_every_command_that_a_page_tells_to_type_exists():
    existing = inventory.commands()
    for page in pages():
        for typed in re.findall(r"wuxin((?: [a-z]+)+)(?=[ `\n])", "\n".join(re.findall(r"`([^`\n]+)`", read(page)))):
            words = typed.split()
            spelled = {f"wuxin {' '.join(words[:n])}" for n in (1, 2)}
            groups = {name.split()[1] for name in existing}
            assert spelled & set(existing) or words[0] in groups, f"docs/{page}: wuxin{typed}"


def test_home_names_what_a_home_holds():
    named = first_cells(read("operating/home.md"))
    for path in ("consortium.toml", "trust.json", "local.db", "readmodel.db", "ledger/facts.db"):
        assert path in named
