// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Debt with simple interest, actual/360, by business day
/// @notice Whole minor units of interest are booked; what is left stays as a fraction of 1/(10000 * 360) minor units
/// and is carried, so nothing is lost to rounding. What is owed is rounded up.
library Interest {
    uint256 internal constant BP = 10_000;
    uint256 internal constant DAYS_PER_YEAR = 360;
    uint256 internal constant SECONDS_PER_DAY = 86_400;
    uint256 internal constant FRACTIONS = BP * DAYS_PER_YEAR;

    /// @param accruedDay Business day up to which interest is booked.
    struct Debt {
        uint256 principalMinor;
        uint256 interestMinor;
        uint256 feesMinor;
        uint256 fraction;
        uint64 accruedDay;
    }

    /// @notice The business day of a time: midnight is cut `dayOffsetS` east of UTC.
    function businessDay(uint256 timestamp, uint32 dayOffsetS) internal pure returns (uint64) {
        return uint64((timestamp + dayOffsetS) / SECONDS_PER_DAY);
    }

    /// @notice The debt with interest up to `day`; the day itself is not yet counted.
    function accruedTo(Debt memory debt, uint64 day, uint16 rateBp) internal pure returns (Debt memory) {
        if (day <= debt.accruedDay) return debt;
        uint256 carried = debt.fraction + debt.principalMinor * rateBp * (day - debt.accruedDay);
        debt.interestMinor += carried / FRACTIONS;
        debt.fraction = carried % FRACTIONS;
        debt.accruedDay = day;
        return debt;
    }

    /// @notice Everything owed, a fraction counting as one more minor unit.
    function owed(Debt memory debt) internal pure returns (uint256) {
        return debt.principalMinor + debt.interestMinor + debt.feesMinor + (debt.fraction > 0 ? 1 : 0);
    }

    /// @notice Splits a payment of at most `owed` into fees, then interest, then principal, and takes it off the debt.
    /// A payment of all that is owed takes the rounded-up fraction as interest.
    function pay(Debt memory debt, uint256 takenMinor)
        internal
        pure
        returns (uint256 feesMinor, uint256 interestMinor, uint256 principalMinor)
    {
        if (takenMinor == owed(debt) && debt.fraction > 0) {
            debt.fraction = 0;
            debt.interestMinor += 1;
        }
        feesMinor = _smaller(takenMinor, debt.feesMinor);
        interestMinor = _smaller(takenMinor - feesMinor, debt.interestMinor);
        principalMinor = takenMinor - feesMinor - interestMinor;
        debt.feesMinor -= feesMinor;
        debt.interestMinor -= interestMinor;
        debt.principalMinor -= principalMinor;
    }

    function _smaller(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
