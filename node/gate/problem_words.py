"""Every problem code in words, English and Chinese: the one place where a code is declared for people.

    a code ─▶ Words: its title in both languages, and in Chinese what to do

A problem's detail and hint are composed where it is raised, in English, because they name fields and values. A code
that is added to chaincode, contracts or any room gets its words here; a test finds one without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Words:
    """A code in words."""

    en: str
    """The title in English."""
    zh: str
    """The title in Chinese."""
    do_zh: str
    """What to do next, in Chinese; in English the hint says it in each case."""


WORDS: Final[dict[str, Words]] = {
    # for every caller
    "malformed": Words("The request is not well formed", "请求格式不正确", "按字段说明更正后重发"),
    "too_large": Words("The request exceeds a bound", "请求超出上限", "减少内容或分次发送"),
    "not_found": Words("There is no such thing", "没有该对象", "核对编号；刚提交的内容要等其区块读入后才可见"),
    "unauthenticated": Words("No valid key was given", "未提供有效密钥", "请使用本机构的 API 密钥"),
    "forbidden": Words("This key may not do that", "无权执行该操作", "由有权的机构或密钥执行"),
    "conflict": Words("The state of a record does not allow it", "当前状态不允许", "重新读取记录；编号只接受一次"),
    "idempotency_mismatch": Words(
        "The idempotency key was used for another body",
        "幂等键已用于另一请求",
        "新指令使用新的 Idempotency-Key；只有重发才用原键和原内容",
    ),
    "unsupported_action": Words("The action cannot be carried out", "不支持该操作", "查看可执行的操作和方法"),
    "cancelled": Words("The command was cancelled", "指令已撤销", "如仍需执行，请使用新的 Idempotency-Key"),
    "cursor_ahead": Words("The cursor is ahead of this node", "游标超前于本节点", "稍后再试；进度见 GET /v1/status"),
    "unavailable": Words("A part that is needed does not answer", "所需部件无响应", "稍后以同一键重发同一请求"),
    "internal": Words("The node failed", "节点内部故障", "以同一键重发；若仍失败，请联系节点运维"),
    # devices and packs
    "unknown_device": Words("The device is not enrolled", "设备未登记", "先登记并绑定该设备"),
    "bad_signature": Words("A signature does not hold", "签名无效", "核对设备登记的公钥与其签名密钥"),
    "pack_equivocation": Words(
        "A device said two things at one place", "设备在同一序号下给出不同内容", "查明谁持有该设备密钥，并暂停设备"
    ),
    "clock_skew": Words("A time lies too far in the future", "时间超前过多", "校准发送方的时钟"),
    "implausible": Words("A value is outside what is allowed", "数值超出允许范围", "检查传感器及其单位"),
    "wrong_aad": Words("It was made for another place", "内容属于其他设备或联盟", "发送到其所属的设备或联盟"),
    # attestations
    "quorum_not_met": Words("Too few signatures count", "有效签名不足", "请缺少签名的成员签名"),
    "conflicted_signer": Words("A signer has an interest", "签名方存在利益冲突", "由其他成员签名"),
    "equivocation": Words("There are two statements for one place", "同一序号存在两份声明", "保留两份并提交监管方"),
    "wrong_epoch": Words("It is of another committee", "委员会届次不符", "由现任委员会签名"),
    "sequence_regressed": Words(
        "It is older than the newest accepted", "早于最新已接受的声明", "按顺序提交；旧的不再生效"
    ),
    "profile_mismatch": Words("It was made under another profile", "资产配置不一致", "所有成员使用同一配置"),
    "proof_invalid": Words("A proof does not lead to its root", "证明与根不符", "重新获取；若仍不符，日志已被改动"),
    "not_a_member": Words("The signer is not in the committee", "签名方不是委员会成员", "核对届次"),
    "duplicate_signer": Words("A member signed twice", "成员重复签名", "无需处理，以第一份为准"),
    # receipts and pledges
    "slot_claimed": Words("A receipt holds the slot", "货位已被仓单占用", "换空闲货位，或先注销、提货原仓单"),
    "receipt_pledged": Words("A pledge rests on the receipt", "仓单已质押", "由质权人解除质押，或等其失效"),
    "receipt_not_active": Words("The receipt is not active", "仓单不在有效状态", "使用有效的仓单"),
    "pledge_not_active": Words("The pledge is not active", "质押不在有效状态", "查询仓单现有的质押"),
    "not_owner": Words("The caller is not the owner", "并非所有人", "由所有人办理"),
    "not_pledgee": Words("The caller is not the pledgee", "并非质权人", "由质权人办理"),
    # facilities
    "command_repeated": Words("The command was carried out before", "指令已执行过", "以第一次为准；新指令用新键"),
    "facility_not_active": Words("The facility is not active", "授信未启用", "质权状态存证后启用；关闭中的不再放款"),
    "facility_matured": Words("The facility is past its maturity", "授信已到期", "另行约定授信；还款不受影响"),
    "facility_frozen": Words("The facility is frozen", "授信已冻结", "查询冻结原因及解除条件"),
    "attestation_stale": Words("The attested quantity is not fresh", "数量存证声明过期或存疑", "等待下一次定期存证"),
    "lien_missing": Words("No fresh attestation of the lien", "缺少有效的质权状态存证", "接受质押并由预言机存证"),
    "price_stale": Words("The attested price is not fresh", "价格存证过期或存疑", "检查各成员的价格来源"),
    "limit_exceeded": Words("It is more than the headroom", "超出可用额度", "查询可用额度"),
    "insufficient_funds": Words("The account cannot fund it", "账户余额或授权不足", "充值；支用须由贷款人提高授权"),
    "not_clean": Words("Too few clean windows since the freeze", "正常窗口不足", "等待足够的正常窗口"),
    "approval_missing": Words("An approval is missing", "缺少批准", "由规则所列角色批准本次冻结的解除"),
    "closing_unreleased": Words("The pledge is not released yet", "质押尚未解除", "质权人解除质押，存证后再关闭"),
    # between the ledgers, and of the ledgers
    "pledge_without_facility": Words("A pledge without a facility", "有质押而无授信", "质权人提出授信或解除质押"),
    "facility_without_lien": Words("A facility without an attested lien", "授信缺少质权存证", "由预言机存证质权状态"),
    "facts_ahead": Words("The obligations lack an attestation", "义务账本缺少存证声明", "向义务账本提交该声明"),
    "obligations_ahead": Words("The facts lack an attestation", "事实账本缺少存证声明", "向事实账本提交该声明"),
    "endorsement_mismatch": Words("An endorser computed something else", "背书结果不一致", "核对其链码版本与状态"),
    "reverted": Words("A contract failed without a reason", "合约执行失败且未说明原因", "查看该交易"),
    # keys of a home
    "keystore_missing": Words("There is no such key file", "密钥文件不存在", "核对目录，或生成机构密钥"),
    "keystore_mode": Words("Others can read the key file", "密钥文件可被他人读取", "限制文件权限，必要时换密钥"),
    "keystore_passphrase": Words("The passphrase does not open it", "口令不正确", "使用该机构的口令"),
    "keystore_damaged": Words("It is no sealed key file", "密钥文件损坏", "从备份恢复"),
    # from the library below the contracts
    "access_managed_required_delay": Words("The call has to be scheduled", "须先排期", "先在权限合约中排期"),
    "access_managed_invalid_authority": Words("The authority is no contract", "权限地址不是合约", "不要更改权限地址"),
    "access_manager_already_scheduled": Words("It is scheduled already", "已排期", "等待其生效"),
    "access_manager_not_scheduled": Words("It was not scheduled", "未排期", "先排期"),
    "access_manager_not_ready": Words("Its delay is not over", "延时未满", "等待"),
    "access_manager_expired": Words("It was not executed in time", "排期已过期", "重新排期"),
    "access_manager_bad_confirmation": Words("Only its holder renounces a role", "只能放弃自己的角色", "填写自己"),
    "access_manager_invalid_initial_admin": Words("An administrator is needed", "缺少管理员", "指定管理员"),
    "access_manager_locked_role": Words("The role cannot be changed", "该角色不可更改", "使用其他角色"),
    "access_manager_unauthorized_cancel": Words("The caller may not cancel it", "无权取消", "由提出方或监护方取消"),
    "access_manager_unauthorized_consume": Words("Only the target consumes it", "只能由目标合约使用", "调用目标合约"),
    "address_empty_code": Words("There is no contract there", "该地址没有合约", "核对合约地址"),
    "failed_call": Words("An inner call failed", "内部调用失败", "查看该交易"),
    "insufficient_balance": Words("There are no native coins to send", "原生币余额不足", "不要附带原生币"),
    "safe_cast_overflowed_uint_downcast": Words("A delay is too large", "延时过大", "使用更小的值"),
    "erc20_insufficient_allowance": Words("It is beyond the allowance", "超出授权额度", "提高授权"),
    "erc20_insufficient_balance": Words("It is beyond the balance", "余额不足", "充值"),
    "erc20_invalid_approver": Words("The zero address approves nothing", "零地址不能授权", "使用有效账户"),
    "erc20_invalid_receiver": Words("The zero address receives nothing", "零地址不能收款", "使用有效账户"),
    "erc20_invalid_sender": Words("The zero address sends nothing", "零地址不能付款", "使用有效账户"),
    "erc20_invalid_spender": Words("The zero address spends nothing", "零地址不能支用", "使用有效账户"),
}
