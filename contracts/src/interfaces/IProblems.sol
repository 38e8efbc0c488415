// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What the obligations refuse
/// @notice Every refusal of every contract is one of these. The name in snake case is the problem code that the
/// chaincode, the API and the SDK use for the same refusal. All contracts inherit this list, so one ABI decodes the
/// refusal of any contract further down the same call. Nothing changes when one is thrown.
interface IProblems {
    /// @notice No record under this id.
    error NotFound(bytes32 id);
    /// @notice The caller has no role that allows this.
    error Forbidden(address caller);
    /// @notice The input is not well-formed; `what` names the field.
    error Malformed(string what);
    /// @notice The input is larger than a named bound.
    error TooLarge(string what, uint256 given, uint256 bound);
    /// @notice The state of the record does not allow this; `what` says why.
    error Conflict(string what);
    /// @notice This caller has used this command id before.
    error CommandRepeated(bytes32 commandId);

    /// @notice The rule pack asks for something that no contract here executes.
    error UnsupportedAction(uint8 action);

    /// @notice A signature is malformed, malleable or not from a member. `index` is its place in the list.
    error BadSignature(uint256 index);
    /// @notice Too few countable members signed.
    error QuorumNotMet(uint256 signed, uint256 required);
    /// @notice Too few countable members signed, because this one's organisation has an interest in the subject.
    error ConflictedSigner(address signer);
    /// @notice Another digest stands under the same subject, kind and sequence.
    error Equivocation(bytes32 standingDigest);
    /// @notice The committee of this epoch was not in force when the window ended.
    error WrongEpoch(uint64 given, uint64 inForce);
    /// @notice The sequence is below the last one accepted for this subject and kind.
    error SequenceRegressed(uint64 given, uint64 last);
    /// @notice The profile is not registered for this kind of attestation.
    error ProfileMismatch(bytes32 given);
    /// @notice The window lies in the future by more than the allowed skew.
    error ClockSkew(uint64 windowEnd, uint64 nowS);

    /// @notice At least one freeze reason stands.
    error FacilityFrozen(bytes32 facilityId, uint256 reasons);
    /// @notice The facility is not active: only proposed, closing or closed.
    error FacilityNotActive(bytes32 facilityId, uint8 state);
    /// @notice The facility is past its maturity.
    error FacilityMatured(bytes32 facilityId, uint64 maturityS);
    /// @notice The quantity is missing, too old, suspect or of too low quality. Zero `observedAt`: never attested.
    error AttestationStale(bytes32 subject, uint64 observedAt);
    /// @notice No fresh attestation says that the pledge stands.
    error LienMissing(bytes32 subject, uint64 observedAt);
    /// @notice The pledge still stands, or its release is not attested yet.
    error ClosingUnreleased(bytes32 facilityId);
    /// @notice The price is missing, too old or suspect.
    error PriceStale(bytes32 subject, uint64 observedAt);
    /// @notice The amount is above what may be drawn after its fee.
    error LimitExceeded(uint256 amountMinor, uint256 headroomMinor);
    /// @notice Too few scheduled windows were clean since the opening.
    error NotClean(uint32 cleanWindows, uint32 requiredWindows);
    /// @notice Roles (bits) that have not approved this opening since it became clean.
    error ApprovalMissing(uint256 missingRoles);
    /// @notice The account cannot fund this: `available` is the smaller of its balance and its allowance.
    error InsufficientFunds(address account, uint256 available, uint256 needed);
}
