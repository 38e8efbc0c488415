// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAttestationFeed} from "./interfaces/IAttestationFeed.sol";
import {ICreditFacility} from "./interfaces/ICreditFacility.sol";

/// @title What is attested about a facility's collateral
/// @notice Reads the feed by a facility's terms. What is missing, too old, suspect or of low quality is not fresh, and
/// what is not fresh is worth nothing.
library Collateral {
    bytes32 internal constant LIEN_ACTIVE = keccak256("lien_active");
    bytes32 internal constant RECEIPT_QUANTITY_G = keccak256("receipt_quantity_g");

    uint8 internal constant SCHEDULED = 0;
    uint8 internal constant LIEN = 2;
    uint8 internal constant PRICE = 3;
    uint8 internal constant OK = 0;
    uint8 internal constant SUSPECT = 2;
    uint256 internal constant BP = 10_000;

    /// @notice One attested figure.
    struct Reading {
        bool fresh;
        uint256 value;
        uint64 observedAt;
    }

    function quantity(IAttestationFeed feed, ICreditFacility.Terms storage terms)
        internal
        view
        returns (Reading memory)
    {
        return _read(
            feed.latest(terms.quantitySubject, SCHEDULED, terms.quantityIndicator),
            terms.quantityMaxAgeS,
            terms.minQualityBp
        );
    }

    function price(IAttestationFeed feed, ICreditFacility.Terms storage terms) internal view returns (Reading memory) {
        return _read(feed.latest(terms.priceSubject, PRICE, terms.priceIndicator), terms.priceMaxAgeS, 0);
    }

    /// @notice The pledged quantity; fresh only while the lien is attested as standing.
    function lien(IAttestationFeed feed, ICreditFacility.Terms storage terms) internal view returns (Reading memory) {
        Reading memory active =
            _read(feed.latest(terms.lienSubject, LIEN, LIEN_ACTIVE), terms.lienMaxAgeS, 0);
        Reading memory pledged =
            _read(feed.latest(terms.lienSubject, LIEN, RECEIPT_QUANTITY_G), terms.lienMaxAgeS, 0);
        bool stands = active.fresh && active.value == 1 && pledged.fresh && pledged.value > 0;
        return Reading(stands, pledged.value, active.observedAt);
    }

    /// @notice Whether the newest word on the lien is that it has ended. A released pledge never returns, so that word
    /// holds however old it is.
    function released(IAttestationFeed feed, bytes32 lienSubject) internal view returns (bool) {
        IAttestationFeed.Latest memory latest = feed.latest(lienSubject, LIEN, LIEN_ACTIVE);
        return latest.status == OK && latest.observedAt > 0 && latest.value == 0;
    }

    /// @notice min(line, advance rate × min(attested, pledged, terms) × price), rounded down; zero unless all fresh.
    function limit(IAttestationFeed feed, ICreditFacility.Terms storage terms) internal view returns (uint256) {
        Reading memory attested = quantity(feed, terms);
        Reading memory pledged = lien(feed, terms);
        Reading memory priced = price(feed, terms);
        if (!attested.fresh || !pledged.fresh || !priced.fresh) return 0;
        uint256 counted = _smaller(_smaller(attested.value, pledged.value), terms.receiptQuantity);
        // 96 bits each, and 14 of the rate, stay below 256; a larger price is only counted as that much.
        uint256 priced96 = _smaller(priced.value, type(uint96).max);
        uint256 value = counted * priced96 * terms.advanceRateBp / (uint256(terms.quantityPerPriceUnit) * BP);
        return _smaller(value, terms.lineMinor);
    }

    function _read(IAttestationFeed.Latest memory latest, uint32 maxAgeS, uint16 minQualityBp)
        private
        view
        returns (Reading memory)
    {
        bool fresh = latest.observedAt > 0 && block.timestamp < uint256(latest.observedAt) + maxAgeS
            && latest.status != SUSPECT && latest.qualityBp >= minQualityBp;
        return Reading(fresh, latest.value > 0 ? uint256(uint128(latest.value)) : 0, latest.observedAt);
    }

    function _smaller(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
