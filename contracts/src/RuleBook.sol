// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Commanded} from "./Commanded.sol";
import {Roles} from "./Roles.sol";
import {IAttestationFeed} from "./interfaces/IAttestationFeed.sol";
import {ICreditFacility} from "./interfaces/ICreditFacility.sol";
import {IRuleBook} from "./interfaces/IRuleBook.sol";

/// @title RuleBook
/// @dev What each function does, and what it refuses, stands in IRuleBook.
contract RuleBook is Commanded, IRuleBook {
    /// @dev Together these bound the work that one attestation can cause: 8 x 8 x 4 comparisons over 16 indicators.
    uint256 internal constant FACILITIES_MAX = 8;
    uint256 internal constant RULES_MAX = 8;
    uint256 internal constant CONDITIONS_MAX = 4;
    uint256 internal constant ACTIONS_MAX = 4;

    uint8 internal constant FREEZE_LIMIT = 5;
    uint8 internal constant UNIT_MAX = 5;
    uint8 internal constant COMPARATOR_MAX = 5;
    uint8 internal constant ON_MISSING_ALARM = 1;
    uint8 internal constant ON_MISSING_BREACH = 2;
    uint16 internal constant QUALITY_BP_MAX = 10_000;
    uint8 internal constant ALARM = 1;
    uint8 internal constant OK = 0;

    enum Outcome {
        Unmet,
        Met,
        Missing
    }

    IAttestationFeed public feed;
    ICreditFacility public facility;

    mapping(bytes32 packHash => Rule[]) private _rules;
    mapping(bytes32 packHash => bytes32) public rulesDigest;
    mapping(bytes32 facilityId => bytes32 packHash) private _packOf;
    mapping(bytes32 facilityId => bytes32 subject) private _subjectOf;
    mapping(bytes32 facilityId => uint64 window) private _overWhenBound;
    mapping(bytes32 subject => bytes32[] facilityIds) private _bound;
    mapping(bytes32 facilityId => mapping(bytes32 ruleId => RuleState)) private _states;

    modifier onlyFacility() {
        if (msg.sender != address(facility)) revert Forbidden(msg.sender);
        _;
    }

    constructor(address manager) Commanded(manager) {}

    function loadPack(bytes32 commandId, bytes32 packHash, Rule[] calldata rules_) external restricted {
        _once(commandId);
        if (packHash == 0) revert Malformed("packHash");
        if (rules_.length == 0) revert Malformed("rules");
        if (rules_.length > RULES_MAX) revert TooLarge("rules", rules_.length, RULES_MAX);
        if (_rules[packHash].length > 0) revert Conflict("pack is loaded");

        for (uint256 i = 0; i < rules_.length; i++) {
            _requireExecutable(rules_[i]);
            for (uint256 j = 0; j < i; j++) {
                if (rules_[j].id == rules_[i].id) revert Malformed("rule id twice");
            }
            _store(_rules[packHash].push(), rules_[i]);
        }
        bytes32 digest = keccak256(abi.encode(rules_));
        rulesDigest[packHash] = digest;
        emit PackLoaded(packHash, digest, rules_.length);
    }

    function connect(address feed_, address facility_) external restricted {
        if (address(feed) != address(0)) revert Conflict("connected");
        if (feed_ == address(0) || facility_ == address(0)) revert Malformed("address");
        feed = IAttestationFeed(feed_);
        facility = ICreditFacility(facility_);
        emit Connected(feed_, facility_);
    }

    function onAttestation(IAttestationFeed.Attestation calldata a) external {
        if (msg.sender != address(feed)) revert Forbidden(msg.sender);
        bytes32[] storage facilityIds = _bound[a.subject];
        for (uint256 i = 0; i < facilityIds.length; i++) {
            Rule[] storage rules_ = _rules[_packOf[facilityIds[i]]];
            for (uint256 j = 0; j < rules_.length; j++) {
                _apply(facilityIds[i], rules_[j], a);
            }
        }
    }

    function bind(bytes32 facilityId, bytes32 subject, bytes32 packHash) external onlyFacility {
        _loaded(packHash);
        bytes32[] storage list = _bound[subject];
        if (list.length == FACILITIES_MAX) revert TooLarge("facilities", FACILITIES_MAX + 1, FACILITIES_MAX);
        list.push(facilityId);
        _packOf[facilityId] = packHash;
        _subjectOf[facilityId] = subject;
        _overWhenBound[facilityId] = feed.windowAt(uint64(block.timestamp)) - 1;
        emit FacilityBound(facilityId, subject, packHash);
    }

    function unbind(bytes32 facilityId) external onlyFacility {
        bytes32 subject = _subjectOf[facilityId];
        bytes32[] storage list = _bound[subject];
        uint256 i = 0;
        while (list[i] != facilityId) i++;
        list[i] = list[list.length - 1];
        list.pop();
        emit FacilityUnbound(facilityId, subject);
    }

    function rules(bytes32 packHash) external view returns (Rule[] memory) {
        return _loaded(packHash);
    }

    function approverRolesOf(bytes32 packHash) external view returns (uint256 roles) {
        Rule[] storage rules_ = _loaded(packHash);
        for (uint256 i = 0; i < rules_.length; i++) roles |= rules_[i].approverRoles;
    }

    function ruleState(bytes32 facilityId, bytes32 ruleId) external view returns (RuleState memory) {
        return _states[facilityId][ruleId];
    }

    function reversal(bytes32 facilityId, bytes32 ruleId)
        external
        view
        returns (uint32 clean, uint32 cureWindows, uint64 cleanSinceSequence, uint256 approverRoles)
    {
        RuleState storage state = _states[facilityId][ruleId];
        Rule[] storage rules_ = _rules[_packOf[facilityId]];
        for (uint256 i = 0; i < rules_.length; i++) {
            if (rules_[i].id != ruleId) continue;
            return (state.clean, rules_[i].cureWindows, state.cleanSinceSequence, rules_[i].approverRoles);
        }
        revert NotFound(ruleId);
    }

    function boundFacilities(bytes32 subject) external view returns (bytes32[] memory) {
        return _bound[subject];
    }

    function _apply(bytes32 facilityId, Rule storage rule, IAttestationFeed.Attestation calldata a) private {
        RuleState storage state = _states[facilityId][rule.id];
        Outcome outcome = _evaluate(rule, a.indicators);
        bool breached =
            a.kind == ALARM ? _onAlarm(state, rule, outcome, a) : _onWindow(facilityId, state, rule, outcome, a);
        if (!breached) return;
        emit RuleBreached(facilityId, rule.id, rule.version, a.subject, a.sequence);
        // Every action that a loaded pack can hold is a freeze.
        facility.openReason(facilityId, rule.id, rule.version, a.subject, a.sequence);
    }

    /// @dev An alarm says nothing about what it does not cite, so only a met one matters.
    function _onAlarm(
        RuleState storage state,
        Rule storage rule,
        Outcome outcome,
        IAttestationFeed.Attestation calldata a
    ) private returns (bool breached) {
        if (outcome != Outcome.Met) return false;
        _soil(state, a.sequence >> 16);
        return rule.windows == 1;
    }

    function _onWindow(
        bytes32 facilityId,
        RuleState storage state,
        Rule storage rule,
        Outcome outcome,
        IAttestationFeed.Attestation calldata a
    ) private returns (bool breached) {
        uint64 window = a.sequence >> 16;
        uint64 last = state.started ? state.lastWindow : _overWhenBound[facilityId];
        uint64 missing = window > last ? window - last - 1 : 0; // one over before the binding may arrive after it
        if (outcome == Outcome.Missing) missing++;
        state.started = true;
        state.lastWindow = window;

        if (missing > 0) breached = _miss(facilityId, state, rule, missing, a.sequence);
        if (outcome == Outcome.Met) {
            state.count = _sum(state.count, 1);
            breached = breached || state.count >= rule.windows;
        }
        if (breached || outcome == Outcome.Met) _soil(state, window);
        if (outcome != Outcome.Unmet) return breached;
        state.count = 0;
        if (window > state.lastBreachWindow) {
            if (state.clean == 0) state.cleanSinceSequence = a.sequence;
            state.clean = _sum(state.clean, 1);
        }
    }

    function _miss(bytes32 facilityId, RuleState storage state, Rule storage rule, uint64 missing, uint64 sequence)
        private
        returns (bool breached)
    {
        state.clean = 0;
        state.cleanSinceSequence = 0;
        if (rule.onMissing == ON_MISSING_ALARM) emit DataMissed(facilityId, rule.id, sequence, missing);
        if (rule.onMissing != ON_MISSING_BREACH) return false;
        state.count = _sum(state.count, missing);
        return state.count >= rule.windows;
    }

    /// @dev The window, and those before it, can no longer be clean.
    function _soil(RuleState storage state, uint64 window) private {
        state.clean = 0;
        state.cleanSinceSequence = 0;
        if (window > state.lastBreachWindow) state.lastBreachWindow = window;
    }

    /// @dev A window in which a needed indicator is missing is never clean; one met condition of `any` is enough.
    function _evaluate(Rule storage rule, IAttestationFeed.Indicator[] calldata indicators)
        private
        view
        returns (Outcome)
    {
        bool missing;
        bool unmet;
        for (uint256 i = 0; i < rule.conditions.length; i++) {
            Outcome outcome = _evaluate(rule.conditions[i], indicators);
            if (outcome == Outcome.Met && rule.matchAny) return Outcome.Met;
            if (outcome == Outcome.Missing) missing = true;
            if (outcome == Outcome.Unmet) unmet = true;
        }
        if (missing) return Outcome.Missing;
        return unmet ? Outcome.Unmet : Outcome.Met;
    }

    function _evaluate(Condition storage condition, IAttestationFeed.Indicator[] calldata indicators)
        private
        view
        returns (Outcome)
    {
        bytes32 id = condition.indicator;
        for (uint256 i = 0; i < indicators.length; i++) {
            if (indicators[i].id != id) continue;
            if (indicators[i].status != OK) break;
            if (_compare(indicators[i].value, condition.comparator, condition.threshold)) return Outcome.Met;
            if (indicators[i].qualityBp < condition.minQualityBp) break;
            return Outcome.Unmet;
        }
        return Outcome.Missing;
    }

    function _compare(int128 value, uint8 comparator, int128 threshold) private pure returns (bool) {
        if (comparator == 0) return value < threshold;
        if (comparator == 1) return value <= threshold;
        if (comparator == 2) return value > threshold;
        if (comparator == 3) return value >= threshold;
        if (comparator == 4) return value == threshold;
        return value != threshold;
    }

    /// @dev Counts stop at their type's end: a gap of centuries is still only a gap.
    function _sum(uint32 count, uint64 more) private pure returns (uint32) {
        uint256 total = uint256(count) + more;
        return total > type(uint32).max ? type(uint32).max : uint32(total);
    }

    function _requireExecutable(Rule calldata rule) private pure {
        if (rule.id == 0 || rule.version == 0) revert Malformed("rule id");
        if (rule.windows == 0) revert Malformed("windows");
        if (rule.cureWindows == 0) revert Malformed("cureWindows");
        if (rule.onMissing > ON_MISSING_BREACH) revert Malformed("onMissing");
        if (rule.approverRoles & ~Roles.APPROVERS != 0) revert Malformed("approverRoles");
        if (rule.conditions.length == 0) revert Malformed("conditions");
        if (rule.conditions.length > CONDITIONS_MAX) {
            revert TooLarge("conditions", rule.conditions.length, CONDITIONS_MAX);
        }
        for (uint256 i = 0; i < rule.conditions.length; i++) {
            if (rule.conditions[i].indicator == 0) revert Malformed("indicator");
            if (rule.conditions[i].comparator > COMPARATOR_MAX) revert Malformed("comparator");
            if (rule.conditions[i].minQualityBp > QUALITY_BP_MAX) revert Malformed("minQualityBp");
        }
        if (rule.actions.length == 0) revert Malformed("actions");
        if (rule.actions.length > ACTIONS_MAX) revert TooLarge("actions", rule.actions.length, ACTIONS_MAX);
        for (uint256 i = 0; i < rule.actions.length; i++) _requireExecutable(rule.actions[i]);
    }

    /// @dev A freeze has no size: an amount or a cap would be ignored, so it is refused.
    function _requireExecutable(Action calldata action) private pure {
        if (action.action != FREEZE_LIMIT) revert UnsupportedAction(action.action);
        if (action.unit > UNIT_MAX) revert Malformed("unit");
        bool sized = action.unit != 0 || action.amount != 0 || action.cap != 0;
        if (sized || action.stackGroup != 0 || action.purpose != 0) revert UnsupportedAction(action.action);
    }

    function _store(Rule storage target, Rule calldata rule) private {
        target.id = rule.id;
        target.version = rule.version;
        target.matchAny = rule.matchAny;
        target.windows = rule.windows;
        target.onMissing = rule.onMissing;
        target.cureWindows = rule.cureWindows;
        target.approverRoles = rule.approverRoles;
        for (uint256 i = 0; i < rule.conditions.length; i++) target.conditions.push(rule.conditions[i]);
        for (uint256 i = 0; i < rule.actions.length; i++) target.actions.push(rule.actions[i]);
    }

    function _loaded(bytes32 packHash) private view returns (Rule[] storage rules_) {
        rules_ = _rules[packHash];
        if (rules_.length == 0) revert NotFound(packHash);
    }
}
