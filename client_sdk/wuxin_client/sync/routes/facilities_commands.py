# Generated from the API's description by `python -m tests.client.generate`: change that, not this file.
"""Facilities: commands."""

from __future__ import annotations

from wuxin_client.models import (
    Transaction,
)
from wuxin_client.requests import segment
from wuxin_client.sync.core import Routes


class FacilitiesCommands(Routes):
    """Facilities: commands; part of `Client`."""

    def propose_facility(
        self,
        *,
        facility_id: str,
        receipt_id: str,
        pledge_id: str,
        borrower: str,
        line_minor: int,
        currency: str,
        advance_rate_bp: int,
        rate_bp: int,
        maturity_s: int,
        max_quantity_age_s: int,
        max_lien_age_s: int,
        max_price_age_s: int,
        rule_pack: str,
        draw_fee_minor: int | None = None,
        min_quality_bp: int | None = None,
        insurer: str | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Propose a facility over a pledge; the terms on the chain are derived from receipt and pledge.

        Of an organisation that is bank. As pledgee. Members of the lending circle only. Brings: facility_proposed,
        facility_bound.

        `POST /v1/facilities`

        Args:
            facility_id: The facility's id, made by the lender and accepted once. At most 128 characters.
            receipt_id: The receipt that is lent on; over one slot. At most 128 characters.
            pledge_id: The pledge that rests on the receipt. At most 128 characters.
            borrower: Who owns the receipt and draws. At most 32 characters.
            line_minor: The most that may be owed as principal. Unit: minor unit of the currency. At least 1.
            currency: The currency of the circle's deposits. Source: ISO 4217. At most 3 characters.
            advance_rate_bp: The share of the collateral's value lent on it. Unit: 0.01 %. From 0 to 10000.
            rate_bp: Interest a year, simple, actual/360. Unit: 0.01 %. From 0 to 10000.
            maturity_s: No draw after this; UTC. Unit: s. At least 0.
            max_quantity_age_s: How old the attested quantity may be. Unit: s. From 1 to 4294967295.
            max_lien_age_s: How old the attested lien may be. Unit: s. From 1 to 4294967295.
            max_price_age_s: How old the attested price may be. Unit: s. From 1 to 4294967295.
            rule_pack: The rule pack that tightens the facility, by its name. At most 64 characters.
            draw_fee_minor: A fee for each draw. Unit: minor unit of the currency. At least 0, 0 if not given.
            min_quality_bp: The least quality that a value must have. Unit: 0.01 %. From 0 to 10000, 5000 if not
                given.
            insurer: Who may freeze as the insurer; left out: the circle's insurer. At most 32 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `not_owner`, `not_pledgee`, `pledge_not_active`, `receipt_not_active`,
                `reverted`.

        Example:
            >>> done = node.propose_facility(
            ...     facility_id="facility-1",
            ...     receipt_id="receipt-1",
            ...     pledge_id="pledge-1",
            ...     borrower="manufacturer",
            ...     line_minor=500000000,
            ...     currency="CNY",
            ...     advance_rate_bp=6000,
            ...     rate_bp=450,
            ...     maturity_s=1672646400,
            ...     max_quantity_age_s=2700,
            ...     max_lien_age_s=86400,
            ...     max_price_age_s=86400,
            ...     rule_pack="warehouse-stock-1",
            ...     wait_s=10,
            ... )
        """
        return self._order(
            "/v1/facilities",
            {
                "facility_id": facility_id,
                "receipt_id": receipt_id,
                "pledge_id": pledge_id,
                "borrower": borrower,
                "line_minor": line_minor,
                "currency": currency,
                "advance_rate_bp": advance_rate_bp,
                "rate_bp": rate_bp,
                "maturity_s": maturity_s,
                "max_quantity_age_s": max_quantity_age_s,
                "max_lien_age_s": max_lien_age_s,
                "max_price_age_s": max_price_age_s,
                "rule_pack": rule_pack,
                "draw_fee_minor": draw_fee_minor,
                "min_quality_bp": min_quality_bp,
                "insurer": insurer,
            },
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def withdraw_facility(
        self,
        facility_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Take a proposal back.

        Of an organisation that is bank. As lender. Members of the lending circle only. Brings: facility_withdrawn,
        facility_unbound.

        `POST /v1/facilities/{facility_id}/withdraw`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `reverted`.

        Example:
            >>> done = node.withdraw_facility("facility-1", wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/withdraw", {}, wait_s, raise_on_failure, idempotency_key
        )

    def activate_facility(
        self,
        facility_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Activate a facility over an attested lien.

        Of an organisation that is bank. As lender. Members of the lending circle only. Brings: facility_activated.

        `POST /v1/facilities/{facility_id}/activate`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `lien_missing`, `reverted`.

        Example:
            >>> done = node.activate_facility("facility-1", wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/activate", {}, wait_s, raise_on_failure, idempotency_key
        )

    def lower_line(
        self,
        facility_id: str,
        *,
        line_minor: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Lower the line at once.

        Of an organisation that is bank. As lender. Members of the lending circle only. Brings: line_changed.

        `POST /v1/facilities/{facility_id}/lower-line`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            line_minor: The new line, lower than the one in force. Unit: minor unit of the currency. At least 1.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `reverted`.

        Example:
            >>> done = node.lower_line("facility-1", line_minor=400000000, wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/lower-line",
            {"line_minor": line_minor},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def draw(
        self,
        facility_id: str,
        *,
        amount_minor: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Draw on a facility, as its borrower; a refused draw is on the chain, with its code.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As
        borrower. Members of the lending circle only. Brings: interest_accrued, drawn, transfer.

        `POST /v1/facilities/{facility_id}/draw`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            amount_minor: What the borrower gets. Unit: minor unit of the currency. At least 1.

        Raises:
            NotFound: `not_found`.
            Conflict: `attestation_stale`, `command_repeated`, `facility_frozen`, `facility_matured`,
                `facility_not_active`, `insufficient_funds`, `lien_missing`, `limit_exceeded`, `price_stale`,
                `reverted`.

        Example:
            >>> done = node.draw("facility-1", amount_minor=100000000, wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/draw",
            {"amount_minor": amount_minor},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def repay(
        self,
        facility_id: str,
        *,
        amount_minor: int,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Repay, in every state of a facility; of more than the debt, the debt is taken.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As anyone
        but the lender. Members of the lending circle only. Brings: interest_accrued, repaid, transfer.

        `POST /v1/facilities/{facility_id}/repay`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            amount_minor: The most that is taken. Unit: minor unit of the currency. At least 1.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `insufficient_funds`, `reverted`.

        Example:
            >>> done = node.repay("facility-1", amount_minor=100000000, wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/repay",
            {"amount_minor": amount_minor},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def freeze_facility(
        self,
        facility_id: str,
        *,
        reason: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Freeze a facility by hand.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As lender,
        insurer or regulator. Members of the lending circle only. Brings: freeze_opened.

        `POST /v1/facilities/{facility_id}/freeze`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            reason: Why: a code of up to 32 characters, or the SHA-256 of a document. At most 64 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `reverted`.

        Example:
            >>> done = node.freeze_facility("facility-1", reason="site_visit_refused", wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/freeze",
            {"reason": reason},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def lift_freeze(
        self,
        facility_id: str,
        *,
        reason_key: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Lift a freeze that your role set by hand.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As the
        role that set it. Members of the lending circle only. Brings: freeze_cleared.

        `POST /v1/facilities/{facility_id}/lift`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            reason_key: The key of the reason, as the list of reasons gives it. At most 66 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `reverted`.

        Example:
            >>> done = node.lift_freeze("facility-1", reason_key="3f" + "3f" * 31, wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/lift",
            {"reason_key": reason_key},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def approve_unfreeze(
        self,
        facility_id: str,
        *,
        reason_key: str,
        opening_sequence: int | None = None,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Approve the clearing of a rule's reason, for one opening, after enough clean windows.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As a role
        that the rule names. Members of the lending circle only. Brings: unfreeze_approved.

        `POST /v1/facilities/{facility_id}/approve`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            reason_key: The key of the reason, as the list of reasons gives it. At most 66 characters.
            opening_sequence: The opening that the approver has looked at; left out: the one this node shows. At
                least 0.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `not_clean`, `reverted`.

        Example:
            >>> done = node.approve_unfreeze("facility-1", reason_key="3f" + "3f" * 31, wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/approve",
            {"reason_key": reason_key, "opening_sequence": opening_sequence},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def unfreeze_facility(
        self,
        facility_id: str,
        *,
        reason_key: str,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Clear a rule's reason once its remediation is done and approved.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As lender,
        borrower, insurer or regulator. Members of the lending circle only. Brings: freeze_cleared.

        `POST /v1/facilities/{facility_id}/unfreeze`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.
            reason_key: The key of the reason, as the list of reasons gives it. At most 66 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `approval_missing`, `command_repeated`, `not_clean`, `reverted`.

        Example:
            >>> done = node.unfreeze_facility("facility-1", reason_key="3f" + "3f" * 31, wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/unfreeze",
            {"reason_key": reason_key},
            wait_s,
            raise_on_failure,
            idempotency_key,
        )

    def start_closing(
        self,
        facility_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """With no debt, end all drawing.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As lender
        or borrower. Members of the lending circle only. Brings: closing_started.

        `POST /v1/facilities/{facility_id}/start-closing`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `command_repeated`, `reverted`.

        Example:
            >>> done = node.start_closing("facility-1", wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/start-closing", {}, wait_s, raise_on_failure, idempotency_key
        )

    def close_facility(
        self,
        facility_id: str,
        *,
        wait_s: float | None = None,
        raise_on_failure: bool = True,
        idempotency_key: str | None = None,
    ) -> Transaction:
        """Close a facility once the release of the pledge is attested.

        Of an organisation that is bank or inspector or insurer or manufacturer or regulator or warehouse. As lender
        or borrower. Members of the lending circle only. Brings: facility_closed, facility_unbound.

        `POST /v1/facilities/{facility_id}/close`

        Args:
            facility_id: The facility, by its id or by its key on the chain. At most 128 characters.

        Raises:
            NotFound: `not_found`.
            Conflict: `closing_unreleased`, `command_repeated`, `reverted`.

        Example:
            >>> done = node.close_facility("facility-1", wait_s=10)
        """
        return self._order(
            f"/v1/facilities/{segment(facility_id)}/close", {}, wait_s, raise_on_failure, idempotency_key
        )
